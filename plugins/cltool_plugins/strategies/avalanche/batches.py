"""Avalanche's mini-batches, cut from tensors in memory; its own loader takes sample by sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from cltool_plugins.avalanche.experiences import TaskSamples

Columns = tuple[Tensor, ...]  # of all samples: x, class, task


@contextmanager
def in_memory() -> Iterator[None]:
    """While it lasts, Avalanche's loaders give the same batches in a fraction of the time."""
    from avalanche.benchmarks.utils.data_loader import MultiDatasetDataLoader

    theirs = MultiDatasetDataLoader._make_pytorch_loader

    def loader(self: Any, datasets: Sequence[Any], batch_sampler: Any) -> DataLoader:
        found = [columns(dataset) for dataset in datasets]
        known = [part for part in found if part is not None]
        if len(known) < len(found):
            given: DataLoader = theirs(self, datasets, batch_sampler)
            return given
        together = [torch.cat(parts) for parts in zip(*known, strict=True)]
        return DataLoader(_Rows(together), batch_sampler=batch_sampler, collate_fn=list)

    with patch.object(MultiDatasetDataLoader, "_make_pytorch_loader", loader):
        yield


class _Rows(TensorDataset):
    """Columns of which a whole batch is taken at once; a batch is what it gives."""

    def __init__(self, columns: Sequence[Tensor]) -> None:
        super().__init__(*columns)

    def __getitems__(self, rows: Sequence[int]) -> list[Tensor]:
        chosen = torch.as_tensor(rows)
        return [column[chosen] for column in self.tensors]


def columns(dataset: Any) -> Columns | None:
    """All samples of an Avalanche data set, in order; None for one of more or other than x, class and task."""
    extra = [attribute for attribute in dataset._data_attributes.values() if attribute.use_in_getitem]
    if [attribute.name for attribute in extra] != ["targets_task_labels"]:
        return None
    found = _pairs(dataset._flat_data, np.arange(len(dataset)))
    return None if found is None else (*found, torch.tensor(list(extra[0])))


def _pairs(data: Any, wanted: NDArray[np.int64]) -> tuple[Tensor, Tensor] | None:
    """x and classes of the rows `wanted` of whatever data sets lie under each other."""
    from avalanche.benchmarks.utils.flat_data import FlatData

    if isinstance(data, TaskSamples):
        return data.rows(wanted)
    if isinstance(data, TensorDataset):
        return data.tensors[0][wanted], data.tensors[1][wanted]
    under = getattr(data, "_flat_data", data)
    if not isinstance(under, FlatData):
        return None
    if under._indices is not None:
        wanted = np.asarray([int(under._indices[i]) for i in wanted], dtype=np.int64)
    return _of_parts(under._datasets, wanted)


def _of_parts(parts: Sequence[Any], wanted: NDArray[np.int64]) -> tuple[Tensor, Tensor] | None:
    """Rows of several data sets, one after another, in the order in which they are wanted."""
    ends = np.cumsum([len(part) for part in parts])
    part_of = np.searchsorted(ends, wanted, side="right")
    found, places = [], []
    for number, part in enumerate(parts):
        (mine,) = np.nonzero(part_of == number)
        if not len(mine):
            continue
        pairs = _pairs(part, wanted[mine] - (ends[number] - len(part)))
        if pairs is None:
            return None
        found.append(pairs)
        places.append(mine)
    order = torch.from_numpy(np.argsort(np.concatenate(places), kind="stable"))
    x, classes = (torch.cat(column)[order] for column in zip(*found, strict=True))
    return x, classes
