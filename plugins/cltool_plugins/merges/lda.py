"""Linear discriminant analysis of all tasks, from their sums."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field

from cltool import CallError, Head, Statistics, merge
from cltool_plugins.merges.class_rows import class_head, require_classes
from cltool_plugins.merges.ridge_path import collinear, factored
from cltool_plugins.merges.shrinkage import by_evidence, by_gcv, mean_variance


@merge(
    source="Hayes & Kanan 2020, SLDA, arXiv:1909.01520; Hastie, Buja & Tibshirani 1995, penalised discriminants",
    exact=True,
)
def lda(
    statistics: Statistics,
    *,
    shrinkage: Annotated[
        float | None, Field(ge=0, le=1, description="γ, from the pooled covariance (0) to a ball (1); default: chosen")
    ] = None,
    choose: Annotated[
        Literal["gcv", "evidence"],
        Field(description="how γ is chosen: cross-validated ridge on class indicators, or likeliest samples"),
    ] = "gcv",
    prior: Annotated[
        Literal["counts", "equal"],
        Field(description="how likely a class is beforehand: as often as it was seen, or alike"),
    ] = "counts",
) -> Head:
    """Gaussian classes with one covariance between them, shrunk: Σ̂ = (1−γ) Σ_w + γ (tr Σ_w / D) I.

    w_c = Σ̂⁻¹ (μ_c − m) and b_c = −½ (μ_c + m)ᵀ w_c + log π_c, m the mean of all samples: log N(x; μ_c, Σ̂) π_c up
    to what all classes share. Measured from m, not from 0, a feature that is the same in all classes has no weight.
    γ is chosen from the sums alone: no sample is held out. A class without samples never wins: w = 0,
    b = −1e9. Where nothing varies within classes, the ball has variance 1. Sums in float64 → weight [C, D],
    bias [C], float32. Raises CallError for `shrinkage=0` where a feature is constant within classes or a combination
    of others, and for targets that are values, not classes.

    >>> x = torch.tensor([[-1.0, 0.0], [-1.2, 3.0], [1.0, 0.1], [1.2, 2.9]])
    >>> head = lda(Statistics.of(x, torch.eye(2)[[0, 0, 1, 1]], ("a", "b"), "space"))
    >>> head(x).argmax(1)
    tensor([0, 0, 1, 1])
    """
    require_classes(statistics, "lda")
    covariance, squares = statistics.within_covariance, statistics.mean_squares
    if shrinkage is None:
        shrinkage = (by_gcv if choose == "gcv" else by_evidence)(statistics)
    if not shrinkage and (what := collinear(covariance, squares)):
        raise CallError(f"within classes, {what}; give shrinkage > 0 or leave it out")
    shrunk = (1 - shrinkage) * covariance
    shrunk.diagonal().add_(shrinkage * mean_variance(covariance, squares))
    middle = statistics.gram[:-1, -1] / statistics.gram[-1, -1]
    means = statistics.means
    factor = factored(shrunk, squares, "give a larger shrinkage or leave it out")
    weight = torch.cholesky_solve((means - middle).T, factor).T
    likely = statistics.count if prior == "counts" else (statistics.count > 0).double()
    bias = torch.log(likely / likely.sum()) - ((means + middle) * weight).sum(1) / 2
    return class_head(weight, bias, statistics)
