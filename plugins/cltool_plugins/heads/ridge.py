"""A head in closed form."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Generator, Tensor

from cltool import head
from cltool.ridge import ridge_regression


@head(source="Hoerl & Kennard 1970", values=True)
def ridge(
    features: Tensor,
    targets: Tensor,
    rng: Generator,
    *,
    strength: Annotated[float, Field(gt=0, description="λ, added to XᵀX; the bias is not penalised")] = 100.0,
) -> tuple[Tensor, Tensor]:
    """Least squares on the targets with a ridge: W = (XᵀX + λI)⁻¹ XᵀY, in float64.

    `features` [n, D], `targets` [n, R] → weight [R, D], bias [R], float32.

    >>> import torch
    >>> x = torch.tensor([[-1.0], [1.0]])
    >>> weight, bias = ridge(x, torch.eye(2), torch.Generator(), strength=1e-9)
    >>> (x @ weight.T + bias).round(decimals=4)
    tensor([[1., 0.], [0., 1.]])
    """
    return ridge_regression(features, targets, strength)
