"""Features shuffled across samples as strangers."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Generator, Tensor

from cltool import unknown


@unknown(source="docs/architecture.md, the unknown row")
def shuffle(
    features: Tensor,
    targets: Tensor,
    rng: Generator,
    *,
    amount: Annotated[float, Field(gt=0, description="strangers per class of average size")] = 1.0,
) -> Tensor:
    """Every feature taken from another sample of the task: real values that never occurred together.

    `features` [n, D], `targets` [n, K] → [amount · n/K, D].

    >>> x = torch.tensor([[0.0, 0.0], [1.0, 10.0]])
    >>> shuffle(x, torch.eye(2), torch.Generator().manual_seed(0)).shape
    torch.Size([1, 2])
    """
    count = round(amount * len(features) / targets.shape[1])
    rows = torch.randint(len(features), (count, features.shape[1]), generator=rng)
    return features.gather(0, rows)
