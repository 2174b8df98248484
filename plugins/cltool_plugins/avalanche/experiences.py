"""A task as Avalanche's experience, its samples in memory for the task's turn and no longer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from cltool.errors import DataGone


class TaskSamples:
    """The samples of one task as a data set of pairs (x, class): x [n, …] in memory, classes as numbers.

    When the task's turn is over `keep` drops all but some; asking for another raises DataGone. Numbers of samples
    stay as they were.

    >>> task = TaskSamples("001", torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([0, 0, 1]))
    >>> task.keep([2])
    >>> task[2], task.nbytes
    ((tensor([3.]), 1), 4)
    >>> task[0]
    Traceback (most recent call last):
    cltool.errors.DataGone: sample 0 of task 001 was not kept when its turn was over
    """

    def __init__(self, name: str, x: Tensor, classes: Tensor) -> None:
        self.name = name
        self.targets: list[int] = classes.tolist()
        self.sample_shape = tuple(x.shape[1:])
        self._x = x
        self._place: dict[int, int] | None = None  # a sample's number → its row; all of them during the turn

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        (row,) = self._rows([index])
        return self._x[row], self.targets[index]

    def rows(self, indices: Iterable[int]) -> tuple[Tensor, Tensor]:
        """x and classes of several samples at once; raises DataGone as for one."""
        wanted = [int(i) for i in indices]
        return self._x[self._rows(wanted)], torch.tensor([self.targets[i] for i in wanted])

    def _rows(self, wanted: list[int]) -> list[int]:
        if self._place is None:
            return wanted
        for index in wanted:
            if index not in self._place:
                raise DataGone(f"sample {index} of task {self.name} was not kept when its turn was over")
        return [self._place[i] for i in wanted]

    def keep(self, indices: Iterable[int]) -> None:
        """Drop all samples but these; raises DataGone for one that is gone already."""
        wanted = sorted(set(indices))
        rows = self._rows(wanted)
        self._x = self._x[rows].clone()  # a copy, so that the others leave the memory
        self._place = {sample: row for row, sample in enumerate(wanted)}

    @property
    def kept(self) -> int:
        """How many samples are still here."""
        return len(self._x)

    @property
    def nbytes(self) -> int:
        """Bytes of the samples that are still here."""
        return self._x.nbytes


@dataclass
class Experience:
    """What Avalanche's strategies ask of an experience, and no way from it to other tasks' samples.

    Its own `DatasetExperience` will not do: BiC sets `dataset`, which is read-only there.
    """

    dataset: Any
    classes_in_this_experience: list[int]
    classes_seen_so_far: list[int]
    current_experience: int
    task_label: int
    benchmark: Any
    origin_stream: Any
    task_labels: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.task_labels = [self.task_label]

    def logging(self) -> Experience:
        """Itself: Avalanche hides from strategies what loggers and metrics may see; here there is nothing to hide."""
        return self


@dataclass(frozen=True)
class Experiences:
    """Makes experiences of the tasks of one stream, whose classes are `groups`, numbered in the order they come.

    `told`: whether samples carry their task's number, as they must for strategies that are told it; else all say 0.
    """

    groups: tuple[tuple[str, ...], ...]
    told: bool = False

    @property
    def classes(self) -> Mapping[str, int]:
        """The number of every class of the stream."""
        return {name: i for i, name in enumerate(dict.fromkeys(name for group in self.groups for name in group))}

    def seen(self, number: int) -> list[int]:
        """The numbers of all classes of the tasks up to and with `number` (from 0): 0, 1, …"""
        return sorted({self.classes[name] for group in self.groups[: number + 1] for name in group})

    def train(self, number: int, samples: TaskSamples) -> Experience:
        """The experience of task `number` (from 0)."""
        return self._experience(number, samples, [self.classes[name] for name in self.groups[number]], "train")

    def test(self, number: int, samples: TaskSamples, task: int = 0) -> Experience:
        """Samples to be scored by what has learned tasks up to `number`; `task`: whose they are, if that is told."""
        return self._experience(task, samples, self.seen(number), "test")

    def _experience(self, number: int, samples: TaskSamples, classes: Sequence[int], stream: str) -> Experience:
        from cltool_plugins.avalanche.library import library

        library()
        from avalanche.benchmarks.utils import _make_taskaware_classification_dataset

        label = number if self.told else 0
        dataset = _make_taskaware_classification_dataset(samples, targets=samples.targets, task_labels=label)
        order = [self.classes[name] for group in self.groups for name in group]
        benchmark = SimpleNamespace(n_classes_per_exp=[len(g) for g in self.groups], classes_order=order)
        origin = SimpleNamespace(name=stream)
        return Experience(dataset, list(classes), self.seen(number), number, label, benchmark, origin)


def class_numbers(targets: Tensor, outputs: Sequence[str], classes: Mapping[str, int]) -> Tensor:
    """Of one-hot targets [n, K] over `outputs`: every sample's number [n] among all of the stream's classes.

    >>> class_numbers(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), ("c", "a"), {"a": 0, "b": 1, "c": 2})
    tensor([0, 2])
    """
    return torch.tensor([classes[name] for name in outputs])[targets.argmax(1)]
