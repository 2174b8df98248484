"""Ridge regression from sums alone, for one strength or along all of them; generalised cross-validation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from cltool import CallError, Statistics

WEAKEST, STRONGEST = 1e-9, 1e2  # where `best` looks for a strength, in largest eigenvalues of the scatter
PER_DECADE = 4
OWN = 1e-10  # a feature with less than this share of variance of its own counts as a combination of others


@dataclass(frozen=True, eq=False)
class CentredSums:
    """Sums of products about the means: what ridge regression with a free bias needs of n samples.

    `samples` n; `mean` [D]; `target_mean` [C]; `scatter` [D, D] = Σ (x−m)(x−m)ᵀ; `cross` [D, C] = Σ (x−m)(y−ȳ)ᵀ;
    `squares` = Σ_c Σ (y_c−ȳ_c)², over all outputs. float64.
    """

    samples: float
    mean: Tensor
    target_mean: Tensor
    scatter: Tensor
    cross: Tensor
    squares: float

    @classmethod
    def of(cls, statistics: Statistics) -> CentredSums:
        """From a task's or many tasks' sums: Σ x̃x̃ᵀ and Σ x̃yᵀ hold n, Σx and Σy in their last row."""
        gram, cross = statistics.gram, statistics.cross
        n = float(gram[-1, -1])
        mean, target_mean = gram[:-1, -1] / n, cross[-1] / n
        scatter = torch.addr(gram[:-1, :-1], mean, mean, alpha=-n)
        about = torch.addr(cross[:-1], mean, target_mean, alpha=-n)
        squares = statistics.target_squares - n * target_mean.square()
        return cls(n, mean, target_mean, scatter, about, max(0.0, float(squares.sum())))

    def solution(self, strength: float) -> Tensor:
        """Rows [C, D+1], bias last, of the ridge solution W = (A + λI)⁻¹ B, b = ȳ − Wᵀm, by Cholesky.

        Raises CallError where `strength` is 0 and the scatter A singular; the message names a feature.
        """
        penalised = self.scatter.clone()
        penalised.diagonal().add_(strength)
        if not strength and (what := collinear(self.scatter, self.samples * self.mean.square())):
            raise CallError(f"{what}; give strength > 0 or leave it out")
        factor = factored(penalised, self.samples * self.mean.square(), "give a larger strength or leave it out")
        return self.with_bias(torch.cholesky_solve(self.cross, factor))

    def with_bias(self, weight: Tensor) -> Tensor:
        """Rows [C, D+1] of weights [D, C] and the bias that goes with them."""
        return torch.cat([weight.T, (self.target_mean - self.mean @ weight)[:, None]], 1)


@dataclass(frozen=True, eq=False)
class RidgePath:
    """Every ridge solution of one problem, from a single eigendecomposition A = V diag(e) Vᵀ of its scatter.

    `sums`: the problem. `values` e [D], rounding errors set to 0; `vectors` V [D, D]; `projections` P = VᵀB [D, C].
    With p_i = Σ_c P_ic², r values e_i > 0 and the residual of plain least squares RSS₀ = Σ y² − Σ p_i/e_i:
    RSS(λ) = RSS₀ + Σ p_i λ² / (e_i (e_i+λ)²) and n − dof(λ) = n − 1 − r + Σ λ / (e_i+λ). Both are sums
    of what is not negative, so that nothing cancels.

    >>> x = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    >>> y = torch.tensor([[0.1], [0.9], [2.1], [2.9]])
    >>> path = RidgePath.of(CentredSums.of(Statistics.of(x, y, ("v",), "space")))
    >>> bool(path.gcv(path.best()) <= path.gcv(1.0))
    True
    """

    sums: CentredSums
    values: Tensor
    vectors: Tensor
    projections: Tensor

    @classmethod
    def of(cls, sums: CentredSums) -> RidgePath:
        """One symmetric eigenproblem of size D in float64."""
        values, vectors = torch.linalg.eigh(sums.scatter)
        values = torch.where(values > len(values) * torch.finfo(values.dtype).eps * values[-1], values, 0.0)
        return cls(sums, values, vectors, vectors.T @ sums.cross)

    def gcv(self, strength: float) -> float:
        """Generalised cross-validation (RSS(λ)/n) / (1 − dof(λ)/n)², RSS over all outputs; λ > 0."""
        return float(self._gcv(self.values.new_tensor([strength])))

    def slope(self, strength: float) -> float:
        """d log GCV / d log λ = λ (RSS′/RSS − 2 (n−dof)′/(n−dof))."""
        values, fitted, least, spare = self._spectrum
        share = strength / (values + strength)
        square = fitted * share.square()
        residual, free = least + float(square.sum()), spare + float(share.sum())
        moved = 1 - share
        return 2 * float(square @ moved) / residual - 2 * float(share @ moved) / free if residual else 0.0

    def best(self) -> float:
        """The strength λ of least GCV between 1e-9 and 1e2 of the largest eigenvalue.

        The least of a grid with four points to a decade is refined to a zero of the slope: the same samples in
        another order, equal but for rounding, then give the same strength but for rounding. 1 where there is
        nothing to choose: no feature or no target varies.
        """
        from scipy.optimize import brentq

        largest = float(self.values[-1])
        if not largest or not self.sums.squares:
            return 1.0
        low, high = math.log(WEAKEST * largest), math.log(STRONGEST * largest)
        steps = round((high - low) / math.log(10) * PER_DECADE)
        grid = torch.linspace(low, high, steps + 1, dtype=self.values.dtype)
        least = int(self._gcv(grid.exp()).argmin())
        left, right = float(grid[max(0, least - 1)]), float(grid[min(steps, least + 1)])
        if self.slope(math.exp(left)) >= 0 or self.slope(math.exp(right)) <= 0:
            return math.exp(float(grid[least]))  # GCV only rises or only falls: the least is an end of the grid
        return math.exp(brentq(lambda at: self.slope(math.exp(at)), left, right, xtol=1e-12, rtol=1e-14))

    def solution(self, strength: float) -> Tensor:
        """Rows [C, D+1], bias last, of the ridge solution at λ > 0."""
        return self.sums.with_bias(self.vectors @ (self.projections / (self.values + strength)[:, None]))

    @cached_property
    def _spectrum(self) -> tuple[Tensor, Tensor, float, float]:
        """Values e_i > 0, p_i / e_i, RSS₀ and n − 1 − r."""
        seen = self.values > 0
        values = self.values[seen]
        fitted = self.projections[seen].square().sum(1) / values
        spare = max(0.0, self.sums.samples - 1 - len(values))
        least = max(0.0, self.sums.squares - float(fitted.sum())) if spare else 0.0
        return values, fitted, least, spare

    def _gcv(self, strengths: Tensor) -> Tensor:
        """GCV [L] of strengths [L]."""
        values, fitted, least, spare = self._spectrum
        share = strengths[:, None] / (values + strengths[:, None])
        return (least + share.square() @ fitted) * self.sums.samples / (spare + share.sum(1)).square()


def factored(matrix: Tensor, squares: Tensor, advice: str) -> Tensor:
    """The Cholesky factor [D, D] of a matrix that a penalty was to make positive; `squares` as in `collinear`.

    Raises CallError, which names a feature and ends with `advice`, where the penalty was too small for that.

    >>> factored(torch.ones(2, 2).double(), torch.ones(2), "give a larger strength")
    Traceback (most recent call last):
    cltool.errors.CallError: feature 1 is a linear combination of features before it; give a larger strength
    """
    factor, info = torch.linalg.cholesky_ex(matrix)
    if info:
        what = collinear(matrix, squares) or f"feature {int(info) - 1} is nearly a combination of features before it"
        raise CallError(f"{what}; {advice}")
    return factor


def collinear(scatter: Tensor, squares: Tensor) -> str | None:
    """The first feature that makes a scatter [D, D] singular, in words; None where there is none.

    `squares` [D], in the scatter's unit, say how large the features themselves are: beside them rounding errors are
    seen to be what they are. A feature counts as a combination of those before it where less than 1e-10 of its
    variance is its own; with fewer samples than features there always is one.

    >>> collinear(torch.diag(torch.tensor([2.0, 0.0])).double(), torch.ones(2))
    'feature 1 is constant'
    >>> collinear(torch.ones(2, 2).double(), torch.ones(2))
    'feature 1 is a linear combination of features before it'
    """
    variance = scatter.diagonal()
    constant = variance <= OWN * (variance.abs() + squares)
    scale = torch.where(constant, 1.0, variance.abs().sqrt())
    factor, info = torch.linalg.cholesky_ex(torch.where(constant, 0.0, scatter / scale / scale[:, None]))
    bad = factor.diagonal().square() <= OWN
    if info:  # columns from this one on were not reached
        bad[int(info) - 1 :] = True
    if not bad.any():
        return None
    first = int(bad.nonzero()[0])
    return f"feature {first} is {'constant' if constant[first] else 'a linear combination of features before it'}"
