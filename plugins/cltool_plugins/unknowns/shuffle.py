"""Features shuffled across samples as strangers."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from cltool import unknown
from cltool_plugins.unknowns.amount import Amount, how_many


@unknown(source="docs/architecture.md, the unknown row")
def shuffle(
    features: Tensor,
    targets: Tensor,
    rng: Generator,
    *,
    amount: Amount = 1.0,
) -> Tensor:
    """Every feature taken from another sample of the task: real values that never occurred together.

    `features` [n, D], `targets` [n, K] → [amount · n/K, D].

    >>> x = torch.tensor([[0.0, 0.0], [1.0, 10.0]])
    >>> shuffle(x, torch.eye(2), torch.Generator().manual_seed(0)).shape
    torch.Size([1, 2])
    """
    count = how_many(amount, targets)
    rows = torch.randint(len(features), (count, features.shape[1]), generator=rng)
    return features.gather(0, rows)
