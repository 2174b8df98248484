"""A head in closed form."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Generator, Tensor

from cltool import head


@head(source="Hoerl & Kennard 1970")
def ridge(
    features: Tensor,
    targets: Tensor,
    rng: Generator,
    *,
    strength: Annotated[float, Field(gt=0, description="λ, added to XᵀX; the bias is not penalised")] = 100.0,
) -> tuple[Tensor, Tensor]:
    """Least squares on the targets with a ridge: W = (XᵀX + λI)⁻¹ XᵀY, in float64.

    `features` [n, D], `targets` [n, R] → weight [R, D], bias [R], float32.

    >>> x = torch.tensor([[-1.0], [1.0]])
    >>> weight, bias = ridge(x, torch.eye(2), torch.Generator(), strength=1e-9)
    >>> (x @ weight.T + bias).round(decimals=4)
    tensor([[1., 0.], [0., 1.]])
    """
    x = torch.cat([features, features.new_ones(len(features), 1)], 1).double()
    penalty = torch.full((x.shape[1],), strength, dtype=x.dtype)
    penalty[-1] = 0
    solution = torch.linalg.solve(x.T @ x + torch.diag(penalty), x.T @ targets.double()).T.to(features.dtype)
    return solution[:, :-1].contiguous(), solution[:, -1].contiguous()
