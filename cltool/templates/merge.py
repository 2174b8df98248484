"""A fixed share of the old, where two heads own the same row."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cltool import Head, merge, union


@merge(source="where the idea comes from")
def mine(
    old: Head,
    new: Head,
    *,
    share: Annotated[float, Field(ge=0, le=1, description="weight of the old row")] = 0.5,
) -> Head:
    """Keep every row one head owns; blend those both own: share · old + (1 − share) · new.

    `old` [R₁, D] and `new` [R₂, D] → [R, D], R the number of different names. Raises CallError for heads of
    two feature spaces.

    >>> import torch
    >>> a = Head(("x", "unknown"), torch.zeros(2, 1), torch.zeros(2), torch.ones(2), "s")
    >>> b = Head(("y", "unknown"), torch.ones(2, 1), torch.ones(2), torch.ones(2), "s")
    >>> mine(a, b, share=0.25).weight.T
    tensor([[0.0000, 1.0000, 0.7500]])
    """
    # The last argument makes one row of two: give any function of a name, the old row and the new one.
    return union(old, new, lambda name, before, after: before.blended(after, share))
