"""Random signs under the heads."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import nn

from cltool import lift


@lift(source="where the idea comes from")
def mine(
    width: int,
    *,
    dim: Annotated[int, Field(ge=1, description="numbers it gives")] = 1000,
    seed: Annotated[int, Field(description="of the signs; the run's --seed leaves it alone")] = 0,
) -> nn.Module:
    """Sums of all features under random signs, z = tanh(W x), W = ±1/√width; nothing is trained.

    Maps features [n, width] to [n, dim].

    >>> mine(3, dim=5)(torch.ones(2, 3)).shape
    torch.Size([2, 5])
    """
    rng = torch.Generator().manual_seed(seed)
    signs = 2.0 * torch.randint(2, (dim, width), generator=rng) - 1
    projection = nn.Linear(width, dim, bias=False)
    projection.weight = nn.Parameter(signs / width**0.5, requires_grad=False)
    # What decides the map has to be in its state_dict, by which feature spaces are told apart.
    return nn.Sequential(projection, nn.Tanh())
