"""The thesis' merge: class rows concatenated, shared rows alpha-blended."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cltool import UNKNOWN, Head, merge, union
from cltool.heads import Row


@merge(source="Orgil 2022, eq. 3.10-3.11")
def alpha(
    old: Head,
    new: Head,
    *,
    alpha: Annotated[
        float | None, Field(ge=0, le=1, description="weight of the old row; default: balanced by mass")
    ] = None,
) -> Head:
    """Keep every row one head owns; blend those both own: u = α·u_old + (1 − α)·u_new.

    α balances by mass: N/(N+K) with N classes known and K new for `unknown`, the samples behind the rows
    for any other shared row. A fixed `alpha` overrides both. Raises CallError for heads of two feature
    spaces.

    >>> import torch
    >>> a = Head(("x", "unknown"), torch.zeros(2, 1), torch.zeros(2), torch.ones(2), "s")
    >>> b = Head(("y", "unknown"), torch.ones(2, 1), torch.ones(2), torch.ones(2), "s")
    >>> alpha(a, b).weight.T  # one class known, one new: α = 1/2
    tensor([[0.0000, 1.0000, 0.5000]])
    """

    def blend(name: str, before: Row, after: Row) -> Row:
        mass_old, mass_new = float(before.count), float(after.count)
        if name == UNKNOWN:
            mass_old, mass_new = len(old.classes), len(new.classes)
        total = mass_old + mass_new
        share = alpha if alpha is not None else mass_old / total if total else 0.5
        return before.blended(after, share)

    return union(old, new, blend)
