"""Copy weights with re-init: consolidated rows are centred within their task."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import torch
from pydantic import Field

from cltool import UNKNOWN, Head, merge, union
from cltool.heads import Row
from cltool_plugins.merges.alpha import blended


@merge(source="Lomonaco, Maltoni & Pellegrini 2020, CWR*, arXiv:1907.03799, algorithm 1")
def cwr(
    old: Head,
    new: Head,
    *,
    centre: Annotated[
        Literal["number", "row"],
        Field(description="a task's mean: one number over all its weights, as in the authors' code, or its mean row"),
    ] = "number",
) -> Head:
    """Centre each task's class rows, tw − avg(tw), and average a class seen before by the roots of its counts.

    A class seen in past_c and now in cur_c samples: cw ← (cw·√(past_c/cur_c) + tw − avg(tw)) / (√(past_c/cur_c) + 1).
    The old head is centred by the same rule, which leaves a union of centred tasks as it is (where classes come again
    it shifts all old rows alike, which the paper does not). The paper's avg is one
    number; `row` takes the mean row instead, the bias with it, which a softmax over the task's classes does not feel.
    `unknown` is blended as `alpha` does. `old` [R₁, D] and `new` [R₂, D] → [R, D]. Raises CallError for heads of two
    feature spaces.

    >>> a = Head(("x", "y"), torch.tensor([[3.0], [1.0]]), torch.zeros(2), torch.ones(2), "s")
    >>> b = Head(("z", "y"), torch.tensor([[6.0], [2.0]]), torch.zeros(2), torch.tensor([1.0, 4.0]), "s")
    >>> cwr(a, b).weight.T  # y: (−1·√(1/4) − 2) / (√(1/4) + 1)
    tensor([[ 1.0000, -1.6667,  2.0000]])
    """
    old, new = (centred(head, centre) for head in (old, new))
    blend = blended(old, new)

    def consolidate(name: str, before: Row, after: Row) -> Row:
        past, current = float(before.count) ** 0.5, float(after.count) ** 0.5
        if name == UNKNOWN or not past + current:
            return blend(name, before, after)
        return before.blended(after, past / (past + current))

    return union(old, new, consolidate)


def centred(head: Head, centre: Literal["row", "number"]) -> Head:
    """The head with the mean of its class rows, or of all numbers in them, subtracted from each of them."""
    mine = torch.tensor([name != UNKNOWN for name in head.names], device=head.weight.device)
    if not mine.any():
        return head
    weight, bias = head.weight.clone(), head.bias.clone()
    weight[mine] -= weight[mine].mean(0) if centre == "row" else weight[mine].mean()
    if centre == "row":
        bias[mine] -= bias[mine].mean()
    return replace(head, weight=weight, bias=bias)
