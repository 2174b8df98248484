"""The strategy against numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from cltool import Block, discover
from cltool.contract import check
from cltool.tasks import arrange
from cltool.templates.strategy import mine


def number(blocks: Sequence[Block]) -> torch.Tensor:
    return torch.cat([torch.full((len(block), 1), float(block.output)) for block in blocks])


def test_mine_keeps_the_contract() -> None:
    check(mine)


def test_mine_scores_by_distance_to_the_means() -> None:
    digits = arrange(discover().find("stream", "digits").function(), per_task=[2, 3])
    first, last = mine(digits, number)
    assert first.outputs == ("0", "1")
    wanted = torch.tensor([-2.0, -1.0, 0.0, -1.0, -2.0])  # of a 2, from 0 to 4
    assert torch.allclose(last.scores(digits.test(["2"])), wanted, atol=0.01)
