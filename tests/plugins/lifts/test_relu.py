"""The random ReLU lift: fixed by its seed, scaled for standardised features, and beside them if asked."""

from __future__ import annotations

import torch

from cltool.contract import check
from cltool_plugins.lifts.relu import relu

X = torch.randn(500, 20, generator=torch.Generator().manual_seed(0))


def test_it_is_a_rectified_projection_that_its_seed_decides() -> None:
    lifted = relu(20, dim=300)
    assert torch.equal(lifted(X), (X @ lifted[0].weight.T).clamp_min(0))
    assert 0.8 < float(lifted(X).square().mean()) < 1.2
    assert torch.equal(lifted(X), relu(20, dim=300, seed=0)(X))
    assert not torch.equal(lifted(X), relu(20, dim=300, seed=1)(X))


def test_kept_features_stand_before_the_same_projection() -> None:
    both = relu(20, dim=300, keep=True)(X)
    assert torch.equal(both[:, :20], X)
    assert torch.equal(both[:, 20:], relu(20, dim=300)(X))


def test_keeping_features_keeps_the_contract() -> None:
    assert not check(relu, {"dim": 16, "keep": True}).broken
