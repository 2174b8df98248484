"""Processes and devices of a training: one, or several that torchrun started, as accelerate sees them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import torch

from cltool.errors import CallError

if TYPE_CHECKING:
    from accelerate import Accelerator

PRECISIONS = {"float32": "no", "bfloat16": "bf16", "float16": "fp16"}
PATIENCE = timedelta(hours=2)  # of the other processes with the first one, while it decodes and downloads


def is_main_process() -> bool:
    """Whether this process is the one that writes and prints; the only one, unless torchrun started several."""
    return int(os.environ.get("RANK", "0")) == 0


@contextmanager
def accelerated(precision: str, device: str) -> Iterator[Accelerator]:
    """Accelerate's view of devices and processes; what it and torch keep globally is as before when the block ends.

    `precision`: a key of PRECISIONS; `device`: cpu or cuda. Raises CallError for a precision that the device lacks.
    """
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState
    from accelerate.utils import InitProcessGroupKwargs

    AcceleratorState._reset_state(reset_partial_state=True)  # an earlier training's, of another precision maybe
    try:
        accelerator = Accelerator(
            mixed_precision=PRECISIONS[precision],
            cpu=device == "cpu",
            kwargs_handlers=[InitProcessGroupKwargs(timeout=PATIENCE)],
        )
    except ValueError as error:
        raise CallError(f"--precision {precision}: {error}; take float32") from None
    devices = [accelerator.device] if accelerator.device.type == "cuda" else []
    try:
        with warnings.catch_warnings():
            # What is to take the place of these has no gradient in the oldest torch that we take.
            warnings.filterwarnings("ignore", r"torch\.distributed\.nn\.functional", FutureWarning)
            with torch.random.fork_rng(devices), torch.backends.cudnn.flags(enabled=True, benchmark=True):
                yield accelerator
    finally:
        accelerator.end_training()
        AcceleratorState._reset_state(reset_partial_state=True)
