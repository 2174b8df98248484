"""Shared rows along the arc between them."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from cltool import Head, merge, union
from cltool.heads import Row
from cltool_plugins.merges.alpha import mass_of_old

COLLINEAR = 0.9995  # |cos Ω| from which on the arc is a straight line, or has no direction; as mergekit has it


@merge(source="Shoemake 1985, Animating rotation with quaternion curves; mergekit, arXiv:2403.13257", values=True)
def slerp(
    old: Head,
    new: Head,
    *,
    share: Annotated[
        float | None, Field(ge=0, le=1, description="of the old row; default: by mass, as alpha's")
    ] = None,
) -> Head:
    """Keep every row one head owns; of those both own, go along the arc: (sin αΩ · old + sin (1−α)Ω · new) / sin Ω.

    A row is one vector, its bias the last number; Ω is the angle between the two. Averaging shortens rows that
    point apart, an arc does not. Rows that are zero, alike or opposite (|cos Ω| > 0.9995) are blended
    straight. α is `share`, by default balanced by mass as in `alpha`. `old` [R₁, D] and `new` [R₂, D] → [R, D].
    Raises CallError for heads of two feature spaces.

    >>> a = Head(("x",), torch.tensor([[1.0, 0.0]]), torch.zeros(1), torch.ones(1), "s")
    >>> b = Head(("x",), torch.tensor([[0.0, 1.0]]), torch.zeros(1), torch.ones(1), "s")
    >>> slerp(a, b).weight  # alpha would give (1/2, 1/2)
    tensor([[0.7071, 0.7071]])
    """

    def along(name: str, before: Row, after: Row) -> Row:
        part = mass_of_old(old, new, name) if share is None else share
        row = arc(flat(before), flat(after), part)
        return Row(row[:-1], row[-1], before.count + after.count)

    return union(old, new, along)


def flat(row: Row) -> Tensor:
    """Weight and bias as one vector [D+1]."""
    return torch.cat([row.weight, row.bias[None]])


def arc(a: Tensor, b: Tensor, share: float) -> Tensor:
    """The point of the arc from a to b where `share` of it is a's; a straight line where there is no arc."""
    cosine = torch.nn.functional.cosine_similarity(a, b, dim=0)
    if not cosine.abs() < COLLINEAR or not a.any() or not b.any():
        return share * a + (1 - share) * b
    angle = torch.arccos(cosine)
    return (torch.sin(share * angle) * a + torch.sin((1 - share) * angle) * b) / torch.sin(angle)
