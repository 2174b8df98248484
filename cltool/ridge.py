"""Ridge regression on samples at hand: values from features, in closed form."""

from __future__ import annotations

from statistics import fmean

import torch
from torch import Tensor

from cltool.affect.concordance import concordance

PENALTIES = tuple(10.0 ** (power / 2) for power in range(4, -13, -1))  # λ per sample, of standardised features


def ridge_regression(x: Tensor, y: Tensor, strength: float) -> tuple[Tensor, Tensor]:
    """Weight [K, D] and bias [K] of W = (XᵀX + λI)⁻¹ XᵀY, λ = `strength`; the bias is not penalised.

    x [n, D], y [n, K]; float64 inside, of x's dtype (Hoerl & Kennard 1970).

    >>> x = torch.tensor([[-1.0], [1.0]])
    >>> weight, bias = ridge_regression(x, torch.eye(2), strength=1e-9)
    >>> (x @ weight.T + bias).round(decimals=4)
    tensor([[1., 0.], [0., 1.]])
    """
    wide = torch.cat([x, x.new_ones(len(x), 1)], 1).double()
    penalty = torch.full((wide.shape[1],), strength, dtype=wide.dtype)
    penalty[-1] = 0
    solution = torch.linalg.solve(wide.T @ wide + torch.diag(penalty), wide.T @ y.double()).T.to(x.dtype)
    return solution[:, :-1].contiguous(), solution[:, -1].contiguous()


def choose_penalty(x: Tensor, y: Tensor, folds: Tensor) -> float:
    """λ/n, of PENALTIES, of the highest mean CCC when every fold is predicted from all others.

    x [n, D], y [n, K]; `folds` [n]: the fold of each sample, two of them at least. By the score, not by squared error:
    a value that cannot be told from the features would have all others shrunk. The predictions of all folds are
    concatenated, as for the score.

    >>> x = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    >>> choose_penalty(x, x[:, :1], torch.arange(40) % 5) == min(PENALTIES)
    True
    """
    found = torch.empty(len(PENALTIES), *y.shape, dtype=torch.float64)
    for fold in folds.unique():
        held = folds == fold
        found[:, held] = _predicted(x[~held].double(), y[~held].double(), x[held].double())
    means = [fmean(concordances(prediction, y)) for prediction in found]
    return PENALTIES[means.index(max(means))]


def _predicted(x: Tensor, y: Tensor, asked: Tensor) -> Tensor:
    """Of every penalty, what samples `asked` [m, D] are predicted to be [P, m, K], by one eigendecomposition."""
    mean, target_mean = x.mean(0), y.mean(0)
    centred = x - mean
    values, vectors = torch.linalg.eigh(centred.T @ centred)
    projected, shown = vectors.T @ (centred.T @ (y - target_mean)), (asked - mean) @ vectors
    shrunk = [projected / (values.clamp_min(0) + penalty * len(x))[:, None] for penalty in PENALTIES]
    return torch.stack([shown @ part + target_mean for part in shrunk])


def concordances(prediction: Tensor, truth: Tensor) -> list[float]:
    """CCC of each of K values, prediction and truth [n, K]; population moments.

    >>> concordances(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
    [1.0, -1.0]
    """
    return [concordance(own, wanted) for own, wanted in zip(prediction.T.numpy(), truth.T.numpy(), strict=True)]
