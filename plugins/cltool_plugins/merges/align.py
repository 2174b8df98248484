"""Weight aligning: new rows scaled to the length of old ones."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from cltool import UNKNOWN, Head, merge, union
from cltool_plugins.merges.alpha import blended


@merge(source="Zhao et al. 2020, weight aligning, arXiv:1911.07053, eq. 6-7")
def align(old: Head, new: Head) -> Head:
    """Scale the new head by γ = mean‖w_old,c‖ / mean‖w_new,c‖ over class rows, then keep every row.

    The paper's heads have no bias; here it is scaled with its row, and so is the new `unknown`: a head scaled as
    a whole decides among its own classes as before. γ is 1 where either head's class rows are all zero. Rows that
    both own are blended as `alpha` does. `old` [R₁, D] and `new` [R₂, D] → [R, D]. Raises CallError for heads of
    two feature spaces.

    >>> a = Head(("x",), torch.tensor([[1.0, 0.0]]), torch.zeros(1), torch.ones(1), "s")
    >>> b = Head(("y",), torch.tensor([[0.0, 5.0]]), torch.tensor([10.0]), torch.ones(1), "s")
    >>> align(a, b).weight, align(a, b).bias
    (tensor([[1., 0.], [0., 1.]]), tensor([0., 2.]))
    """
    lengths = mean_length(old), mean_length(new)
    if all(lengths):
        scale = lengths[0] / lengths[1]
        new = replace(new, weight=new.weight * scale, bias=new.bias * scale)
    return union(old, new, blended(old, new))


def mean_length(head: Head) -> Tensor:
    """Mean Euclidean length [] of the class rows' weights; 0 for a head without classes."""
    rows = [weight for name, weight in zip(head.names, head.weight, strict=True) if name != UNKNOWN]
    return torch.stack(rows).norm(dim=1).mean() if rows else head.weight.new_zeros(())
