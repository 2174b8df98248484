"""How far to shrink a covariance towards a ball, chosen from sums alone."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from cltool import Statistics
from cltool_plugins.merges.ridge_path import CentredSums, RidgePath

STRONGEST = 1e9  # samples that the prior may be worth; from one on
PER_DECADE = 4


def mean_variance(covariance: Tensor, squares: Tensor) -> float:
    """The radius of the ball: the mean variance of a covariance [D, D]; 1 where it is nothing but rounding errors.

    `squares` [D]: mean squares of the features, beside which rounding errors are seen to be small.
    """
    mean = float(covariance.diagonal().mean())
    return mean if mean > 1e-12 * float(squares.mean()) else 1.0


def by_gcv(statistics: Statistics) -> float:
    """The share γ ∈ [0, 1] that ridge regression on class indicators takes, its λ by cross-validation.

    Discriminant analysis with S_w + λI has the discriminants of the ridge regression with λ (Hastie, Buja &
    Tibshirani 1995, Penalized discriminant analysis). With n samples and mean variance v: λ/n = γ v / (1−γ).
    """
    path = RidgePath.of(CentredSums.of(statistics))
    ball = path.best() / path.sums.samples
    return ball / (ball + mean_variance(statistics.within_covariance, statistics.mean_squares))


def by_evidence(statistics: Statistics) -> float:
    """The share γ ∈ [0, 1] under which the samples are likeliest, Σ having an inverse-Wishart prior about the ball.

    With S the within-class scatter of N = n − C degrees of freedom, D features that vary, v their mean variance and
    Σ ~ W⁻¹(k v I, k + D + 1), the mean of Σ given S is (S + k v I) / (N + k), so that γ = k / (N + k); S is as
    likely as

      |k v I|^(ν/2) Γ_D((ν+N)/2) / (|k v I + S|^((ν+N)/2) Γ_D(ν/2)),   ν = k + D + 1,

    in closed form from the eigenvalues of S (Haff 1980; Ledoit & Wolf 2004 for the target). k, the number of samples
    that the prior is worth, is at least 1. γ is 1 where nothing varies within classes.
    """
    freedom = float(statistics.count.sum()) - int((statistics.count > 0).sum())
    scatter = statistics.within_covariance * statistics.count.sum()
    varies = scatter.diagonal() > 1e-10 * statistics.gram.diagonal()[:-1]
    if freedom <= 0 or not varies.any():
        return 1.0
    values = torch.linalg.eigvalsh(scatter[varies][:, varies]).clamp_min(0)
    prior = _likeliest(values, freedom)
    return prior / (freedom + prior)


def _likeliest(values: Tensor, freedom: float) -> float:
    """The k of the first maximum of that likelihood from 1 on: where its slope falls through zero."""
    from scipy.optimize import brentq

    def slope(at: float) -> float:
        return _slope(math.exp(at), values, freedom, float(values.mean()) / freedom)

    grid = [math.log(10) * i / PER_DECADE for i in range(round(math.log10(STRONGEST) * PER_DECADE) + 1)]
    found = [slope(at) for at in grid]
    if found[0] <= 0:
        return 1.0
    fallen = next((i for i, value in enumerate(found) if value <= 0), None)
    if fallen is None:
        return STRONGEST
    return math.exp(brentq(slope, grid[fallen - 1], grid[fallen], xtol=1e-12, rtol=1e-14))


def _slope(k: float, values: Tensor, freedom: float, ball: float) -> float:
    """k · d/dk of the logarithm of that likelihood."""
    width, degrees = len(values), k + len(values) + 1
    prior = k * ball
    halves = torch.arange(width, dtype=values.dtype) / 2
    gammas = torch.digamma((degrees + freedom) / 2 - halves).sum() - torch.digamma(degrees / 2 - halves).sum()
    logs = width * math.log(prior) - torch.log(prior + values).sum()
    pulls = degrees * width / k - (degrees + freedom) * (ball / (prior + values)).sum()
    return k * float(logs + pulls + gammas) / 2
