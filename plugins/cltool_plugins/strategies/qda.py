"""A Gaussian for every class: quadratic discriminant analysis on frozen features, one class after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from cltool import Block, CallError, Statistics, TaskStream, strategy
from cltool.learner import Features
from cltool.tasks import Task
from cltool_plugins.merges.class_rows import LAST
from cltool_plugins.merges.shrinkage import mean_variance

Prior = Literal["counts", "equal"]


@dataclass(frozen=True)
class Gaussians:
    """A predictor whose score for a class is its log-density and its prior: log N(x; μ_c, Σ_c) + log π_c.

    `statistics`: sums with class grams over all tasks so far, all that is kept; the other three as in `qda`.
    """

    features: Features
    statistics: Statistics
    pooling: float
    shrinkage: float
    prior: Prior

    @property
    def outputs(self) -> tuple[str, ...]:
        return self.statistics.names

    @property
    def nbytes(self) -> int:
        """Bytes kept of the tasks so far."""
        return self.statistics.nbytes

    @property
    def samples_kept(self) -> int:
        """Sums hold no sample."""
        return 0

    @property
    def parameters(self) -> int:
        """How many numbers its scores are made of: a covariance, a mean and a prior for each class."""
        width = len(self.statistics.gram) - 1
        return len(self.outputs) * (width**2 + width + 1)

    def scores(self, blocks: Sequence[Block]) -> Tensor:
        """Scores [n, C], float32, of the blocks' pictures; −1e9 or less for a class without samples."""
        x, shared = self.features(blocks).double(), self.statistics.within_covariance
        densities = torch.stack([self._log_density(x, name, shared) for name in self.outputs], 1)
        likely = self.statistics.count if self.prior == "counts" else torch.ones_like(self.statistics.count)
        return (densities + torch.log(likely / likely.sum()).clamp_min(LAST)).float()

    def _log_density(self, x: Tensor, name: str, shared: Tensor) -> Tensor:
        """Up to a constant: −½ (x − μ)ᵀ Σ⁻¹ (x − μ) − ½ log det Σ, by Cholesky."""
        if not self.statistics.count[self.outputs.index(name)]:
            return x.new_full((len(x),), LAST)
        factor = torch.linalg.cholesky(self._covariance(name, shared))
        z = torch.linalg.solve_triangular(factor, (x - self.statistics.mean(name)).T, upper=False)
        return -0.5 * z.square().sum(0) - factor.diagonal().log().sum()

    def _covariance(self, name: str, shared: Tensor) -> Tensor:
        """A class's covariance [D, D], shrunk towards the shared one, then towards a ball of its own mean variance."""
        count, prior = self.statistics.count[self.outputs.index(name)], self.pooling * len(shared)
        pooled = (count * self.statistics.covariance(name) + prior * shared) / (count + prior)
        ball = mean_variance(pooled, self.statistics.mean_squares)
        shrunk = (1 - self.shrinkage) * pooled
        shrunk.diagonal().add_(self.shrinkage * ball)
        return shrunk


@strategy(
    source="Friedman 1989, regularised discriminant analysis; Goswami et al. 2023, FeCAM, arXiv:2309.14062", exact=True
)
def qda(
    stream: TaskStream,
    features: Features,
    *,
    pooling: Annotated[
        float, Field(ge=0, description="samples per feature that the covariance all classes share counts for in each")
    ] = 3.0,
    shrinkage: Annotated[
        float, Field(gt=0, le=1, description="then towards a ball; 1 leaves each class a variance")
    ] = 0.03,
    prior: Annotated[
        Prior, Field(description="how likely a class is beforehand: as often as it was seen, or alike")
    ] = "counts",
) -> Iterator[Gaussians]:
    """Keep every class's mean and covariance; a picture belongs to the class it is likeliest under.

    Σ_c = (1−γ) (n_c S_c + κ S) / (n_c + κ) + γ v I: the class's covariance S_c, the covariance S within all classes
    with the weight of κ = `pooling`·D samples, γ = `shrinkage`, and v the mean variance (1 where nothing varies). A
    class of few samples leans on the others, one of many hardly. Sums add up, so that order and grouping of tasks
    do not matter. Kept per class: 8 · (D² + D + 3) bytes, and 8 · (D+1)² for all. Gives a predictor after each
    task; raises CallError for soft labels.
    """
    known: Statistics | None = None
    for task in stream:
        seen = _sums(task, features)
        known = known + seen if known else seen
        yield Gaussians(features, known, pooling, shrinkage, prior)


def _sums(task: Task, features: Features) -> Statistics:
    """The sums of a task, class grams among them."""
    x, y = features(task.train), task.train_targets
    if not ((y == 0) | (y == 1)).all():
        raise CallError("strategy 'qda' needs one class per picture; this stream's labels are soft")
    return Statistics.of(x, y, task.outputs, "the stream's features", class_grams=True)
