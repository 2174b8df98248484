"""The thesis' merge: class rows concatenated, shared rows alpha-blended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import Field

from cltool import UNKNOWN, Head, merge, union
from cltool.heads import Row


@merge(source="Orgil 2022, eq. 3.10-3.11", values=True)
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
    return union(old, new, blended(old, new, alpha))


def blended(old: Head, new: Head, alpha: float | None = None) -> Callable[[str, Row, Row], Row]:
    """The thesis' rule for rows that both heads own, as `union` asks for it; other merges fall back on it."""

    def blend(name: str, before: Row, after: Row) -> Row:
        return before.blended(after, mass_of_old(old, new, name) if alpha is None else alpha)

    return blend


def mass_of_old(old: Head, new: Head, name: str) -> float:
    """The old row's share α ∈ [0, 1] of a row that both own: by classes for `unknown`, else by samples.

    >>> import torch
    >>> a = Head(("x",), torch.zeros(1, 1), torch.zeros(1), torch.tensor([30.0]), "s")
    >>> b = Head(("x",), torch.zeros(1, 1), torch.zeros(1), torch.tensor([10.0]), "s")
    >>> mass_of_old(a, b, "x")
    0.75
    """
    before, after = float(old.row(name).count), float(new.row(name).count)
    if name == UNKNOWN:
        before, after = len(old.classes), len(new.classes)
    return before / (before + after) if before + after else 0.5
