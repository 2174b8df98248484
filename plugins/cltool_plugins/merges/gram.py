"""Heads weighed by the Gram matrices of the features they were fitted on."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from cltool import Head, Statistics, merge, union
from cltool_plugins.merges.ridge_path import factored


@merge(source="Jin et al. 2023, RegMean, arXiv:2212.09849, eq. 2", exact=True, values=True)
def gram(
    old: Head,
    new: Head,
    old_statistics: Statistics,
    new_statistics: Statistics,
    *,
    strength: Annotated[float, Field(gt=0, description="λ of the ridge, the one the heads were fitted with")] = 100.0,
) -> Head:
    """Weigh each head as its own features do: W = (G_o + G_n + λI)⁻¹ ((G_o + λI) W_o + (G_n + λI) W_n).

    Of all linear maps it is the one that stays nearest to both heads' scores on their own samples. A row that one
    head lacks is zero there; `unknown` is a row like any other. The bias is the weight of the constant feature, which λ
    leaves alone. λ is one for all tasks, so that heads that are ridge solutions with this λ (`--head ridge`, whose
    default it is) merge into the joint ridge solution, whatever their number. Computed in float64; the result
    is of the heads' dtype and on their device. `old` [R₁, D] and `new` [R₂, D] → [R, D]. Raises CallError for heads
    of two feature spaces.

    >>> x, y = torch.tensor([[1.0], [3.0], [2.0]]), torch.eye(3)
    >>> parts = [Statistics.of(x[i], y[i][:, i], names, "s") for i, names in (([0, 1], ("a", "b")), ([2], ("c",)))]
    >>> heads = [Head(s.names, torch.ones(len(s.names), 1), torch.zeros(len(s.names)), s.count, "s") for s in parts]
    >>> gram(*heads, *parts, strength=1e-6).names
    ('a', 'b', 'c')
    """
    aligned = union(old, new, lambda name, before, after: before.blended(after, 0.5))  # for names and counts
    penalty = torch.full((len(old_statistics.gram),), strength, dtype=torch.float64)
    penalty[-1] = 0
    total = old_statistics.gram + new_statistics.gram
    total.diagonal().add_(penalty)
    pull = torch.zeros(len(total), len(aligned.names), dtype=torch.float64)
    for head, statistics in ((old, old_statistics), (new, new_statistics)):
        rows = padded(head, aligned.names)
        pull += statistics.gram @ rows + penalty[:, None] * rows
    factor = factored(total, total.diagonal(), "give a larger strength")
    rows = torch.cholesky_solve(pull, factor).T.to(aligned.weight)
    return replace(aligned, weight=rows[:, :-1].contiguous(), bias=rows[:, -1].contiguous())


def padded(head: Head, names: tuple[str, ...]) -> Tensor:
    """Weights and bias [D+1, R] in float64 under `names`, zero where the head has no such row; on the CPU."""
    rows = torch.zeros(len(names), head.weight.shape[1] + 1, dtype=torch.float64)
    rows[[names.index(name) for name in head.names]] = torch.cat([head.weight, head.bias[:, None]], 1).double().cpu()
    return rows.T
