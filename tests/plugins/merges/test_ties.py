"""ties: trimming, signs and means by hand."""

from __future__ import annotations

import pytest
import torch

from cltool import UNKNOWN, Head
from cltool_plugins.merges.ties import ties


def make_head(rows: dict[str, list[float]], counts: list[float], bias: float = 0.0) -> Head:
    weight = torch.tensor(list(rows.values()))
    return Head(tuple(rows), weight, torch.full((len(rows),), bias), torch.tensor(counts), "s")


def merged(a: list[float], b: list[float], counts: tuple[float, float] = (1.0, 1.0), **options: float) -> list[float]:
    old, new = make_head({"x": a}, [counts[0]]), make_head({"x": b}, [counts[1]])
    return ties(old, new, **options).weight[0].tolist()


def test_weights_of_one_sign_are_averaged() -> None:
    assert merged([4.0, -2.0], [2.0, -4.0], keep=1) == [3.0, -3.0]


def test_the_sign_of_the_larger_sum_wins_and_the_other_is_left_out() -> None:
    assert merged([4.0, 1.0], [-2.0, -3.0], keep=1) == [4.0, -3.0]


def test_mass_decides_the_sign_and_the_mean() -> None:
    assert merged([1.0, 3.0], [-2.0, 6.0], (30.0, 10.0), keep=1) == [1.0, 3.75]
    assert merged([1.0, 3.0], [-2.0, 6.0], (30.0, 10.0), keep=1, share=0.5) == [-2.0, 4.5]


def test_trimming_keeps_the_largest_of_each_row() -> None:
    a, b = [5.0, 4.0, 0.3, 0.2, 0.1], [0.1, 4.0, 0.2, 0.3, 5.0]
    assert merged(a, b, keep=0.4) == [5.0, 4.0, 0.0, 0.0, 5.0]
    assert merged(a, b, keep=0.2) == [5.0, 0.0, 0.0, 0.0, 5.0]


def test_opposite_weights_of_one_mass_cancel() -> None:
    assert merged([1.0, 2.0], [-1.0, 2.0], keep=1) == [0.0, 2.0]


def test_rows_of_one_head_are_kept_untrimmed_and_the_bias_is_blended() -> None:
    old = make_head({"x": [1.0, 0.1], UNKNOWN: [1.0, 0.1]}, [3.0, 0.0], bias=1.0)
    new = make_head({"y": [1.0, 0.1], "z": [1.0, 0.1], UNKNOWN: [1.0, 0.1]}, [3.0, 3.0, 0.0], bias=-2.0)
    found = ties(old, new, keep=0.5)
    assert found.row("x").weight.tolist() == pytest.approx([1.0, 0.1])
    assert found.row(UNKNOWN).weight.tolist() == pytest.approx([1.0, 0.0])
    assert float(found.row(UNKNOWN).bias) == pytest.approx(-1.0)  # one class known, two new
