"""Which strategies differ: paired t tests over seeds, corrected for how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from cltool.report.runs import FinishedRun, Group, by_setting, grouped, in_order
from cltool.spread import CONFIDENCE

LEAST = 2  # seeds that two strategies must have in common


@dataclass(frozen=True)
class Pair:
    """Two strategies on `n` seeds and class orders that both have run.

    `difference` is the mean of a's final score less b's, `low` and `high` end its 95 % interval, `p` is of the paired
    t test (two-sided), `p_holm` the same after Holm's correction over all pairs of the setting.
    """

    a: Group
    b: Group
    n: int
    difference: float
    low: float
    high: float
    p: float
    p_holm: float

    @property
    def numbers(self) -> dict[str, Any]:
        """All but the strategies."""
        return {key: getattr(self, key) for key in ("n", "difference", "low", "high", "p", "p_holm")}

    @property
    def differ(self) -> bool:
        """Whether the two can be told apart at 5 %, all pairs considered."""
        return self.p_holm < 1 - CONFIDENCE


def paired(runs: Sequence[FinishedRun]) -> list[Pair]:
    """All pairs of ranked strategies of a setting that have two seeds in common, the higher final score first.

    Runs are matched by seed and class order. Strategies that are not ranked are not tested: theirs is another problem.
    """
    return [pair for members in by_setting(runs).values() for pair in _of_setting(members)]


def _of_setting(runs: Sequence[FinishedRun]) -> list[Pair]:
    groups = [group for group in in_order(grouped(runs)) if group.ranked]
    found = []
    for a, b in combinations(groups, 2):
        scores = [_finals(group) for group in (a, b)]
        common = [key for key in scores[0] if key in scores[1]]
        if len(common) >= LEAST:
            found.append((a, b, [[of[key] for key in common] for of in scores]))
    tests = [t_test(*values) for _, _, values in found]
    corrected = holm([test["p"] for test in tests])
    return [
        Pair(a, b, n=len(values[0]), p_holm=p_holm, **test)
        for (a, b, values), test, p_holm in zip(found, tests, corrected, strict=True)
    ]


def contenders(pairs: Sequence[Pair], best: Group, others: int) -> list[Group]:
    """The tested strategies of a setting that may be as good as the one with the highest mean.

    `others` are ranked beside `best`. One is out where the one-sided p of its test against `best`, times `others`, is
    below 5 %. The truly best is then out in 5 % of cases at the most, although `best` was picked on the same seeds: one
    of the others would have to beat it by luck, each with a chance of 5 % / `others` (multiple comparisons with the
    best, Hsu 1981, by Bonferroni's bound).
    """
    found = []
    for pair in pairs:
        if best.label not in (pair.a.label, pair.b.label):
            continue
        rival, lead = (pair.b, pair.difference) if pair.a.label == best.label else (pair.a, -pair.difference)
        one_sided = pair.p / 2 if lead > 0 else 1 - pair.p / 2
        if one_sided * others >= 1 - CONFIDENCE:
            found.append(rival)
    return found


def _finals(group: Group) -> dict[Any, float]:
    return {(run.metrics.seed, run.order): run.metrics.accuracy_final for run in group.runs}


def t_test(a: Sequence[float], b: Sequence[float]) -> dict[str, float]:
    """The paired t test of two rows of scores [n], n ≥ 2: mean difference, its 95 % interval, two-sided p.

    Where all differences are alike there is no t: p is 1 where they are zero, else 0.

    >>> {key: round(value, 4) for key, value in t_test([0.8, 0.9, 0.7], [0.6, 0.8, 0.6]).items()}
    {'difference': 0.1333, 'low': -0.0101, 'high': 0.2768, 'p': 0.0572}
    """
    from scipy.stats import ttest_rel  # takes a second to import

    differences = np.subtract(a, b)
    mean = float(differences.mean())
    if np.allclose(differences, mean, rtol=0, atol=1e-12):
        return {"difference": mean, "low": mean, "high": mean, "p": float(abs(mean) < 1e-12)}
    test = ttest_rel(a, b)
    low, high = test.confidence_interval(CONFIDENCE)
    return {"difference": mean, "low": float(low), "high": float(high), "p": float(test.pvalue)}


def holm(p: Sequence[float]) -> list[float]:
    """p values of several tests corrected for their number [k] (Holm 1979), so that one error among them is as rare.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    steps = np.minimum(1, np.asarray(p, dtype=float)[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.maximum.accumulate(steps)
    return [float(value) for value in corrected]
