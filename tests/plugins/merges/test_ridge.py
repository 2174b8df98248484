"""ridge and its path over all strengths, against scikit-learn and against hat matrices written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression, Ridge
from torch import Tensor

from cltool import Statistics
from cltool_plugins.merges.ridge import ridge
from cltool_plugins.merges.ridge_path import CentredSums, RidgePath, collinear


def problem(n: int, width: int, outputs: int = 3, seed: int = 0, noise: float = 1.0) -> tuple[Tensor, Tensor]:
    """Features that are not centred, of unlike scales, and targets that depend on them."""
    rng = torch.Generator().manual_seed(seed)
    x = torch.randn(n, width, generator=rng) * torch.logspace(0, -1, width) + torch.randn(width, generator=rng)
    y = x @ torch.randn(width, outputs, generator=rng) + noise * torch.randn(n, outputs, generator=rng)
    return x, y


def sums_of(x: Tensor, y: Tensor) -> Statistics:
    return Statistics.of(x, y, tuple(f"y{i}" for i in range(y.shape[1])), "s")


def path_of(x: Tensor, y: Tensor) -> RidgePath:
    return RidgePath.of(CentredSums.of(sums_of(x, y)))


def written_out(x: Tensor, y: Tensor, strength: float) -> float:
    """GCV by the hat matrix H of the regression with a free bias: n·‖(I − H) y‖² / tr(I − H)²."""
    n, centred = len(x), x.double() - x.double().mean(0)
    gram = centred.T @ centred + strength * torch.eye(x.shape[1], dtype=torch.float64)
    left = torch.eye(n, dtype=torch.float64) - centred @ torch.linalg.solve(gram, centred.T) - 1 / n
    return float(n * (left @ y.double()).square().sum() / left.trace() ** 2)


@given(st.integers(4, 40), st.integers(1, 12), st.integers(0, 1000), st.floats(-3, 4))
def test_gcv_is_that_of_the_hat_matrix(n: int, width: int, seed: int, power: float) -> None:
    x, y = problem(n, width, seed=seed)
    assert path_of(x, y).gcv(10**power) == pytest.approx(written_out(x, y, 10**power), rel=1e-6)


def test_gcv_of_equal_leverages_is_leave_one_out() -> None:
    """Where every sample has the same leverage, GCV is the mean squared error of leaving one out and refitting."""
    x = torch.tensor([[a, b, c] for a in (-1.0, 1.0) for b in (-1.0, 1.0) for c in (-1.0, 1.0)])  # a full factorial
    y = torch.randn(8, 2, generator=torch.Generator().manual_seed(0))
    errors = []
    for left_out in range(8):
        rest = torch.arange(8) != left_out
        rows = CentredSums.of(sums_of(x[rest], y[rest])).solution(2.0).float()
        errors.append(float((x[left_out] @ rows[:, :-1].T + rows[:, -1] - y[left_out]).square().sum()))
    assert path_of(x, y).gcv(2.0) == pytest.approx(np.mean(errors), rel=1e-5)


@given(st.integers(3, 40), st.integers(1, 12), st.integers(0, 1000), st.floats(-3, 4))
def test_the_slope_is_the_derivative(n: int, width: int, seed: int, power: float) -> None:
    path, step = path_of(*problem(n, width, seed=seed)), 1e-4
    low, high = (math.log(path.gcv(10**power * math.exp(sign * step))) for sign in (-1, 1))
    assert path.slope(10**power) == pytest.approx((high - low) / (2 * step), abs=1e-5)


@pytest.mark.parametrize("width", [5, 60])
def test_the_best_strength_is_no_worse_than_any_of_a_fine_grid(width: int) -> None:
    for seed in range(10):
        path = path_of(*problem(40, width, seed=seed, noise=10 ** (seed / 5 - 1)))
        largest = float(path.values[-1])
        grid = np.geomspace(1e-9 * largest, 1e2 * largest, 500)
        assert path.gcv(path.best()) <= min(path.gcv(strength) for strength in grid) * (1 + 1e-9)


def test_noise_asks_for_more_strength() -> None:
    quiet, loud = (path_of(*problem(60, 20, noise=noise)).best() for noise in (0.1, 10.0))
    assert loud > 100 * quiet


@pytest.mark.parametrize("strength", [0.01, 1.0, 300.0])
def test_solutions_are_scikit_learns_with_the_bias_free(strength: float) -> None:
    x, y = problem(80, 9)
    theirs = Ridge(alpha=strength).fit(x.double().numpy(), y.double().numpy())
    wanted = np.column_stack([theirs.coef_, theirs.intercept_])
    assert np.allclose(CentredSums.of(sums_of(x, y)).solution(strength), wanted, atol=1e-9)
    assert np.allclose(path_of(x, y).solution(strength), wanted, atol=1e-9)
    head = ridge(sums_of(x, y), strength=strength)
    assert np.allclose(head.weight, theirs.coef_, atol=1e-5)
    assert np.allclose(head.bias, theirs.intercept_, atol=1e-5)


def test_by_default_the_strength_of_least_gcv_is_taken() -> None:
    x, y = problem(50, 20, noise=3.0)
    grid = np.geomspace(1e-3, 1e5, 2000)
    least = grid[np.argmin([written_out(x, y, strength) for strength in grid])]
    theirs = Ridge(alpha=least).fit(x.double().numpy(), y.double().numpy())
    assert np.allclose(ridge(sums_of(x, y)).weight, theirs.coef_, atol=1e-3)


def test_strength_0_is_least_squares() -> None:
    x, y = problem(80, 9)
    theirs = LinearRegression().fit(x.double().numpy(), y.double().numpy())
    assert np.allclose(ridge(sums_of(x, y), strength=0).weight, theirs.coef_, atol=1e-4)


def test_an_output_without_samples_is_the_zero_row() -> None:
    x = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    targets = torch.cat([torch.eye(2).repeat(10, 1), torch.zeros(20, 1)], 1)
    head = ridge(sums_of(x, targets))
    assert head.weight[2].eq(0).all()
    assert head.bias[2] == 0


@pytest.mark.parametrize("samples", [1, 2])
def test_one_sample_or_two_equal_ones_give_the_mean(samples: int) -> None:
    head = ridge(sums_of(torch.ones(samples, 3), torch.ones(samples, 1)))
    assert head(torch.randn(5, 3)).sub(1).abs().max() < 1e-6


@given(st.integers(2, 10), st.data())
def test_the_first_feature_that_makes_a_scatter_singular_is_named(width: int, data: st.DataObject) -> None:
    which, constant = data.draw(st.integers(1, width - 1)), data.draw(st.booleans())
    x = torch.randn(50, width, generator=torch.Generator().manual_seed(width)).double() + 3
    x[:, which] = 7.0 if constant else x[:, :which].sum(1) - 2
    centred = x - x.mean(0)
    told = collinear(centred.T @ centred, len(x) * x.mean(0).square())
    assert told is not None
    assert told.startswith(f"feature {which} is {'constant' if constant else 'a linear combination'}")
    assert collinear(torch.eye(width, dtype=torch.float64), torch.ones(width)) is None
