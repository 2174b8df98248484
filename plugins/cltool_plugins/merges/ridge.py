"""The ridge solution of all tasks, from their sums."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor

from cltool import Head, Statistics, merge
from cltool_plugins.merges.ridge_path import CentredSums, RidgePath


@merge(
    source="Zhuang et al. 2022, ACIL, arXiv:2205.14922; Golub, Heath & Wahba 1979, generalised cross-validation",
    exact=True,
    values=True,
)
def ridge(
    statistics: Statistics,
    *,
    strength: Annotated[
        float | None, Field(ge=0, description="λ, added to the scatter; default: by generalised cross-validation")
    ] = None,
) -> Head:
    """Least squares on the targets of all tasks with a ridge: W = (A + λI)⁻¹ B, A and B centred, the bias free.

    λ is chosen anew after every task, from the sums alone: generalised cross-validation pooled over outputs, one
    eigendecomposition for all λ. `strength=0` is plain least squares. An output without samples gets the
    zero row. Sums in float64 → weight [C, D], bias [C], float32. Raises CallError for `strength=0` where a
    feature is constant or a combination of others.

    >>> import torch
    >>> x = torch.tensor([[-1.0], [1.0], [-1.1], [1.1]])
    >>> head = ridge(Statistics.of(x, torch.eye(2).repeat(2, 1), ("a", "b"), "space"))
    >>> head(x).argmax(1)
    tensor([0, 1, 0, 1])
    """
    sums = CentredSums.of(statistics)
    if strength is not None:
        return head_of(sums.solution(strength), statistics)
    path = RidgePath.of(sums)
    return head_of(path.solution(path.best()), statistics)


def head_of(rows: Tensor, statistics: Statistics) -> Head:
    """Rows [C, D+1] in float64, bias last, as a head of the statistics' outputs."""
    rows = rows.float()
    weight, bias = rows[:, :-1].contiguous(), rows[:, -1].contiguous()
    return Head(statistics.names, weight, bias, statistics.count.float(), statistics.space)
