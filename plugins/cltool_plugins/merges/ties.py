"""TIES: trim, elect a sign, and average what agrees with it."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from cltool import Head, merge, union
from cltool.heads import Row
from cltool_plugins.merges.alpha import mass_of_old


@merge(source="Yadav et al. 2023, TIES-Merging, arXiv:2306.01708", values=True)
def ties(
    old: Head,
    new: Head,
    *,
    keep: Annotated[float, Field(gt=0, le=1, description="share of a row's weights that is kept, the largest")] = 1.0,
    share: Annotated[
        float | None, Field(ge=0, le=1, description="of the old row; default: by mass, as alpha's")
    ] = None,
) -> Head:
    """Keep every row one head owns; of those both own, trim, elect a sign per weight, average what has it.

    The paper merges differences from a common pretrained model. Rows of heads start at zero, so the row itself is
    the difference. Trimmed to its `keep` largest weights, each votes with its mass α (`share`; default: by mass as in
    `alpha`); the merged weight is the mean, by mass, of those on the winning side, and 0 where both were trimmed. The
    paper keeps 0.2 of a network's differences; of a head's rows, which hold no more than they need, all is kept by
    default. The bias is blended as `alpha` does. `old` [R₁, D] and `new` [R₂, D] → [R, D]. Raises CallError for
    heads of two feature spaces.

    >>> a = Head(("x",), torch.tensor([[4.0, 2.0, 0.1]]), torch.zeros(1), torch.ones(1), "s")
    >>> b = Head(("x",), torch.tensor([[2.0, -3.0, 0.1]]), torch.zeros(1), torch.ones(1), "s")
    >>> ties(a, b, keep=0.6).weight  # 2 and −3 disagree, −3 wins; 0.1 is trimmed on both sides
    tensor([[ 3., -3.,  0.]])
    """

    def agree(name: str, before: Row, after: Row) -> Row:
        part = mass_of_old(old, new, name) if share is None else share
        mass = before.weight.new_tensor([[part], [1 - part]])
        weight = elected(torch.stack([trimmed(before.weight, keep), trimmed(after.weight, keep)]), mass)
        even = before.blended(after, part)
        return Row(weight, even.bias, even.count)

    return union(old, new, agree)


def trimmed(weight: Tensor, keep: float) -> Tensor:
    """A row [D] with all but the ⌈keep·D⌉ weights of largest magnitude set to zero."""
    largest = weight.abs().topk(math.ceil(keep * len(weight))).indices
    return torch.zeros_like(weight).index_copy(0, largest, weight[largest])


def elected(rows: Tensor, mass: Tensor) -> Tensor:
    """Means [D] by `mass` [2, 1] of those of rows [2, D] that have the sign of the sum; a zero takes no part."""
    sign = torch.sign((mass * rows).sum(0))
    votes = mass * (torch.sign(rows) == sign) * (sign != 0)
    total = votes.sum(0)
    return (votes * rows).sum(0) / torch.where(total > 0, total, 1.0)
