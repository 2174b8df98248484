"""resample: what is drawn, and what is learned from it."""

from __future__ import annotations

import pytest
import torch

from cltool import Statistics
from cltool.contract.examples import samples
from cltool_plugins.merges.resample import draw, resample


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shrinkage", [0.0, 0.4, 1.0])
def test_draws_have_the_class_mean_and_the_shrunk_covariance(shrinkage: float) -> None:
    seen = samples("ab", 30).statistics
    wanted = (1 - shrinkage) * seen.covariance("b") + shrinkage * seen.within_covariance
    drawn = draw(seen, 1, seen.within_covariance, shrinkage, 40_000, rng()).double()
    assert torch.allclose(drawn.mean(0), seen.mean("b"), atol=0.01)
    assert torch.allclose(torch.cov(drawn.T), wanted, atol=0.003)


def test_the_head_tells_the_real_samples_apart() -> None:
    task = samples("abcd", 12, spread=0.8)
    scores = resample(task.statistics, rng())(task.features)
    assert (scores.argmax(1) == task.targets.argmax(1)).double().mean() > 0.95


def test_draws_come_from_the_generator_alone() -> None:
    seen = samples("abc", 12).statistics
    assert torch.equal(resample(seen, rng(1)).weight, resample(seen, rng(1)).weight)
    assert not torch.equal(resample(seen, rng(1)).weight, resample(seen, rng(2)).weight)


def test_how_often_a_class_was_seen_is_in_its_bias_alone() -> None:
    seen = (samples("a", 40) + samples("b", 10)).statistics
    counted, equal = (resample(seen, rng(), prior=prior) for prior in ("counts", "equal"))
    assert torch.equal(counted.weight, equal.weight)
    shift = counted.bias - equal.bias
    assert float(shift[0] - shift[1]) == pytest.approx(torch.log(torch.tensor(4.0)).item(), abs=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_single_samples_and_samples_all_alike_can_be_drawn_around(seed: int) -> None:
    x = 3 * torch.randn(6, 8, generator=torch.Generator().manual_seed(seed))
    for features, shrinkage in ((x, 0.3), (torch.cat([x, x[:1], x[:1]]), 0.0)):
        targets = torch.eye(6)[[0, 1, 2, 3, 4, 5, 0, 0]][: len(features)]
        sums = Statistics.of(features, targets, tuple("abcdef"), "s", class_grams=True)
        head = resample(sums, torch.Generator().manual_seed(0), shrinkage=shrinkage)
        assert torch.isfinite(head.weight).all()


def test_a_class_without_samples_never_wins() -> None:
    task = samples("ab", 12)
    none = Statistics.of(torch.zeros(0, 6), torch.zeros(0, 1), ("none",), task.statistics.space, class_grams=True)
    head = resample(task.statistics + none, rng())
    assert torch.isfinite(head.weight).all()
    assert (head(task.features).argmax(1) < 2).all()
