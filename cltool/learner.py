"""The learner: a head per task on frozen features, merged into the head of all tasks before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from cltool.clock import Clock
from cltool.errors import CallError
from cltool.heads import UNKNOWN, Head
from cltool.pictures import Block
from cltool.plugin import Configured
from cltool.seeding import generator
from cltool.standardization import Standardization
from cltool.statistics import Statistics
from cltool.tasks import Task, TaskStream

Features = Callable[[Sequence[Block]], Tensor]  # blocks → [n, D]; a bank and a backbone behind it


class Predictor(Protocol):
    """What a strategy has learned so far: scores for pictures."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the scores, `unknown` among them if the strategy has it."""

    def scores(self, blocks: Sequence[Block]) -> Tensor:
        """Scores [n, len(outputs)] of all pictures of the blocks, in order."""


class Strategy(Protocol):
    """A way to learn a stream: a predictor after each task, from that task's samples and its own memory."""

    def __call__(self, stream: TaskStream, **given: Any) -> Iterator[Predictor]: ...


@dataclass(frozen=True)
class Knowledge:
    """All that is kept between tasks: no sample, only a map, a head and sums."""

    standardization: Standardization
    head: Head
    statistics: Statistics
    tasks: int


@dataclass(frozen=True)
class LinearPredictor:
    """A merged head over standardised features, with what it was made of."""

    features: Features
    knowledge: Knowledge
    task_head: Head

    @property
    def outputs(self) -> tuple[str, ...]:
        return self.knowledge.head.names

    def scores(self, blocks: Sequence[Block]) -> Tensor:
        """Scores [n, R] of the merged head."""
        return self.knowledge.head(self.knowledge.standardization(self.features(blocks)))


@dataclass(frozen=True)
class Learner:
    """The strategy behind `cltool run`: fit a head (`fit`, `unknown`), then `merge` it.

    Every random step draws from a generator named by (seed, task, step), so a resumed run draws as the
    unbroken one does.
    """

    fit: Configured
    unknown: Configured
    merge: Configured
    seed: int = 0
    clock: Clock = field(default_factory=Clock, compare=False)

    def __call__(
        self,
        stream: TaskStream,
        *,
        features: Features,
        backbone: str,
        start: Knowledge | None = None,
        **given: Any,
    ) -> Iterator[LinearPredictor]:
        """Learn the stream's tasks, from the one after `start`; a predictor after each.

        `features` gives blocks' features; `backbone` is their fingerprint.
        """
        knowledge = start
        for task in stream.tasks(knowledge.tasks if knowledge else 0):
            knowledge, head = self.learn(task, features, backbone, knowledge)
            yield LinearPredictor(features, knowledge, head)

    def learn(self, task: Task, features: Features, backbone: str, old: Knowledge | None) -> tuple[Knowledge, Head]:
        """What is known after `task`, and the task's own head; `old` is all that is left of earlier ones."""
        x, y = features(task.train), task.train_targets
        if not torch.isfinite(x).all():
            bad = int((~torch.isfinite(x)).any(0).nonzero()[0])
            raise CallError(f"task {task.name}: feature {bad} of the backbone is not a finite number")
        standardization = old.standardization if old else Standardization.of(x)
        space = old.head.space if old else standardization.space(backbone)
        x = standardization(x)
        with self.clock.measure("statistics_s"):
            statistics = Statistics.of(x, y, task.outputs, space)
        with self.clock.measure("fit_s"):
            head = self._fit(task, x, y, space, old.statistics if old else None)
        with self.clock.measure("merge_s"):
            merged = self._merge(task.name, old, head, statistics)
        total = old.statistics + statistics if old else statistics
        known = Knowledge(standardization, merged, total, (old.tasks if old else 0) + 1)
        return known, head

    def _fit(self, task: Task, x: Tensor, y: Tensor, space: str, old: Statistics | None) -> Head:
        """A head on the task's own samples, with a row for each output and one for `unknown`."""
        strangers = self.unknown(
            features=x, targets=y, old_statistics=old, rng=generator(self.seed, task.name, "unknown")
        )
        n, m, outputs = len(x), len(strangers), len(task.outputs)
        targets = torch.zeros(n + m, outputs + 1)
        targets[:n, :outputs] = y
        targets[n:, outputs] = 1
        weight, bias = self.fit(
            features=torch.cat([x, strangers]), targets=targets, rng=generator(self.seed, task.name, "fit")
        )
        return Head((*task.outputs, UNKNOWN), weight, bias, targets.sum(0), space)

    def _merge(self, name: str, old: Knowledge | None, head: Head, statistics: Statistics) -> Head:
        """The head of all tasks so far; the first task's own head is not merged with anything."""
        if old is None:
            return head
        return self.merge(
            old=old.head,
            new=head,
            old_statistics=old.statistics,
            new_statistics=statistics,
            statistics=old.statistics + statistics,
            rng=generator(self.seed, name, "merge"),
        )

    def bytes_kept(self, knowledge: Knowledge) -> int:
        """Bytes this method needs of earlier tasks: only what its merge and its unknown ask for."""
        kept = knowledge.standardization.nbytes
        if self.merge.asks("old", "new"):
            kept += knowledge.head.nbytes
        if self.merge.asks("old_statistics", "statistics") or self.unknown.asks("old_statistics"):
            kept += knowledge.statistics.nbytes
        return kept
