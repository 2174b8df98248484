"""A Gaussian for every class: quadratic discriminant analysis on frozen features, one class after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from cltool import Block, CallError, TaskStream, strategy
from cltool.learner import Features
from cltool.tasks import Task


@dataclass(frozen=True)
class ClassSums:
    """Sums over a class's samples: how many, Σx [D], Σxxᵀ [D, D], float64; they add up over tasks."""

    count: float
    total: Tensor
    gram: Tensor

    def __add__(self, other: ClassSums) -> ClassSums:
        return ClassSums(self.count + other.count, self.total + other.total, self.gram + other.gram)


@dataclass(frozen=True)
class Gaussians:
    """A predictor whose score for a class is its log-density: log N(x; μ_c, Σ_c), priors equal."""

    features: Features
    shrinkage: float
    sums: Mapping[str, ClassSums]

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(self.sums)

    def scores(self, blocks: Sequence[Block]) -> Tensor:
        """Log-densities [n, C], float32, of the blocks' pictures."""
        x = self.features(blocks).double()
        return torch.stack([self._log_density(x, of) for of in self.sums.values()], 1).float()

    def _log_density(self, x: Tensor, of: ClassSums) -> Tensor:
        """Up to a constant: −½ (x − μ)ᵀ Σ⁻¹ (x − μ) − ½ log det Σ, by Cholesky."""
        mean = of.total / of.count
        factor = torch.linalg.cholesky(self._covariance(of, mean))
        z = torch.linalg.solve_triangular(factor, (x - mean).T, upper=False)
        return -0.5 * z.square().sum(0) - factor.diagonal().log().sum()

    def _covariance(self, of: ClassSums, mean: Tensor) -> Tensor:
        """The class's covariance, shrunk towards a ball of its own mean variance (1 for a class without any)."""
        covariance = of.gram / of.count - mean[:, None] * mean
        ball = covariance.diagonal().mean().clamp_min(0)
        ball = ball if ball > 0 else torch.ones_like(ball)
        return (1 - self.shrinkage) * covariance + self.shrinkage * ball * torch.eye(len(mean), dtype=mean.dtype)


@strategy(source="Goswami et al. 2023, FeCAM; Friedman 1989, regularised discriminant analysis")
def qda(
    stream: TaskStream,
    features: Features,
    *,
    shrinkage: Annotated[float, Field(gt=0, le=1, description="towards a ball; 1 leaves each class a variance")] = 0.1,
) -> Iterator[Gaussians]:
    """Keep every class's mean and covariance; a picture belongs to the class it is likeliest under.

    A class seen in several tasks adds its sums up, so that order and grouping of tasks do not matter. Kept per
    class: 8 · (D² + D + 1) bytes. Gives a predictor after each task; raises CallError for soft labels.
    """
    learned = Gaussians(features, shrinkage, {})
    for task in stream:
        learned = replace(learned, sums=_added(learned.sums, task, features))
        yield learned


def _added(sums: Mapping[str, ClassSums], task: Task, features: Features) -> dict[str, ClassSums]:
    x, y = features(task.train).double(), task.train_targets
    if not ((y == 0) | (y == 1)).all():
        raise CallError("strategy 'qda' needs one class per picture; this stream's labels are soft")
    after = dict(sums)
    for column, name in enumerate(task.outputs):
        own = x[y[:, column] == 1]
        new = ClassSums(float(len(own)), own.sum(0), own.T @ own)
        after[name] = after[name] + new if name in after else new
    return after
