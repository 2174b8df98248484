"""When a batch does not fit into memory: which one would."""

from __future__ import annotations

import gc
from collections.abc import Callable

import torch


def is_shortage(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or not."""
    if isinstance(error, torch.cuda.OutOfMemoryError):
        return True
    from accelerate.utils.memory import should_reduce_batch_size

    return isinstance(error, Exception) and should_reduce_batch_size(error)


def fitting(attempt: Callable[[int], None], batch: int, least: int) -> int | None:
    """The first of batch/2, batch/4, … down to `least` with which `attempt` does not run out of memory, if any.

    >>> def two_at_most(batch: int) -> None:
    ...     if batch > 2:
    ...         raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
    >>> fitting(two_at_most, 16, 1)
    2
    """
    while (batch := batch // 2) >= least:
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        try:
            attempt(batch)
            return batch
        except Exception as error:
            if not is_shortage(error):
                raise
    return None
