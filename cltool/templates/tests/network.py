"""The network against numbers worked out by hand."""

from __future__ import annotations

import torch

from cltool.contract import check
from cltool.templates.network import mine


def test_mine_keeps_the_contract() -> None:
    check(mine)


def test_mine_adds_up_all_features_of_a_frame() -> None:
    module = mine({"mel": 2, "body": 1})
    for weight in module.parameters():
        torch.nn.init.ones_(weight)
    features = {"mel": torch.tensor([[[1.0, 2.0], [float("nan"), 0.0]]]), "body": torch.tensor([[[4.0], [9.0]]])}
    found = module(features, torch.tensor([[True, False]]))
    assert found.tolist() == [[[8.0, 8.0], [1.0, 1.0]]]  # and one for the bias
