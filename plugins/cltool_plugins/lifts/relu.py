"""A wide random layer under the heads."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from cltool import lift


@lift(source="McDonnell et al. 2023, RanPAC; Huang et al. 2006")
def relu(
    width: int,
    *,
    dim: Annotated[int, Field(ge=1, description="numbers it gives")] = 4000,
    keep: Annotated[bool, Field(description="also the features themselves, beside them")] = False,
    seed: Annotated[int, Field(description="of the projection; the run's --seed leaves it alone")] = 0,
) -> nn.Module:
    """A fixed random projection with ReLU: z = max(0, W x), W ~ N(0, 2/width), nothing is trained.

    Maps features [n, width] to [n, dim], with `keep` to [n, width + dim]; of standardised features, the outputs'
    mean square is about 1. The map itself takes 4 · width · dim bytes, and sums of products over its outputs
    8 · dim²: 128 MB at 4,000, in the learner's memory and in each saved statistics file.

    >>> relu(3, dim=5)(torch.ones(2, 3)).shape, relu(3, dim=5, keep=True)(torch.ones(2, 3)).shape
    (torch.Size([2, 5]), torch.Size([2, 8]))
    """
    projection = nn.Linear(width, dim, bias=False)
    rng = torch.Generator().manual_seed(seed)
    projection.weight = nn.Parameter(torch.randn(dim, width, generator=rng) * (2 / width) ** 0.5, requires_grad=False)
    lifted = nn.Sequential(projection, nn.ReLU())
    return Beside(lifted) if keep else lifted


class Beside(nn.Module):
    """A map's outputs with its inputs before them: [n, width] → [n, width + dim]."""

    def __init__(self, lifted: nn.Module) -> None:
        super().__init__()
        self.lifted = lifted

    def forward(self, features: Tensor) -> Tensor:
        return torch.cat([features, self.lifted(features)], 1)
