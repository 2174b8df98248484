"""The task's own samples turned round as strangers."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Generator, Tensor

from cltool import unknown


@unknown(source="where the idea comes from")
def mine(
    features: Tensor,
    targets: Tensor,
    rng: Generator,
    *,
    amount: Annotated[float, Field(gt=0, description="strangers per class of average size")] = 1.0,
) -> Tensor:
    """The negatives of samples drawn at random: as far from the middle as they are, on the other side.

    `features` [n, D], `targets` [n, K] → [amount · n/K, D].

    >>> x = torch.tensor([[1.0, 2.0], [1.0, 2.0]])
    >>> mine(x, torch.eye(2), torch.Generator().manual_seed(0))
    tensor([[-1., -2.]])
    """
    count = round(amount * len(features) / targets.shape[1])
    drawn = torch.randint(len(features), (count,), generator=rng)
    return -features[drawn]  # whatever is like no class of the task, and may be told from all of them
