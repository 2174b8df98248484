"""In which order an epoch shows its pictures: every class equally often, or every picture once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from cltool.seeding import generator

Sampler = Literal["balanced", "shuffled"]


def epoch_order(labels: Tensor, sampler: Sampler, seed: int, epoch: int) -> Tensor:
    """Which of N pictures an epoch shows, int64 [N], in order; a function of its arguments alone.

    `labels` int64 [N]: each picture's class. `balanced` draws with replacement, a picture's chance being one over its
    class' size, so that every class comes equally often (thesis §2.1, the sampler for imbalanced data); `shuffled`
    is a permutation.

    >>> rare = torch.tensor([0] * 990 + [1] * 10)
    >>> int(rare[epoch_order(rare, "balanced", 0, 1)].sum())
    498
    >>> int(rare[epoch_order(rare, "shuffled", 0, 1)].sum())
    10
    """
    rng = generator(seed, "universal order", epoch)
    if sampler == "shuffled":
        return torch.randperm(len(labels), generator=rng)
    # classes first, then one of theirs: torch.multinomial over pictures would do the same, for 2²⁴ of them at most
    members = labels.argsort(stable=True)
    counts = labels.bincount()
    present = counts.nonzero().flatten()
    drawn = present[torch.randint(len(present), (len(labels),), generator=rng)]
    starts = counts.cumsum(0) - counts
    within = (torch.rand(len(labels), generator=rng, dtype=torch.float64) * counts[drawn]).long()
    return members[starts[drawn] + within]


def drawn(labels: Tensor, order: Tensor, classes: Sequence[str]) -> dict[str, int]:
    """How many pictures of each class an epoch showed.

    >>> drawn(torch.tensor([0, 1, 1]), torch.tensor([1, 2, 1]), ["a", "b"])
    {'a': 0, 'b': 3}
    """
    counts = labels[order].bincount(minlength=len(classes)).tolist()
    return dict(zip(classes, counts, strict=True))
