"""Which strategy to use, and what it costs: sentences made from numbers."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from markupsafe import Markup

from cltool.report.numbers import NUMBERS
from cltool.report.pairs import Pair, contenders
from cltool.report.runs import FinishedRun, Group
from cltool.report.tables import rounded
from cltool.report.tradeoffs import COSTS, front
from cltool.rundir import Metrics

OWN = ("--stream", "folder", "--data-root", "MY-PICTURES")
SEEDS = ("--seeds", "5", "--out", "comparison")
FEW = 5  # seeds
TENTH = 0.1  # what a cheaper choice may cost of the dearer one before it, at the most
CHEAPER = 2  # such choices by bytes, and by seconds
NAMED = 4  # strategies that a sentence lists; the others are counted


@dataclass(frozen=True)
class Choice:
    """A strategy worth considering, why, and its costs as a person reads them."""

    group: Group
    reasons: Sequence[str]

    @property
    def kept(self) -> str:
        """Bytes kept of earlier tasks; empty where they are not told."""
        found = self.group.mean(NUMBERS["bytes_kept"])
        return "" if found is None else size(found)

    @property
    def pace(self) -> str:
        """The strategy's own time for a task."""
        return seconds(_pace(self.group))


@dataclass(frozen=True)
class Advice:
    """What the runs of one setting say; there is a `best` where any strategy is ranked.

    `alike`: the ranked strategies that may be as good, by tests against it; `untested` those without seeds in common.
    """

    groups: Sequence[Group]  # in their order
    best: Group
    alike: Sequence[Group]
    untested: Sequence[Group]

    @classmethod
    def of(cls, groups: Sequence[Group], pairs: Sequence[Pair]) -> Advice:
        """Advice from the strategies of a setting, one at least, in their order, and the tests between them."""
        best = groups[0]
        others = [group for group in groups[1:] if group.ranked]
        tested = {one.label for pair in pairs for one in (pair.a, pair.b) if best.label in (pair.a.label, pair.b.label)}
        alike = contenders(pairs, best, len(others))
        return cls(groups, best, alike, [group for group in others if group.label not in tested])

    @property
    def _ranked(self) -> list[Group]:
        return [group for group in self.groups if group.ranked]

    def sentences(self) -> list[Markup]:
        """The answer, as HTML: what to use, and what it costs."""
        return [self._answer(), self._costs()]

    def cautions(self) -> list[Markup]:
        """How sure that is, as HTML: what may be as good, that the best was picked, and what is not ranked."""
        return [sentence for sentence in (self._alike(), self._picked(), self._not_ranked()) if sentence]

    def choices(self) -> list[Choice]:
        """The best, and the highest scores for a tenth of its cost or less; empty where there is nothing to choose."""
        reasons: dict[str, list[str]] = {self.best.label: ["highest score"]}
        for what, of in (("memory", COSTS["bytes kept"]), ("time", COSTS["seconds"])):
            for group, share in self._cheaper(of):
                reasons.setdefault(group.label, []).append(f"{share} of the {what}")
        for group in self.alike:
            if group.label in reasons:
                reasons[group.label].append("may be as good")
        found = [Choice(group, reasons[group.label]) for group in self._ranked if group.label in reasons]
        return found if len(found) > 1 else []

    def _cheaper(self, of: Callable[[Metrics], float | None]) -> list[tuple[Group, str]]:
        """The highest score for a tenth of the best's cost or less, and again for a tenth of that."""
        whole = left = self.best.mean(of) if self.best.ranked else None
        found: list[tuple[Group, str]] = []
        for group in front(self.groups, of):
            cost = group.mean(of)
            if whole and left and cost is not None and cost <= TENTH * left and len(found) < CHEAPER:
                found.append((group, f"1/{whole / cost:,.0f}" if cost else "none"))
                left = cost
        return found

    def _answer(self) -> Markup:
        final = self.best.final
        interval = "" if final.low is None else f", 95 % interval {final.low:.3f} … {final.high:.3f}"
        score = f"{final.mean:.3f} {self.best.score} ({_seeds(final.n)}{interval})"
        ranked = len(self._ranked)
        if ranked < 2:
            return Markup("<strong>{}</strong> ends at {}.").format(self.best.title, score)
        text = "Use <strong>{}</strong>: it ends at {}, the highest of {} strategies."
        return Markup(text).format(self.best.title, score, ranked)

    def _alike(self) -> Markup | None:
        others = len(self._ranked) - 1
        if others < 1:
            return None
        if len(self.untested) == others:
            return Markup("Whether the others are worse cannot be tested: that takes two seeds in common at least.")
        who = "all others tested are" if self.untested else "all others are" if others > 1 else "the other is"
        told = Markup("With 95 % confidence {} worse on this stream.").format(who)
        if self.alike:
            which = "Which of those tested" if self.untested else "Which"
            text = "{} is truly best is open: with 95 % confidence it is this one or one of {}: {}."
            told = Markup(text).format(which, len(self.alike), _named(self.alike, scores=True))
            if len(self.alike) == 1:
                told = Markup("Not surely better than {}.").format(_named(self.alike, scores=True))
        if self.untested:
            told += Markup(" Not tested, for want of two seeds in common: {}.").format(_named(self.untested))
        return told

    def _picked(self) -> Markup | None:
        final = self.best.final
        if len(self._ranked) < 2:
            return None
        text = "The highest was picked by the {} that scored it, so new seeds will likely score it a little lower{}."
        few = "; and so few tell only large differences apart" if final.n <= FEW and self.alike else ""
        return Markup(text).format(_seeds(final.n), few)

    def _costs(self) -> Markup:
        best, metrics = self.best, self.best.runs[0].metrics
        tasks, classes = len(metrics.tasks), len(best.runs[0].order)
        unit = "group" if metrics.score == "ccc" else "class"
        costs = [f"{seconds(_pace(best))} a task"]
        if (kept := best.mean(NUMBERS["bytes_kept"])) is not None:
            costs.append(f"{size(kept)} kept of what it has seen ({size(kept / classes)} a {unit})")
        if (grown := best.mean(NUMBERS["parameters_grown"])) is not None:
            costs.append(f"{rounded(grown)} new weights ({rounded(grown / classes)} a {unit})")
        losses = []
        if tasks > 1:
            forgotten = best.mean(NUMBERS["forgetting_chaudhry"])
            losses.append(f"loses {forgotten:.3f} {best.score} on earlier tasks (forgetting)")
        gap = best.mean(NUMBERS["gap_to_joint"])
        if gap is not None:
            losses.append(f"ends {abs(gap):.3f} {'below' if gap >= 0 else 'above'} training on all data at once")
        lost = f"; it {_listed(losses)}" if losses else ""
        return Markup("It costs {}{}.").format(_listed(costs), lost)

    def _not_ranked(self) -> Markup | None:
        aside = [group for group in self.groups if not group.ranked]
        return Markup("Not ranked with the others: {}.").format(_named(aside)) if aside else None

    def commands(self) -> list[tuple[str, str]]:
        """What a command does, and the command: the best strategy on pictures of one's own, and the choices on them.

        Where values are learned, of which no folder of pictures can be made, the best on this stream.
        """
        found = commands(self.best.runs[0])[:1]
        choices = [choice.group.runs[0] for choice in self.choices()]
        if choices and _of_pictures(choices[0]):
            found.append(("compare these on your own pictures", _compare(choices)))
        return found


def commands(run: FinishedRun) -> list[tuple[str, str]]:
    """Commands that use a run's strategy: where pictures are learned on a reader's own, and on the run's own stream."""
    metrics, recipe = run.metrics, run.recipe
    method = [*_shared(run), "--strategy", metrics.strategy]
    root = ["--data-root", recipe.data_root] if recipe.data_root else []
    found = [("on this stream", ["cltool", "run", "--stream", metrics.stream, *root, *method])]
    if _of_pictures(run):
        found.insert(0, ("on your own pictures, a folder for each class", ["cltool", "run", *OWN, *method]))
    return [(what, shlex.join(words)) for what, words in found]


def _compare(runs: Sequence[FinishedRun]) -> str:
    strategies = [word for run in runs for word in ("--strategy", run.metrics.strategy)]
    return shlex.join(["cltool", "compare", *OWN, *_shared(*runs), *strategies, *SEEDS])


def _shared(*runs: FinishedRun) -> list[str]:
    plugins = dict.fromkeys(file for run in runs for file in run.recipe.plugins)
    return ["--backbone", runs[0].metrics.backbone, *(word for file in plugins for word in ("--plugin", file))]


def _of_pictures(run: FinishedRun) -> bool:
    return run.metrics.score == "accuracy"


def _pace(group: Group) -> float:
    return fmean(run.metrics.cost.strategy_s / len(run.metrics.tasks) for run in group.runs)


def _listed(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]


def _named(groups: Sequence[Group], scores: bool = False) -> Markup:
    finals = [f" ({group.final.mean:.3f})" if scores else "" for group in groups[:NAMED]]
    named = [
        Markup("<strong>{}</strong>{}").format(g.title, final) for g, final in zip(groups[:NAMED], finals, strict=True)
    ]
    more = [f"{len(groups) - NAMED} more"] if len(groups) > NAMED else []
    return Markup(", ").join([*named, *more])


def _seeds(n: int) -> str:
    return "one seed" if n == 1 else f"{n} seeds"


def size(count: float) -> str:
    """Bytes as a person reads them.

    >>> size(0), size(81_200)
    ('0 B', '81.2 kB')
    """
    text = rounded(count)
    return f"{text}B" if " " in text else f"{text} B"


def seconds(value: float) -> str:
    """Seconds with three digits at the most.

    >>> seconds(0.01234), seconds(2.5), seconds(125.2)
    ('0.0123 s', '2.5 s', '125 s')
    """
    return f"{value:.3g} s" if value < 1000 else f"{value:,.0f} s"
