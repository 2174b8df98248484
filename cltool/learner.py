"""The learner: a head per task on frozen features, merged into the head of all tasks before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from cltool.clock import Clock
from cltool.errors import CallError, PluginFailed
from cltool.heads import UNKNOWN, Head
from cltool.pictures import Block
from cltool.places import Place
from cltool.plugin import Configured
from cltool.seeding import generator
from cltool.spaces import FeatureSpace
from cltool.statistics import Statistics
from cltool.surgeries import Effect, Operation, operate
from cltool.tasks import Task, TaskStream

Features = Callable[[Sequence[Block]], Tensor]  # blocks → [n, D]; a bank and a backbone behind it


class Predictor(Protocol):
    """What a strategy has learned so far: scores for pictures.

    It may tell three numbers more: `nbytes`, what it keeps of earlier tasks, `samples_kept`, how many samples there
    are among that, and `parameters`, how many weights it has beside the backbone's.
    """

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

    space: FeatureSpace
    head: Head
    statistics: Statistics
    tasks: int

    @property
    def parameters(self) -> int:
        """Number of weights of the head and of the lift under it."""
        return self.space.lift_parameters + self.head.weight.numel() + self.head.bias.numel()


@dataclass(frozen=True)
class LinearPredictor:
    """A head over the stream's feature space, with what it was made of.

    `head` is the merged head after surgery; the next merge gets `knowledge.head`, which no surgery on merged
    heads has touched. `task_head` is the last task's own, as it was fitted; None where the merge asks for none.
    `effects`: what each surgery did. `nbytes`: what the method keeps of the tasks so far.
    """

    features: Features
    knowledge: Knowledge
    head: Head
    task_head: Head | None
    effects: tuple[Effect, ...] = ()
    nbytes: int = 0

    @property
    def outputs(self) -> tuple[str, ...]:
        return self.head.names

    @property
    def samples_kept(self) -> int:
        """Heads and sums hold no sample."""
        return 0

    @property
    def parameters(self) -> int:
        """Number of weights of the head and of the lift under it."""
        return self.knowledge.parameters

    def scores(self, blocks: Sequence[Block]) -> Tensor:
        """Scores [n, R] of the head."""
        return self.head(self.knowledge.space(self.features(blocks)))


@dataclass(frozen=True)
class Learner:
    """The strategy of merged heads: fit a head (`fit`, `unknown`), operate on it, `merge` it, operate again.

    A merge that asks for no head is a function of statistics alone: no head is fitted for it then, and it is
    called after the first task, too. One that asks for heads gets the first task's own as the first `old`.
    Every random step draws from a generator named by (seed, task, step), so a resumed run draws as the
    unbroken one does.
    """

    fit: Configured
    unknown: Configured
    merge: Configured
    seed: int = 0
    lift: Configured | None = None
    surgeries: tuple[Operation, ...] = ()
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
            predictor = self.learn(task, features, backbone, knowledge)
            knowledge = predictor.knowledge
            yield predictor

    def learn(
        self,
        task: Task,
        features: Features,
        backbone: str,
        old: Knowledge | None,
        fitted: Callable[[FeatureSpace, str], Head] | None = None,
    ) -> LinearPredictor:
        """What is known after `task`; `old` is all that is left of earlier ones.

        `fitted`: who has the task's head already gives it, made for a feature space and its fingerprint.
        Raises CallError, which names the task, for features that no head can be fitted to; PluginFailed for a merge
        that gives back no head of everything seen.
        """
        x, y = features(task.train), task.train_targets
        with told_of(task.name):
            to_space = old.space if old else FeatureSpace.of(x, self.lift)
            to_space.standardization.check(x)
        space = old.head.space if old else to_space.fingerprint(backbone)
        x = to_space(x)
        with self.clock.measure("statistics_s"):
            grams = bool(self.merge.plugin.facts.get("class_grams"))
            new = Statistics.of(x, y, task.outputs, space, class_grams=grams, values=task.values)
            total = old.statistics + new if old else new
        with self.clock.measure("fit_s"), told_of(task.name):
            head = None
            if self.fits_heads:
                before = old.statistics if old else None
                head = fitted(to_space, space) if fitted else self._fit(task, x, y, space, before)
        with self.clock.measure("merge_s"):
            operated, on_task = self.operate("task", task.name, head) if head else (None, [])
            merged = self._merge(task.name, old, operated, new, total)
            scored, on_merged = self.operate("merged", task.name, merged)
        known = Knowledge(to_space, merged, total, (old.tasks if old else 0) + 1)
        return LinearPredictor(features, known, scored, head, (*on_task, *on_merged), self.bytes_kept(known))

    @property
    def fits_heads(self) -> bool:
        """Whether tasks get heads of their own: whether the merge asks for one."""
        return self.merge.asks("old", "new")

    @property
    def operates_on_merged(self) -> bool:
        """Whether the head that is scored is another than the one that the next merge gets."""
        return any(operation.on == "merged" for operation in self.surgeries)

    def operate(self, place: Place, task: str, head: Head) -> tuple[Head, list[Effect]]:
        """A head after the surgeries of a place; the same task's head always comes out the same."""
        chosen = [operation for operation in self.surgeries if operation.on == place]
        return operate(head, chosen, generator(self.seed, task, f"surgery on {place}"))

    def _fit(self, task: Task, x: Tensor, y: Tensor, space: str, old: Statistics | None) -> Head:
        """A head on the task's own samples, with a row for each output and one for `unknown`; none beside values.

        What the task learns itself is no stranger to it, even if it was seen before.
        """
        if task.values:
            weight, bias = self.fit(features=x, targets=y, rng=generator(self.seed, task.name, "fit"))
            return Head(task.outputs, weight, bias, torch.full_like(bias, len(x)), space)
        others = old.without(task.outputs) if old else None
        strangers = self.unknown(
            features=x,
            targets=y,
            old_statistics=others if others and others.names else None,
            rng=generator(self.seed, task.name, "unknown"),
        )
        n, m, outputs = len(x), len(strangers), len(task.outputs)
        targets = torch.zeros(n + m, outputs + 1)
        targets[:n, :outputs] = y
        targets[n:, outputs] = 1
        weight, bias = self.fit(
            features=torch.cat([x, strangers]), targets=targets, rng=generator(self.seed, task.name, "fit")
        )
        return Head((*task.outputs, UNKNOWN), weight, bias, targets.sum(0), space)

    def _merge(self, name: str, old: Knowledge | None, head: Head | None, new: Statistics, total: Statistics) -> Head:
        """The head of all tasks so far; where heads are merged, the first task's own stays as it is."""
        if old is None and head is not None:
            return head
        before = old.statistics if old else Statistics.empty(len(new.gram) - 1, new.space)
        with told_of(name):
            merged = self.merge(
                old=old.head if old else None,
                new=head,
                old_statistics=before,
                new_statistics=new,
                statistics=total,
                rng=generator(self.seed, name, "merge"),
            )
        self._check(name, merged, total)
        return merged

    def _check(self, name: str, merged: object, total: Statistics) -> None:
        """Raise PluginFailed, which names merge and task, for what is no head of everything seen so far."""
        where = f"task {name}: merge {self.merge}"
        if not isinstance(merged, Head):
            raise PluginFailed(f"{where} gave a {type(merged).__name__} instead of a Head")
        if merged.weight.shape[1] != len(total.gram) - 1:
            raise PluginFailed(f"{where} gave a head of width {merged.weight.shape[1]}, not {len(total.gram) - 1}")
        if lost := [row for row in total.names if row not in merged.names]:
            raise PluginFailed(f"{where} gave a head without row {lost[0]!r}")
        if broken := merged.not_finite:
            raise PluginFailed(f"{where} gave row {broken[0]!r} numbers that are not finite")

    def bytes_kept(self, knowledge: Knowledge) -> int:
        """Bytes this method needs of earlier tasks: only what its merge and its unknown ask for."""
        kept = knowledge.space.standardization.nbytes
        asked = self.merge.asks("old_statistics", "statistics")
        if self.fits_heads:
            kept += knowledge.head.nbytes
            asked = asked or self.unknown.asks("old_statistics")
        return kept + (knowledge.statistics.nbytes if asked else 0)


@contextmanager
def told_of(task: str) -> Iterator[None]:
    """Name the task in whatever is said to be wrong within the block."""
    try:
        yield
    except CallError as error:
        raise CallError(f"task {task}: {error}") from error
