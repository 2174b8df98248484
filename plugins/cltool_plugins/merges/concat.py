"""Concatenation, the floor of every comparison."""

from __future__ import annotations

from cltool import Head, merge, union


@merge(source="Orgil 2022, eq. 3.10", values=True)
def concat(old: Head, new: Head) -> Head:
    """Keep every row; of a row that both heads own, keep the newer one.

    `old` [R₁, D] and `new` [R₂, D] → [R, D], R the number of different names. Raises CallError for heads of
    two feature spaces.

    >>> import torch
    >>> a = Head(("x", "unknown"), torch.zeros(2, 1), torch.zeros(2), torch.ones(2), "s")
    >>> b = Head(("y", "unknown"), torch.ones(2, 1), torch.ones(2), torch.ones(2), "s")
    >>> concat(a, b).weight.T
    tensor([[0., 1., 1.]])
    """
    return union(old, new, lambda name, before, after: after)
