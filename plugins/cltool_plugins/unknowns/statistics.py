"""Pseudo-features of earlier classes as strangers."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Generator, Tensor

from cltool import Statistics, unknown
from cltool_plugins.unknowns.amount import Amount, how_many


@unknown(source="docs/merges.md, the thesis' method at its best; Gaussians as in LDA")
def statistics(
    features: Tensor,
    targets: Tensor,
    old_statistics: Statistics | None,
    rng: Generator,
    *,
    amount: Amount = 1.0,
    each: Annotated[bool, Field(description="so many for every earlier class, not for all of them together")] = False,
) -> Tensor:
    """Draws from N(μ_c, Σ) of earlier classes c, from their additive statistics alone; no old sample.

    `features` [n, D], `targets` [n, K] → [amount · n/K, D], spread over the classes at random; with `each` as many
    times more as there are earlier classes, so that old and new classes weigh alike. None at the first task, which
    has no earlier classes.

    >>> x, y = torch.tensor([[0.0], [0.2], [5.0], [5.2]]), torch.eye(2)[[0, 0, 1, 1]]
    >>> old = Statistics.of(x, y, ("a", "b"), "space")
    >>> drawn = statistics(x, y, old, torch.Generator().manual_seed(0), amount=50)
    >>> bool(((drawn - 0.1).abs().min(1).values < 1).any() and ((drawn - 5.1).abs() < 1).any())
    True
    """
    if old_statistics is None:
        return features[:0]
    count = how_many(amount * (len(old_statistics.names) if each else 1), targets)
    values, vectors = torch.linalg.eigh(old_statistics.within_covariance)
    root = vectors * values.clamp_min(0).sqrt()
    chosen = torch.randint(len(old_statistics.names), (count,), generator=rng)
    drawn = torch.randn(count, len(values), generator=rng, dtype=torch.float64)
    return (old_statistics.means[chosen] + drawn @ root.T).to(features.dtype)
