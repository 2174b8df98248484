"""Shrinking the weights that are small already."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import torch
from pydantic import Field

from cltool import Head, surgery


# on="task" would operate on each task's head before it is merged; "merged" is the head that is scored.
@surgery(source="where the idea comes from", on="merged")
def mine(
    head: Head,
    *,
    below: Annotated[float, Field(ge=0, description="small is less than this many times the mean size")] = 0.5,
    factor: Annotated[float, Field(ge=0, description="what small weights are multiplied by")] = 0.1,
) -> Head:
    """Multiply weights that are small beside the head's mean |w| by `factor`; names, biases and counts stay.

    `head` [R, D] → [R, D].

    >>> head = Head(("a", "b"), torch.tensor([[4.0, 1.0], [-4.0, -3.0]]), torch.ones(2), torch.ones(2), "s")
    >>> mine(head, factor=0).weight
    tensor([[ 4.,  0.],
            [-4., -3.]])
    """
    size = head.weight.abs()
    changed = torch.where(size < below * size.mean(), factor * head.weight, head.weight)
    return replace(head, weight=changed)
