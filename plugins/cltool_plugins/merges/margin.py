"""Class rows measured against their own head's `unknown`."""

from __future__ import annotations

from dataclasses import replace

from cltool import UNKNOWN, Head, merge, union
from cltool_plugins.merges.alpha import blended


@merge(source="Orgil 2022, eq. 3.8-3.11, its rows measured against their own unknown")
def margin(old: Head, new: Head) -> Head:
    """Subtract each head's own `unknown` from its class rows, w_c − w_u, then keep every row.

    Scores of two heads become comparable: each is by how much a class beats "none of mine". `unknown` itself
    becomes the zero row, so that a merged head, margins already, stays as it is when it is the old one of the
    next merge. From a head without `unknown` nothing is subtracted. A class that both own is blended as `alpha`
    does. `old` [R₁, D] and `new` [R₂, D] → [R, D]. Raises CallError for heads of two feature spaces.

    >>> import torch
    >>> a = Head(("x", "unknown"), torch.tensor([[3.0], [1.0]]), torch.zeros(2), torch.ones(2), "s")
    >>> b = Head(("y", "unknown"), torch.tensor([[9.0], [8.0]]), torch.zeros(2), torch.ones(2), "s")
    >>> margin(a, b).weight.T
    tensor([[2., 1., 0.]])
    """
    old, new = margins(old), margins(new)
    return union(old, new, blended(old, new))


def margins(head: Head) -> Head:
    """Every row minus the row of `unknown`, weight and bias; the head itself where it has no such row."""
    if UNKNOWN not in head.names:
        return head
    unknown = head.row(UNKNOWN)
    return replace(head, weight=head.weight - unknown.weight, bias=head.bias - unknown.bias)
