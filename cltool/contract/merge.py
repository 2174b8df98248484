"""The contract of a merge: two heads, or their statistics, → one head."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any

import torch

from cltool.contract.clauses import Clause, NotChecked
from cltool.contract.exactness import FROM_HEADS, FROM_SUMS, bound, difference, fold, foldings, joint, situations
from cltool.contract.examples import FLOATS, WIDTH, Samples, samples, value_samples, without_samples
from cltool.contract.heads import FILE, FINITE, head_of
from cltool.contract.trials import DETERMINISTIC, RUNS, UNTOUCHED, Make, Subject, Trial, each, try_all
from cltool.heads import UNKNOWN, Head
from cltool.plugin import Configured
from cltool.seeding import generator

SEPARATED = "new classes"
UNEXPLAINED = 0.25  # share of a value's variance, where a law explains all but 1 % of it
EXACT = (
    "the joint solution, whatever the order and grouping of tasks, but for rounding: "
    f"{FROM_SUMS:g} of the largest weight from sums alone, {FROM_HEADS:g} from float32 heads"
)


def _inputs(old: Samples, new: Samples, unknown: bool = True, dtype: torch.dtype = torch.float32) -> Make:
    def make() -> dict[str, Any]:
        return {
            "old": old.head(unknown=unknown, dtype=dtype),
            "new": new.head(unknown=unknown, dtype=dtype),
            "old_statistics": old.statistics,
            "new_statistics": new.statistics,
            "statistics": old.statistics + new.statistics,
        }

    return make


def subject(merge: Configured) -> Subject:
    """Try it on every way in which classes of two heads can lie to each other."""
    ab = samples("ab")
    cases = {
        SEPARATED: _inputs(ab, samples("cde")),
        "a class that both know": _inputs(ab, samples("bc", part="later")),
        "the same classes": _inputs(ab, samples("ab", part="later")),
        "heads without `unknown`": _inputs(ab, samples("cd"), unknown=False),
        "a class without samples": _inputs(ab, without_samples(samples("cd"), "d")),
        "one sample per class": _inputs(samples("ab", 1), samples("cd", 1)),
        **{f"{dtype} heads": _inputs(ab, samples("cd"), dtype=dtype) for dtype in FLOATS},
    }
    return try_all(merge, cases)


def _shape(trial: Trial) -> str | None:
    found, width = trial.result, trial.given["old"].weight.shape[1]
    if not isinstance(found, Head):
        return f"a {type(found).__name__}"
    return None if found.weight.shape[1] == width else f"{found.weight.shape[1]} features instead of {width}"


def _names(subject: Subject) -> str | None:
    heads = subject.plugin.asks("old", "new")

    def judge(trial: Trial) -> str | None:
        found, old, new = head_of(trial), trial.given["old"], trial.given["new"]
        wanted = tuple(dict.fromkeys((*old.classes, *new.classes)))
        with_unknown = (*wanted, UNKNOWN)
        allowed = {with_unknown if UNKNOWN in old.names else wanted} if heads else {wanted, with_unknown}
        return None if found.names in allowed else f"{', '.join(found.names)} instead of {', '.join(max(allowed))}"

    return each(judge)(subject)


def _dtype(subject: Subject) -> str | None:
    heads = subject.plugin.asks("old", "new")

    def judge(trial: Trial) -> str | None:
        found = head_of(trial)
        wanted = trial.given["old"].weight.dtype if heads else torch.float32
        bad = {found.weight.dtype, found.bias.dtype} - {wanted}
        return f"{bad.pop()} instead of {wanted}" if bad else None

    return each(judge)(subject)


def _device(subject: Subject) -> str | None:
    if not torch.cuda.is_available():
        raise NotChecked("there is no GPU here")
    if not subject.plugin.asks("old", "new"):
        raise NotChecked("it asks for no heads, and statistics live on the CPU")
    given = _inputs(samples("ab"), samples("cd"))()
    for which in ("old", "new"):
        head = given[which]
        given[which] = Head(head.names, head.weight.cuda(), head.bias.cuda(), head.counts.cuda(), head.space)
    found = subject.plugin(**given, rng=generator("contract", "device"))
    if not isinstance(found, Head):
        raise NotChecked("the result is no Head")
    return None if found.weight.is_cuda and found.bias.is_cuda else f"weights on {found.weight.device}"


def _space(trial: Trial) -> str | None:
    return None if head_of(trial).space == trial.given["old"].space else f"{head_of(trial).space!r}"


def _counts(trial: Trial) -> str | None:
    counts = head_of(trial).counts
    return None if torch.isfinite(counts).all() and (counts >= 0).all() else f"{counts.tolist()}"


def _rows(trial: Trial) -> str | None:
    """Rows must be what their names say: a task's samples are told apart, its own classes competing."""
    if trial.case != SEPARATED:
        return None
    head = head_of(trial)
    tasks = (samples("ab"), samples("cde"))
    sound = head.weight.shape[1] == WIDTH and {*"abcde"} <= {*head.names} and torch.isfinite(head.weight).all()
    if not sound:
        raise NotChecked("shape, names or numbers are not as they must be")
    for task in tasks:
        scores = task.features.to(head.weight) @ head.weight.T + head.bias
        scores = scores[:, [head.names.index(name) for name in task.names]]
        right = float((scores.argmax(1) == task.targets.argmax(1)).double().mean())
        if right < 0.8:
            return f"{right:.0%} of the samples of {', '.join(task.names)}"
    return None


def _exact(subject: Subject) -> str | None:
    """Fold tasks of many kinds in several orders and groupings, and compare with the joint solution."""
    merge = subject.plugin
    if not merge.plugin.facts.get("exact"):
        raise NotChecked("it does not claim to be")
    for situation in situations():
        wanted = joint(merge, situation.tasks)
        for way, tasks in foldings(situation.tasks).items():
            found = fold(merge, tasks)
            if sorted(found.classes) != sorted(wanted.classes):
                return f"classes {', '.join(found.classes)}, for {way}, {situation.says}"
            off = difference(found, wanted)
            if not off <= bound(merge):
                share = f"{off:.3g} of the largest"
                return f"weights that differ by {share} from the joint solution's, for {way}, {situation.says}"
    return _accurate(joint(merge, situations()[0].tasks), situations()[0].tasks)


def _values(subject: Subject) -> str | None:
    """Tasks that share their rows and the law that these follow: every head knows it, and so must the merged one."""
    merge = subject.plugin
    if not merge.plugin.facts.get("values"):
        raise NotChecked("it does not claim to be fit for values")
    tasks = [value_samples(part) for part in ("first", "second", "third")]
    whole, found = reduce(add, tasks), fold(merge, tasks)
    if found.names != whole.names:
        return f"rows {', '.join(found.names)} instead of {', '.join(whole.names)}"
    wrong = (found(whole.features) - whole.targets).square().mean(0) / whole.targets.var(0, correction=0)
    if not (wrong < UNEXPLAINED).all():
        return f"{float(wrong.max()):.0%} of a value's variance is wrong"
    off = difference(found, joint(merge, tasks)) if merge.plugin.facts.get("exact") else 0.0
    return None if off <= bound(merge) else f"weights that differ by {off:.3g} of the largest from the joint solution's"


def _accurate(head: Head, tasks: Sequence[Samples]) -> str | None:
    """A joint solution that solves nothing is none: zeros are the same whatever the order, too."""
    whole = reduce(add, tasks)
    scores = head(whole.features)[:, [head.names.index(name) for name in whole.names]]
    right = float((scores.argmax(1) == whole.targets.argmax(1)).double().mean())
    return None if right > 0.9 else f"{right:.0%} of well-separated training samples right"


CLAUSES = (
    RUNS,
    Clause("shape", "a Head, its rows as wide as the features", each(_shape)),
    Clause("names", "every row of both heads, the old first, `unknown` last", _names),
    FINITE,
    Clause("dtype", "that of the heads (float32 where it asks for statistics alone)", _dtype),
    Clause("device", "that of the heads", _device),
    Clause("space", "the feature space of the heads", each(_space)),
    Clause("counts", "samples behind each row, none negative", each(_counts)),
    Clause("rows", "each task's well-separated samples right among its own classes", each(_rows)),
    UNTOUCHED,
    DETERMINISTIC,
    FILE,
    Clause("exact", EXACT, _exact),
    Clause("values", "where it says so, rows of values stay what they are, and follow the law of all tasks", _values),
)
