"""Paired tests between strategies: matched by seed and order, corrected for how many there are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from cltool.report.pairs import holm, paired, t_test
from cltool.report.runs import FinishedRun


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
