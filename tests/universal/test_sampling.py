"""The order of an epoch: what comes how often, and that it depends on nothing but its arguments."""

from __future__ import annotations

import pytest
import torch

from cltool.universal.sampling import Sampler, drawn, epoch_order

LABELS = torch.tensor([1] * 6000 + [0] * 300 + [3] * 30)[
    torch.randperm(6330, generator=torch.Generator().manual_seed(0))
]


def test_balanced_draws_every_class_equally_often() -> None:
    counts = drawn(LABELS, epoch_order(LABELS, "balanced", 0, 1), ["a", "b", "c", "d"])
    assert sum(counts.values()) == len(LABELS)
    assert counts["c"] == 0
    for name in ("a", "b", "d"):  # binomial: deviation √(n·⅓·⅔) = 37.5
        assert counts[name] == pytest.approx(2110, abs=4 * 37.5)


def test_balanced_draws_every_picture_of_a_class_equally_often() -> None:
    times = torch.zeros(len(LABELS))
    for epoch in range(100):
        times += epoch_order(LABELS, "balanced", 0, epoch).bincount(minlength=len(LABELS))
    own = times[LABELS == 3]  # 2110 · 100 draws of 30 pictures: 7033 each, deviation 84
    assert own.min() > 7033 - 5 * 84
    assert own.max() < 7033 + 5 * 84
    assert (times[LABELS == 1] > 0).all()  # the first and the last of a class too


def test_shuffled_shows_every_picture_once() -> None:
    order = epoch_order(LABELS, "shuffled", 0, 1)
    assert order.sort().values.tolist() == list(range(len(LABELS)))


@pytest.mark.parametrize("sampler", ["balanced", "shuffled"])
def test_an_order_is_a_function_of_seed_and_epoch(sampler: Sampler) -> None:
    torch.manual_seed(1)
    first = epoch_order(LABELS, sampler, 0, 3)
    torch.manual_seed(2)
    epoch_order(LABELS, sampler, 0, 2)
    assert torch.equal(first, epoch_order(LABELS, sampler, 0, 3))
    assert not torch.equal(first, epoch_order(LABELS, sampler, 0, 4))
    assert not torch.equal(first, epoch_order(LABELS, sampler, 1, 3))
