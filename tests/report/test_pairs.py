"""Paired tests between strategies: matched by seed and order, corrected for how many there are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from cltool.report.pairs import Pair, contenders, holm, paired, t_test
from cltool.report.runs import FinishedRun, Group


def test_it_is_the_t_test_of_differences() -> None:
    a, b = [0.81, 0.9, 0.73, 0.77], [0.8, 0.84, 0.74, 0.7]
    found, expected = t_test(a, b), stats.ttest_1samp(np.subtract(a, b), 0)
    interval = expected.confidence_interval(0.95)
    assert found["p"] == pytest.approx(expected.pvalue)
    assert (found["low"], found["high"]) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize(("a", "p"), [([0.5, 0.7], 1.0), ([0.6, 0.8], 0.0)])
def test_differences_that_are_all_alike_have_no_t(a: list[float], p: float) -> None:
    found = t_test(a, [0.5, 0.7])
    assert found["p"] == p
    assert found["low"] == found["high"] == found["difference"]


def test_holms_correction_keeps_order_and_ends_at_one() -> None:
    assert holm([0.9, 0.01, 0.6]) == [1.0, pytest.approx(0.03), 1.0]
    assert holm([]) == []


def left_in(scores: np.ndarray) -> set[int]:
    """Which strategies of scores [k, n] may be the best."""
    groups = [Group(str(number), []) for number in range(len(scores))]
    best, *others = scores.mean(1).argsort()[::-1]
    tests = [t_test(scores[best], scores[other]) for other in others]
    pairs = [Pair(groups[best], groups[o], n=5, p_holm=1.0, **test) for o, test in zip(others, tests, strict=True)]
    return {int(best), *(int(group.label) for group in contenders(pairs, groups[best], len(others)))}


def test_the_truly_best_is_hardly_ever_out_although_the_best_was_picked_on_the_same_seeds() -> None:
    drawn = np.random.default_rng(0)
    lucky = [left_in(drawn.normal(size=(6, 5))) for _ in range(200)]  # all are the best: the hardest case
    assert np.mean([0 not in left for left in lucky]) <= 0.05
    apart = np.array([[9.0], [9.0], [0.0]])
    assert [left_in(drawn.normal(size=(3, 5)) * 0.1 + apart) for _ in range(5)] == [{0, 1}] * 5


@pytest.mark.slow
def test_pairs_are_matched_by_seed_and_order(nine_runs: list[FinishedRun], changed: Callable) -> None:
    pairs = paired(nine_runs)
    assert len(pairs) == 3
    finals = {
        name: [r.metrics.accuracy_final for r in nine_runs if r.metrics.strategy == name] for name in ("lda", "ncm")
    }
    (found,) = (pair for pair in pairs if {pair.a.label, pair.b.label} == {"lda", "ncm"})
    assert found.difference == pytest.approx(abs(np.mean(np.subtract(finals["lda"], finals["ncm"]))))
    assert found.n == 3
    assert [pair.p_holm for pair in pairs] == holm([pair.p for pair in pairs])
    assert paired([*nine_runs[:3], nine_runs[3]]) == []  # one seed in common
    others = [nine_runs[3], *changed(nine_runs[4:6], seed=7)]
    assert paired([*nine_runs[:3], *others]) == []


@pytest.mark.slow
def test_what_is_not_ranked_and_other_streams_are_not_tested(nine_runs: list[FinishedRun], changed: Callable) -> None:
    aside = changed(nine_runs[:3], keeps_all=True)
    assert {pair.a.label for pair in paired([*aside, *nine_runs[3:]])} == {"qda"}
    elsewhere = changed(nine_runs[:3], stream="other")
    assert len(paired([*elsewhere, *nine_runs[3:]])) == 1
