"""Mixtures of two classes as strangers."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from cltool import unknown
from cltool_plugins.unknowns.amount import Amount, how_many


@unknown(source="Zhang et al. 2018, mixup; the mixture taken as neither class")
def mixup(
    features: Tensor,
    targets: Tensor,
    rng: Generator,
    *,
    amount: Amount = 1.0,
) -> Tensor:
    """The midpoints of pairs of samples of two different classes.

    `features` [n, D], `targets` [n, K] → [amount · n/K, D]; none where the task has a single class.

    >>> x = torch.tensor([[0.0], [1.0]])
    >>> mixup(x, torch.eye(2), torch.Generator().manual_seed(0))
    tensor([[0.5000]])
    """
    label = targets.argmax(1)
    count = how_many(amount, targets) if len(label.unique()) > 1 else 0
    first = torch.randint(len(features), (count,), generator=rng)
    others = (label[None, :] != label[first, None]).float()
    second = torch.multinomial(others, 1, generator=rng)[:, 0] if count else first
    return (features[first] + features[second]) / 2
