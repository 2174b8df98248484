"""concat and alpha, on heads made by hand."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cltool import UNKNOWN, Head
from cltool_plugins.merges.alpha import alpha
from cltool_plugins.merges.concat import concat


def make_head(names: tuple[str, ...], value: float, counts: tuple[float, ...] | None = None) -> Head:
    rows = len(names)
    count = torch.tensor(counts if counts else [10.0] * rows)
    return Head(names, torch.full((rows, 2), value), torch.full((rows,), -value), count, "s")


@pytest.mark.parametrize(("known", "new", "share"), [(5, 5, 0.5), (10, 5, 2 / 3), (15, 5, 0.75), (20, 5, 0.8)])
def test_alpha_is_balanced_by_mass(known: int, new: int, share: float) -> None:
    old = make_head((*(f"a{i}" for i in range(known)), UNKNOWN), 1.0)
    now = make_head((*(f"b{i}" for i in range(new)), UNKNOWN), 0.0)
    merged = alpha(old, now)
    assert merged.row(UNKNOWN).weight.tolist() == pytest.approx([share, share])
    assert float(merged.row(UNKNOWN).bias) == pytest.approx(-share)
    assert merged.names == (*old.classes, *now.classes, UNKNOWN)


@given(st.floats(0, 1))
def test_a_fixed_alpha_overrides_the_mass_of_unknown_and_of_classes(share: float) -> None:
    old, new = make_head(("x", UNKNOWN), 1.0), make_head(("x", "y", UNKNOWN), 0.0)
    merged = alpha(old, new, alpha=share)
    for name in ("x", UNKNOWN):
        assert merged.row(name).weight.tolist() == pytest.approx([share, share])


def test_a_class_seen_twice_is_blended_by_samples() -> None:
    old = make_head(("valence", "arousal"), 1.0, (300.0, 100.0))
    new = make_head(("valence", "arousal"), 0.0, (100.0, 100.0))
    merged = alpha(old, new)
    assert merged.row("valence").weight.tolist() == pytest.approx([0.75, 0.75])
    assert merged.row("arousal").weight.tolist() == pytest.approx([0.5, 0.5])
    assert merged.counts.tolist() == [400.0, 200.0]


def test_five_value_tasks_weigh_alike_after_five_merges() -> None:
    """Blended by samples, the first of five equal tasks keeps a fifth; by halves it would keep 1/16."""
    merged = make_head(("valence",), 1.0)
    for _ in range(4):
        merged = alpha(merged, make_head(("valence",), 0.0))
    assert merged.weight[0].tolist() == pytest.approx([0.2, 0.2])


def test_rows_without_samples_on_either_side_are_halved() -> None:
    old, new = make_head(("v",), 1.0, (0.0,)), make_head(("v",), 0.0, (0.0,))
    assert alpha(old, new).weight[0].tolist() == [0.5, 0.5]


def test_concat_keeps_every_row_and_the_newer_of_two() -> None:
    merged = concat(make_head(("x", UNKNOWN), 1.0), make_head(("y", "x", UNKNOWN), 2.0))
    assert merged.names == ("x", "y", UNKNOWN)
    assert merged.weight[:, 0].tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("merge", [alpha, concat])
def test_merging_changes_neither_head(merge: object) -> None:
    old, new = make_head(("x", UNKNOWN), 1.0), make_head(("y", UNKNOWN), 2.0)
    merge(old, new)  # type: ignore[operator]
    assert old.weight.eq(1).all()
    assert new.weight.eq(2).all()
