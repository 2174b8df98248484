"""The surgery against numbers worked out by hand."""

from __future__ import annotations

import torch

from cltool import Head
from cltool.contract import check
from cltool.templates.surgery import mine


def test_mine_keeps_the_contract() -> None:
    check(mine)


def test_mine_shrinks_small_weights_only() -> None:
    weight = torch.tensor([[4.0, 1.0], [-4.0, -1.0]])  # |w| is 2.5 on average
    head = Head(("a", "b"), weight, torch.ones(2), torch.ones(2), "space")
    shrunk = mine(head, below=0.5, factor=0.5)
    assert shrunk.weight.tolist() == [[4.0, 0.5], [-4.0, -0.5]]
    assert mine(head, below=0.3).weight.equal(weight)
