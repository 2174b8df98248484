"""Which strategy to use, and what it costs: sentences made from numbers."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cltool.report.pairs import paired
from cltool.report.runs import FinishedRun, Group, grouped, in_order
from cltool.report.tables import rounded
from cltool.rundir import Metrics


@dataclass(frozen=True)
class Advice:
    """What the runs of one setting say; there is a `best` where any strategy is ranked.

    `alike`: the ranked strategies that cannot be told apart from it, `tested` those that were held against it.
    """

    groups: Sequence[Group]  # in their order
    best: Group
    alike: Sequence[Group]
    tested: Sequence[Group]

    @classmethod
    def of(cls, runs: Sequence[FinishedRun]) -> Advice:
        """Advice from the runs of a setting, one at least."""
        groups = in_order(grouped(runs))
        best = groups[0]
        held = [pair for pair in paired(runs) if best.label in (pair.a.label, pair.b.label)]
        rivals = [(pair.b if pair.a.label == best.label else pair.a, pair.differ) for pair in held]
        return cls(groups, best, [one for one, differs in rivals if not differs], [one for one, _ in rivals])

    def sentences(self) -> list[Markup]:
        """The answer, as HTML: what to use, what is as good, the cheapest of all, the cost, what is not ranked."""
        told = [self._answer(), self._alike(), self._cheapest(), self._costs(), self._not_ranked()]
        return [sentence for sentence in told if sentence]

    def _answer(self) -> Markup:
        final = self.best.spread(lambda m: m.accuracy_final)
        assert final is not None
        interval = "" if final.low is None else f", 95 % interval {final.low:.3f} … {final.high:.3f}"
        score = f"{final.mean:.3f} {self.best.score} ({_seeds(final.n)}{interval})"
        ranked = [group for group in self.groups if group.ranked]
        if len(ranked) < 2:
            return Markup("<strong>{}</strong> ends at {}.").format(self.best.title, score)
        text = "Use <strong>{}</strong>: it ends at {}, the highest of the {} strategies that are ranked."
        return Markup(text).format(self.best.title, score, len(ranked))

    def _alike(self) -> Markup | None:
        others = [group for group in self.groups if group.ranked and group.label != self.best.label]
        if not others or not self.best.ranked:
            return None
        if not self.tested:
            return Markup("Whether the others are worse cannot be tested: that takes two seeds in common at least.")
        test = "paired t tests over seeds, Holm’s correction"
        if not self.alike:
            who = "The others are" if len(others) > 1 else "The other is"
            return Markup("{} distinguishable from it (p &lt; .05; {}).").format(who, test)
        return Markup("Not distinguishable from it (p ≥ .05; {}): {}.").format(test, _named(self.alike, scores=True))

    def _cheapest(self) -> Markup | None:
        if not self.alike:
            return None
        as_good = [self.best, *self.alike]
        small, fast = (_least(as_good, of) for of in (lambda m: m.cost.bytes_kept, lambda m: m.cost.strategy_s))
        assert fast is not None
        if small is None:
            return Markup("Of all these <strong>{}</strong> is the fastest ({}).").format(
                fast[0].title, seconds(fast[1])
            )
        if small[0].label == fast[0].label:
            text = "Of all these <strong>{}</strong> keeps the least ({}) and is the fastest ({})."
            return Markup(text).format(small[0].title, size(small[1]), seconds(fast[1]))
        text = "Of all these <strong>{}</strong> keeps the least ({}), and <strong>{}</strong> is the fastest ({})."
        return Markup(text).format(small[0].title, size(small[1]), fast[0].title, seconds(fast[1]))

    def _costs(self) -> Markup:
        best, metrics = self.best, self.best.runs[0].metrics
        tasks, classes = len(metrics.tasks), len(best.runs[0].order)
        unit = "group" if metrics.score == "ccc" else "class"
        told = []
        if tasks > 1:
            forgotten = best.mean(lambda m: m.forgetting_chaudhry)
            told.append(f"forgets {forgotten:.3f} {best.score} on earlier tasks")
        gap = best.mean(lambda m: m.gap_to_joint[-1] if m.gap_to_joint else None)
        if gap is not None:
            told.append(f"ends {abs(gap):.3f} {'below' if gap >= 0 else 'above'} training on all data at once")
        if (kept := best.mean(lambda m: m.cost.bytes_kept)) is not None:
            told.append(f"keeps {size(kept)} of what it has seen ({size(kept / classes)} a {unit})")
        if (grown := best.mean(lambda m: m.cost.parameters_grown)) is not None:
            told.append(f"adds {rounded(grown)} weights ({rounded(grown / classes)} a {unit})")
        spent = best.mean(lambda m: m.cost.strategy_s)
        assert spent is not None
        told.append(f"takes {seconds(spent / tasks)} a task")
        listed = f"{', '.join(told[:-1])} and {told[-1]}" if len(told) > 1 else told[0]
        return Markup("What it costs: <strong>{}</strong> {}.").format(best.title, listed)

    def _not_ranked(self) -> Markup | None:
        aside = [group for group in self.groups if not group.ranked]
        return Markup("Not ranked with the others: {}.").format(_named(aside)) if aside else None

    @property
    def commands(self) -> list[tuple[str, str]]:
        """What a command does, and the command: the best strategy on pictures of one's own, and on this stream."""
        return commands(self.best.runs[0])


def commands(run: FinishedRun) -> list[tuple[str, str]]:
    """Commands that use a run's strategy: where pictures are learned on a reader's own, and on the run's own stream."""
    metrics, recipe = run.metrics, run.recipe
    method = ["--backbone", metrics.backbone, "--strategy", metrics.strategy]
    for file in recipe.plugins:
        method += ["--plugin", file]
    root = ["--data-root", recipe.data_root] if recipe.data_root else []
    found = [("on this stream", ["cltool", "run", "--stream", metrics.stream, *root, *method])]
    if metrics.score == "accuracy":
        folder = ["cltool", "run", "--stream", "folder", "--data-root", "MY-PICTURES"]
        found.insert(0, ("on your own pictures, a folder for each class", [*folder, *method]))
    return [(what, shlex.join(words)) for what, words in found]


def _least(groups: Sequence[Group], of: Callable[[Metrics], float | None]) -> tuple[Group, float] | None:
    told = [(group, value) for group in groups if (value := group.mean(of)) is not None]
    return min(told, key=lambda pair: pair[1]) if told else None


def _named(groups: Sequence[Group], scores: bool = False) -> Markup:
    finals = [f" ({group.mean(lambda m: m.accuracy_final):.3f})" if scores else "" for group in groups]
    named = zip(groups, finals, strict=True)
    return Markup(", ").join(Markup("<strong>{}</strong>{}").format(group.title, final) for group, final in named)


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
