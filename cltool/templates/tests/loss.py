"""The loss against numbers worked out by hand."""

from __future__ import annotations

import torch

from cltool.contract import check
from cltool.templates.loss import mine


def test_mine_keeps_the_contract() -> None:
    check(mine)


def test_mine_is_a_mean_over_valid_frames() -> None:
    target = torch.tensor([[[1.0, 1.0], [4.0, 0.0], [float("nan"), 0.0]]])
    prediction = torch.zeros(1, 3, 2, requires_grad=True)
    error = mine(prediction, target, torch.tensor([[True, True, False]]))
    error.backward()
    assert error.item() == 1.5
    assert prediction.grad is not None
    assert prediction.grad.flatten().tolist() == [-0.25, -0.25, -0.25, 0.0, 0.0, 0.0]
