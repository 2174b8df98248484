"""The head against numbers worked out by hand."""

from __future__ import annotations

import torch

from cltool.contract import check
from cltool.templates.head import mine


def test_mine_keeps_the_contract() -> None:
    check(mine)


def test_mine_prefers_the_nearest_mean() -> None:
    features, targets = torch.tensor([[0.0], [2.0], [8.0], [8.0]]), torch.eye(3)[[0, 0, 1, 1]]
    # The means are 1 and 8, half way to the origin; the third row has no samples.
    weight, bias = mine(features, targets, strength=2)
    assert weight.flatten().tolist() == [0.5, 4.0, 0.0]
    assert bias.tolist() == [-0.125, -8.0, 0.0]
