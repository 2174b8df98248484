"""The strangers against numbers worked out by hand."""

from __future__ import annotations

import torch

from cltool.contract import check
from cltool.templates.unknown import mine


def test_mine_keeps_the_contract() -> None:
    check(mine)


def test_mine_turns_samples_round() -> None:
    features, targets = torch.tensor([[1.0], [2.0], [3.0], [4.0]]), torch.eye(2).repeat(2, 1)
    rng = torch.Generator().manual_seed(0)
    strangers = mine(features, targets, rng, amount=1.5)
    assert strangers.shape == (3, 1)
    assert set(strangers.flatten().tolist()) <= {-1.0, -2.0, -3.0, -4.0}
