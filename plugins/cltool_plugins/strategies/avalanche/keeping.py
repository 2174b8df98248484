"""What a strategy keeps of earlier tasks: found by walking all it can reach, counted, and the rest dropped."""

from __future__ import annotations

import gc
import logging
import types
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from cltool_plugins.avalanche.experiences import TaskSamples

# Classes, modules and loggers lead to the whole program; nothing of a task hangs on them.
_ELSEWHERE = (
    type,
    types.ModuleType,
    types.BuiltinFunctionType,
    types.CodeType,
    types.FrameType,
    weakref.ReferenceType,
    logging.Logger,
    str,
    bytes,
    int,
    float,
)


@dataclass(frozen=True)
class Kept:
    """What is left of the tasks so far: samples of task data sets, copies of samples in tensors, other bytes."""

    samples: int
    nbytes: int


def keep_only_reachable(strategy: Any, turns: Iterable[TaskSamples], copies: Iterable[Tensor] = ()) -> Kept:
    """Drop every sample of `turns` that `strategy` cannot reach any more; count what it still can.

    `copies` [m, …]: tensors in which the strategy holds samples of its own. The model in use (its weights, and the
    buffers beside them), the optimizer and the mini-batch at hand are not counted.
    """
    reached = _Reached()
    reached.walk(strategy, without=_in_use(strategy))
    for samples in turns:
        samples.keep(reached.samples.get(samples, ()))
    kept = [samples for samples in turns if samples.kept]
    copied = sum(len(tensor) for tensor in copies)
    return Kept(
        sum(samples.kept for samples in kept) + copied,
        sum(samples.nbytes for samples in kept) + sum(reached.storages.values()),
    )


def _in_use(strategy: Any) -> list[Any]:
    """Of the model its weights, the running statistics beside them and the flags of its rows; optimizer and loss.

    Inverses of covariances that are kept are computed from these whenever there are none.
    """
    model: nn.Module = strategy.model
    beside = [b for m in model.modules() if list(m.parameters(recurse=False)) for b in m.buffers(recurse=False)]
    flags = [m.active_units for m in model.modules() if isinstance(getattr(m, "active_units", None), Tensor)]
    inverses = [m.inverses for m in model.modules() if hasattr(m, "inverses")]
    return [*model.parameters(), *beside, *flags, *inverses, strategy.optimizer, strategy.loss]


class _Reached:
    """Samples and storages that lie on some way from an object."""

    def __init__(self) -> None:
        self.samples: dict[TaskSamples, set[int]] = {}
        self.storages: dict[int, int] = {}  # address → bytes

    def walk(self, start: Any, without: Iterable[Any]) -> None:
        from avalanche.benchmarks.utils.flat_data import FlatData

        left_out = list(without)
        seen = {id(thing) for thing in left_out}
        used = {thing.untyped_storage().data_ptr() for thing in left_out if isinstance(thing, Tensor)}
        open_ = [start]
        while open_:
            thing = open_.pop()
            if id(thing) in seen or isinstance(thing, _ELSEWHERE):
                continue
            seen.add(id(thing))
            if isinstance(thing, Tensor):
                storage = thing.untyped_storage()
                if storage.data_ptr() not in used:
                    self.storages[storage.data_ptr()] = storage.nbytes()
            elif isinstance(thing, np.ndarray) and thing.dtype != object:
                self.storages[thing.ctypes.data] = thing.nbytes
            elif isinstance(thing, TaskSamples):
                self.samples.setdefault(thing, set()).update(range(len(thing)))
            elif isinstance(thing, FlatData):
                open_.extend(self._flat(thing))
            elif isinstance(thing, types.FunctionType):
                open_.extend([thing.__closure__, thing.__defaults__])
            else:
                open_.extend(gc.get_referents(thing))

    def _flat(self, data: Any) -> Iterator[Any]:
        """Note which samples a view of data sets leads to; give back the data sets that are of other kinds."""
        for part, indices in _leaves(data, np.arange(len(data))):
            if isinstance(part, TaskSamples):
                self.samples.setdefault(part, set()).update(indices.tolist())
            else:
                yield part


def _leaves(data: Any, wanted: NDArray[np.int64]) -> Iterator[tuple[Any, NDArray[np.int64]]]:
    """The data sets under a view, and of each the rows that the view's rows `wanted` lead to."""
    from avalanche.benchmarks.utils.data import AvalancheDataset
    from avalanche.benchmarks.utils.flat_data import FlatData

    if data._indices is not None:
        wanted = np.asarray([int(data._indices[i]) for i in wanted], dtype=np.int64)
    start = 0
    for part in data._datasets:
        rows = wanted[(wanted >= start) & (wanted < start + len(part))] - start
        start += len(part)
        under = part._flat_data if isinstance(part, AvalancheDataset) else part
        if isinstance(under, FlatData):
            yield from _leaves(under, rows)
        else:
            yield under, rows
