"""The merge against numbers worked out by hand."""

from __future__ import annotations

import torch

from cltool import Head
from cltool.contract import check
from cltool.templates.merge import mine


def test_mine_keeps_the_contract() -> None:
    check(mine)


def test_mine_blends_shared_rows_only() -> None:
    old = Head(("a", "unknown"), torch.tensor([[1.0], [2.0]]), torch.zeros(2), torch.ones(2), "space")
    new = Head(("b", "unknown"), torch.tensor([[3.0], [6.0]]), torch.ones(2), torch.ones(2), "space")
    merged = mine(old, new, share=0.75)
    assert merged.names == ("a", "b", "unknown")
    assert merged.weight.flatten().tolist() == [1.0, 3.0, 3.0]
    assert merged.bias.tolist() == [0.0, 1.0, 0.25]
