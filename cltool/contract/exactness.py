"""Whether a merge is exact: folded over tasks, in any order and grouping, it gives the joint solution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

from cltool.contract.examples import SPACE, Samples, samples
from cltool.heads import Head
from cltool.plugin import Configured
from cltool.seeding import generator
from cltool.statistics import Statistics

FROM_SUMS = 1e-4  # of the largest weight: sums are float64, and only the head that comes of them is float32
FROM_HEADS = 1e-3  # heads are float32, and every merge rounds them once more
SMALLEST = 1e-4  # what the largest weight is taken for at least: a joint solution may be all zero


@dataclass(frozen=True)
class Situation:
    """Tasks that a merge has to put together, and what is particular about them."""

    says: str
    tasks: tuple[Samples, ...]


def situations() -> tuple[Situation, ...]:
    """The situations that the clause `exact` tries; seeded, a few dozen samples each."""
    parts = ("first", "second", "third")
    return (
        Situation("new classes", (samples("ab"), samples("cd"), samples("be", part="later"), samples("f", 20))),
        Situation("imbalance", (samples("a", 80) + samples("b", 3), samples("c", 2), samples("de", 9))),
        Situation(
            "repeated classes", tuple(samples(two, part=p) for two, p in zip(("ab", "bc", "ca"), parts, strict=True))
        ),
        Situation("the same classes in all tasks", tuple(samples("abc", 12, part=part) for part in parts)),
        Situation("one sample per class", (samples("ab", 1), samples("cd", 1), samples("ae", 1, part="later"))),
        Situation(
            "more features than samples",
            (samples("ab", 4, width=24), samples("cd", 4, width=24), samples("be", 2, width=24, part="later")),
        ),
    )


def foldings(tasks: Sequence[Samples]) -> Mapping[str, Sequence[Samples]]:
    """Ways to go through the same samples."""
    return {
        "tasks one by one": tasks,
        "tasks in another order": tasks[::-1],
        "tasks in two parts": [reduce(add, tasks[1::2]), reduce(add, tasks[::2])],
    }


def fold(merge: Configured, tasks: Sequence[Samples]) -> Head:
    """The merged head of all tasks, one after another; each task's own head is its ridge solution.

    λ is the merge's option `strength`, 1 without one. A merge that asks for heads is first called at the second
    task; one that asks for statistics alone at the first, as the learner does.
    """
    total = Statistics.empty(tasks[0].features.shape[1], SPACE)
    head: Head | None = None
    for task in tasks:
        own, together = task.head(_strength(merge), unknown=False), total + task.statistics
        if head is None and merge.asks("old", "new"):
            head = own
        else:
            head = _merged(merge, total, task.statistics, old=head, new=own)
        total = together
    assert head is not None
    return head


def joint(merge: Configured, tasks: Sequence[Samples]) -> Head:
    """What an exact merge must give: of heads, the ridge head of all samples; else the merge of all samples' sums."""
    whole = reduce(add, tasks)
    if merge.asks("old", "new"):
        return whole.head(_strength(merge), unknown=False)
    return _merged(merge, Statistics.empty(whole.features.shape[1], SPACE), whole.statistics)


def difference(found: Head, wanted: Head) -> float:
    """By how much rows of the same names differ, as a share of the largest weight (a large bias: of that bias).

    Raises KeyError where `found` lacks a class.
    """
    largest = max(float(wanted.weight.abs().max()), SMALLEST)
    shares = [0.0]
    for name in wanted.classes:
        if name not in found.names:
            raise KeyError(name)
        ours, theirs = found.row(name), wanted.row(name)
        shares.append(float((ours.weight - theirs.weight).abs().max()) / largest)
        shares.append(float((ours.bias - theirs.bias).abs()) / max(largest, float(theirs.bias.abs())))
    return max(shares)


def bound(merge: Configured) -> float:
    """The difference that rounding may make: 1e-4 from sums alone, 1e-3 from heads."""
    return FROM_HEADS if merge.asks("old", "new") else FROM_SUMS


def _strength(merge: Configured) -> float:
    return float(merge.options.get("strength") or 1.0)


def _merged(merge: Configured, before: Statistics, now: Statistics, **heads: Head | None) -> Head:
    sums = {"old_statistics": before, "new_statistics": now, "statistics": before + now}
    found: Head = merge(**{"old": None, "new": None, **heads}, **sums, rng=generator("contract", "exact"))
    return found
