"""The backbone against numbers worked out by hand."""

from __future__ import annotations

import torch

from cltool.contract import check
from cltool.templates.backbone import mine


def test_mine_keeps_the_contract() -> None:
    check(mine)


def test_mine_sees_which_half_is_bright() -> None:
    picture = torch.zeros(3, 32, 32, dtype=torch.uint8)
    picture[:, :, 16:] = 255
    assert mine(grid=2)([picture]).tolist() == [[0.0, 1.0, 0.0, 1.0]]
