"""Which numbers of a head a surgery operates on: the options that every surgery shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from cltool import UNKNOWN, Head

WithBias = Annotated[bool, Field(description="operate on the bias too, as one more column of the weights")]
WithUnknown = Annotated[bool, Field(description="operate on the unknown row too")]


def on_weights(head: Head, change: Callable[[Tensor], Tensor], bias: bool, unknown: bool) -> Head:
    """`change` the weights [r, D] of the class rows; with `unknown` all rows, with `bias` [r, D+1].

    What is out of reach is neither changed nor seen: a range or a histogram is that of the reached numbers
    alone. A head without any row in reach comes back as it is.

    >>> head = Head(("a", "unknown"), torch.ones(2, 2), torch.ones(2), torch.ones(2), "s")
    >>> on_weights(head, torch.zeros_like, bias=False, unknown=False).weight
    tensor([[0., 0.],
            [1., 1.]])
    """
    rows = torch.tensor([unknown or name != UNKNOWN for name in head.names], device=head.weight.device)
    if not rows.any():
        return head
    reached = head.weight[rows]
    if bias:
        reached = torch.cat([reached, head.bias[rows, None]], 1)
    changed = change(reached)
    weight, offset = head.weight.clone(), head.bias.clone()
    weight[rows] = changed[:, : weight.shape[1]]
    if bias:
        offset[rows] = changed[:, -1]
    return replace(head, weight=weight, bias=offset)
