"""Gaussian noise as strangers."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from cltool import unknown
from cltool_plugins.unknowns.amount import Amount, how_many


@unknown(source="docs/architecture.md, the unknown row")
def noise(
    features: Tensor,
    targets: Tensor,
    rng: Generator,
    *,
    amount: Amount = 1.0,
) -> Tensor:
    """Independent Gaussian noise with each feature's mean and deviation over the task.

    `features` [n, D], `targets` [n, K] → [amount · n/K, D].

    >>> x = torch.arange(8.0).view(4, 2)
    >>> noise(x, torch.eye(2)[[0, 0, 1, 1]], torch.Generator().manual_seed(0)).shape
    torch.Size([2, 2])
    """
    count = how_many(amount, targets)
    drawn = torch.randn(count, features.shape[1], generator=rng)
    return features.mean(0) + drawn * features.std(0, correction=0)
