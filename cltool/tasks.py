"""Tasks and streams of tasks: who learns what when, and that old data is gone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cltool.errors import CallError, nearest
from cltool.pictures import Block, PictureSet, Turn, targets_of, values_of

if TYPE_CHECKING:
    from torch import Tensor

Blocks = tuple[Block, ...]


@dataclass(frozen=True)
class Task:
    """One task: its outputs and its pictures, of which the training part lasts for its turn only.

    `outputs`: what a head has rows for, classes or, where `values` is true, values: the same in every task.
    """

    name: str
    outputs: tuple[str, ...]
    train: Blocks
    test: Blocks
    all_outputs: tuple[str, ...]
    values: bool = False

    @property
    def train_targets(self) -> Tensor:
        """float32 [n, K]: each training picture's distribution over the task's K outputs, or its K values."""
        if self.values:
            return values_of(self.train)
        return targets_of(self.train, self.outputs, self.all_outputs)


@dataclass(frozen=True)
class TaskStream:
    """A picture set cut into tasks. Iterating gives them in turn and closes each before the next.

    A task's training blocks raise DataGone once the iterator has moved on, whoever still holds them; test
    blocks stay readable. Every iteration starts anew, so an evaluator's pass and a learner's pass do not
    open each other's tasks.
    """

    pictures: PictureSet
    groups: tuple[tuple[str, ...], ...]
    left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.groups)

    def __iter__(self) -> Iterator[Task]:
        return self.tasks()

    def tasks(self, start: int = 0) -> Iterator[Task]:
        """The tasks from number `start` (counted from 0) on."""
        for number, outputs in list(enumerate(self.groups))[start:]:
            turn = Turn()
            train = tuple(self.pictures.train[name].during(turn) for name in outputs)
            try:
                name, test = f"{number + 1:03d}", self.test(outputs)
                yield Task(name, self.values or outputs, train, test, self.pictures.outputs, bool(self.values))
            finally:
                turn.over = True

    @property
    def values(self) -> tuple[str, ...]:
        """The names of the values that are learned; none where classes are."""
        return self.pictures.values

    def learned(self, number: int) -> tuple[str, ...]:
        """What a predictor must have scores for after task `number` (from 0): all classes seen, or the values."""
        return self.values or self.seen(number)

    def test(self, outputs: Sequence[str]) -> Blocks:
        """The test blocks of these outputs."""
        return tuple(self.pictures.test[name] for name in outputs)

    @property
    def test_counts(self) -> list[int]:
        """How many test pictures each task has."""
        return [sum(len(block) for block in self.test(outputs)) for outputs in self.groups]

    def seen(self, number: int) -> tuple[str, ...]:
        """All outputs of the tasks up to and with `number` (from 0), in order of their coming."""
        return tuple(dict.fromkeys(name for group in self.groups[: number + 1] for name in group))

    def novel(self, number: int) -> tuple[str, ...]:
        """All outputs that no task up to and with `number` has: later tasks' and those left out."""
        seen = set(self.seen(number))
        return tuple(name for name in self.pictures.outputs if name not in seen)


def order_outputs(outputs: Sequence[str], order: str | Sequence[str] = "given", seed: int = 0) -> tuple[str, ...]:
    """Outputs in the wanted order: 'given', 'random' (shuffled by `seed`), or the names themselves.

    Raises CallError: a name that the data has not, or one given twice.

    >>> order_outputs(["a", "b", "c"], ["c", "a"])
    ('c', 'a')
    """
    if order == "given":
        return tuple(outputs)
    if order == "random":
        keyed = {name: hashlib.sha256(f"{seed}/{i}".encode()).digest() for i, name in enumerate(outputs)}
        return tuple(sorted(outputs, key=keyed.__getitem__))
    for place, name in enumerate(order):
        if name not in outputs:
            raise CallError(f"class order: the data has no class {name!r}; {nearest(name, outputs)}")
        if name in order[:place]:
            raise CallError(f"class order: {name!r} stands twice")
    return tuple(order)


def cut(
    ordered: Sequence[str], tasks: int | None, per_task: int | Sequence[int] | None, units: str = "classes"
) -> tuple[tuple[str, ...], ...]:
    """Cut ordered outputs into tasks: `tasks` equal ones, or `per_task` outputs each (a number or a list).

    With `per_task` the first T·K outputs are taken and the rest left out; T is as many as fit unless given.
    `units`: what outputs are called in messages. Raises CallError: tasks that do not divide the outputs, more outputs
    asked for than there are.

    >>> cut("abcdefg", None, [3, 2, 2])
    (('a', 'b', 'c'), ('d', 'e'), ('f', 'g'))
    >>> cut("abcdefg", 3, 2)
    (('a', 'b'), ('c', 'd'), ('e', 'f'))
    """
    n = len(ordered)
    if tasks is not None and tasks < 1:
        raise CallError(f"--tasks {tasks}: there must be at least one task")
    if per_task is None:
        tasks = tasks or 1
        if n % tasks:
            fits = ", ".join(str(t) for t in range(1, n + 1) if n % t == 0)
            raise CallError(
                f"{n} {units} cannot be cut into {tasks} equal tasks; take --tasks {fits}, "
                "or --classes-per-task to leave some out"
            )
        sizes = [n // tasks] * tasks
    elif isinstance(per_task, int):
        if per_task < 1:
            raise CallError(f"--classes-per-task {per_task}: there must be at least one class per task")
        sizes = [per_task] * (tasks or max(1, n // per_task))
    else:
        sizes = list(per_task)
        if tasks is not None and tasks != len(sizes):
            raise CallError(f"--tasks {tasks}, but --classes-per-task lists {len(sizes)} tasks")
        if not sizes or min(sizes) < 1:
            raise CallError("--classes-per-task: there must be at least one class per task")
    if sum(sizes) > n:
        raise CallError(f"{' + '.join(map(str, sizes))} = {sum(sizes)} {units} asked for; there are {n}")
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return tuple(tuple(ordered[a : a + k]) for a, k in zip(starts, sizes, strict=True))


def arrange(
    pictures: PictureSet,
    tasks: int | None = None,
    per_task: int | Sequence[int] | None = None,
    order: str | Sequence[str] = "given",
    seed: int = 0,
) -> TaskStream:
    """Cut a picture set into a class-incremental stream; raises as `order_outputs` and `cut` do."""
    ordered = order_outputs(pictures.outputs, order, seed)
    groups = cut(ordered, tasks, per_task, "groups" if pictures.values else "classes")
    taken = {name for group in groups for name in group}
    return TaskStream(pictures, groups, tuple(name for name in pictures.outputs if name not in taken))
