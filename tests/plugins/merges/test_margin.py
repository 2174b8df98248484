"""margin, on heads made by hand."""

from __future__ import annotations

import torch

from cltool import UNKNOWN, Head
from cltool_plugins.merges.margin import margin


def make_head(names: tuple[str, ...], rows: list[list[float]]) -> Head:
    numbers = torch.tensor(rows)
    return Head(names, numbers[:, :-1].contiguous(), numbers[:, -1].contiguous(), torch.full((len(names),), 10.0), "s")


OLD = make_head(("x", UNKNOWN), [[3.0, 1.0, 0.5], [1.0, -1.0, 0.25]])
NEW = make_head(("y", UNKNOWN), [[9.0, 2.0, 1.0], [8.0, 2.0, 3.0]])


def test_every_class_row_is_measured_from_its_own_unknown() -> None:
    merged = margin(OLD, NEW)
    assert merged.names == ("x", "y", UNKNOWN)
    assert merged.weight.tolist() == [[2.0, 2.0], [1.0, 0.0], [0.0, 0.0]]
    assert merged.bias.tolist() == [0.25, -2.0, 0.0]


def test_a_merged_head_stays_as_it_is_when_it_is_the_old_one() -> None:
    once = margin(OLD, NEW)
    again = margin(once, make_head(("z", UNKNOWN), [[1.0, 1.0, 1.0], [1.0, 0.0, 1.0]]))
    for name in ("x", "y"):
        assert torch.equal(again.row(name).weight, once.row(name).weight)
        assert torch.equal(again.row(name).bias, once.row(name).bias)
    assert again.row("z").weight.tolist() == [0.0, 1.0]


def test_without_unknown_nothing_is_subtracted() -> None:
    plain = make_head(("x",), [[3.0, 1.0, 0.5]])
    assert margin(plain, NEW).row("x").weight.tolist() == [3.0, 1.0]


def test_a_class_of_both_is_the_mean_of_its_margins_by_samples() -> None:
    later = make_head(("x", UNKNOWN), [[9.0, 2.0, 1.0], [8.0, 2.0, 3.0]])
    assert margin(OLD, later).row("x").weight.tolist() == [1.5, 1.0]
