"""cwr: the consolidation step of CWR*, by hand and against Avalanche's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cltool import UNKNOWN, Head
from cltool_plugins.merges.cwr import cwr


def make_head(names: tuple[str, ...], weight: torch.Tensor, counts: list[float]) -> Head:
    return Head(names, weight, weight.sum(1), torch.tensor(counts), "s")


def drawn(rows: int, seed: int) -> torch.Tensor:
    return torch.randn(rows, 5, generator=torch.Generator().manual_seed(seed))


def test_the_class_rows_of_each_task_sum_to_zero() -> None:
    old = make_head(("a", "b", UNKNOWN), drawn(3, 0), [4, 4, 0])
    new = make_head(("c", "d", "e", UNKNOWN), drawn(4, 1), [4, 4, 4, 0])
    merged = cwr(old, new, centre="row")
    assert merged.weight[:2].sum(0).abs().max() < 1e-5
    assert merged.weight[2:5].sum(0).abs().max() < 1e-5
    assert merged.bias[2:5].sum().abs() < 1e-5
    assert torch.allclose(merged.weight[2] - merged.weight[3], new.weight[0] - new.weight[1], atol=1e-6)


def test_unknown_is_blended_as_alpha_does_and_not_centred() -> None:
    old, new = make_head(("a", UNKNOWN), drawn(2, 0), [4, 0]), make_head(("c", "d", UNKNOWN), drawn(3, 1), [4, 4, 0])
    wanted = old.weight[1] / 3 + new.weight[2] * 2 / 3
    assert torch.allclose(cwr(old, new).row(UNKNOWN).weight, wanted)


@pytest.mark.parametrize("centre", ["row", "number"])
def test_a_merged_head_is_centred_already(centre: str) -> None:
    merged = cwr(make_head(("a", "b"), drawn(2, 0), [4, 4]), make_head(("c", "d"), drawn(2, 1), [4, 4]), centre=centre)
    again = cwr(merged, make_head(("e", "f"), drawn(2, 2), [4, 4]), centre=centre)
    assert torch.allclose(again.weight[:4], merged.weight, atol=1e-6)


def test_a_class_seen_before_weighs_by_the_root_of_its_counts() -> None:
    """Algorithm 1 of the paper, as Avalanche writes it: saved·√(past/cur) + (w − avg), over √(past/cur) + 1."""
    old, new = make_head(("a", "b"), drawn(2, 0), [90, 40]), make_head(("b", "c"), drawn(2, 1), [10, 20])
    saved = old.weight.numpy() - np.average(old.weight.numpy())
    now = new.weight.numpy() - np.average(new.weight.numpy())
    past = np.sqrt(40 / 10)
    merged = cwr(old, new)
    assert np.allclose(merged.row("b").weight.numpy(), (saved[1] * past + now[0]) / (past + 1), atol=1e-6)
    assert np.allclose(merged.row("a").weight.numpy(), saved[0], atol=1e-6)
    assert merged.counts.tolist() == [90, 50, 20]


def test_a_class_without_samples_on_one_side_is_that_of_the_other() -> None:
    old, new = make_head(("a", "b"), drawn(2, 0), [0, 40]), make_head(("a", "c"), drawn(2, 1), [10, 20])
    assert torch.allclose(cwr(old, new).row("a").weight, new.weight[0] - new.weight.mean())
