"""The interval of a mean: what scipy.stats says, and how often it holds the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cltool.spread import Spread, half_width


@pytest.mark.parametrize("n", [2, 3, 5, 30])
def test_it_is_students_interval(n: int) -> None:
    values = np.random.default_rng(n).normal(size=n)
    low, high = stats.t.interval(0.95, n - 1, loc=values.mean(), scale=stats.sem(values))
    found = Spread.of(values.tolist())
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.deviation == pytest.approx(stats.tstd(values))
    assert found.n == n


def test_it_holds_the_truth_nineteen_times_out_of_twenty() -> None:
    drawn = np.random.default_rng(0).normal(size=(5, 20_000))
    assert (np.abs(drawn.mean(0)) < half_width(drawn)).mean() == pytest.approx(0.95, abs=0.005)


def test_one_value_has_no_interval() -> None:
    assert Spread.of([0.5]) == Spread(0.5, None, None, None, 1)


def test_equal_values_have_one_without_width() -> None:
    found = Spread.of([0.5, 0.5, 0.5])
    assert (found.low, found.high, found.deviation) == (0.5, 0.5, 0)
