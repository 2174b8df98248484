"""A softmax head on features drawn from every class's Gaussian."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Generator, Tensor

from cltool import Head, Statistics, merge
from cltool.joint import softmax_regression
from cltool_plugins.merges.class_rows import class_head, require_classes
from cltool_plugins.merges.shrinkage import mean_variance

JITTER = 1e-6  # of the mean variance: what keeps the covariance of a few samples positive


@merge(source="Zhang et al. 2023, SLCA, arXiv:2303.05118, classifier alignment", class_grams=True)
def resample(
    statistics: Statistics,
    rng: Generator,
    *,
    samples: Annotated[int, Field(ge=1, description="drawn of every class")] = 256,
    shrinkage: Annotated[
        float, Field(ge=0, le=1, description="of a class's covariance towards the one all classes share")
    ] = 0.3,
    decay: Annotated[float, Field(gt=0, description="of the head's weights, as the joint head's")] = 0.003,
    prior: Annotated[
        Literal["counts", "equal"],
        Field(description="how likely a class is beforehand: as often as it was seen, or alike"),
    ] = "counts",
) -> Head:
    """Draw features of every class from N(μ_c, (1−s) Σ_c + s Σ_w) and fit one softmax head to them all.

    What was learned task by task is learned once more, all classes competing, from 8·(D² + D + 3) bytes a class
    instead of samples. Every class is drawn alike; how often it was seen, log n_c, is added to its bias after
    that (not with `prior=equal`, which is the paper). A class without samples is drawn not at all and never wins:
    w = 0, b = −1e9. Sums → weight [C, D], bias [C], float32. Not exact: draws are. Raises CallError for targets
    that are values, not classes.

    >>> x = torch.tensor([[0.0], [0.2], [5.0], [5.2]])
    >>> seen = Statistics.of(x, torch.eye(2)[[0, 0, 1, 1]], ("a", "b"), "space", class_grams=True)
    >>> resample(seen, torch.Generator().manual_seed(0))(x).argmax(1)
    tensor([0, 0, 1, 1])
    """
    require_classes(statistics, "resample")
    seen = [i for i, count in enumerate(statistics.count) if count]
    shared = statistics.within_covariance
    drawn = [draw(statistics, i, shared, shrinkage, samples, rng) for i in seen]
    targets = torch.eye(len(statistics.names))[seen].repeat_interleave(samples, 0)
    weight, bias = softmax_regression(torch.cat(drawn), targets, decay, tolerance=1e-4)
    if prior == "counts":
        bias = bias + torch.log(statistics.count / statistics.count.sum())
    return class_head(weight.double(), bias.double(), statistics)


def draw(statistics: Statistics, index: int, shared: Tensor, shrinkage: float, count: int, rng: Generator) -> Tensor:
    """`count` features [count, D], float32, of one class's Gaussian, its covariance shrunk towards `shared` [D, D]."""
    covariance = (1 - shrinkage) * statistics.covariance(statistics.names[index]) + shrinkage * shared
    covariance.diagonal().add_(JITTER * mean_variance(covariance, statistics.mean_squares))
    noise = torch.randn(count, len(shared), generator=rng)
    root = torch.linalg.cholesky(covariance).float()
    return torch.addmm(statistics.means[index].float(), noise, root.T)
