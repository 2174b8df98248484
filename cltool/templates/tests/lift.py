"""The lift against numbers worked out by hand."""

from __future__ import annotations

import torch

from cltool.contract import check
from cltool.templates.lift import mine


def test_mine_keeps_the_contract() -> None:
    check(mine)


def test_mine_adds_features_up_under_both_signs() -> None:
    lifted = mine(4, dim=50)(torch.tensor([[1.0, 0.0, 0.0, 0.0]]))
    assert lifted.shape == (1, 50)
    assert torch.allclose(lifted.abs(), torch.tensor(0.5).tanh())
    assert lifted.min() < 0 < lifted.max()
