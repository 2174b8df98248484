"""lda, against scikit-learn, and how its shrinkage is chosen."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import multigammaln
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from torch import Tensor

from cltool import Statistics
from cltool_plugins.merges.lda import lda
from cltool_plugins.merges.ridge_path import CentredSums, RidgePath
from cltool_plugins.merges.shrinkage import by_evidence, by_gcv


def classes(sizes: list[int], width: int = 6, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Gaussian classes with one covariance that is no ball, and means of their own."""
    rng = torch.Generator().manual_seed(seed)
    mixing = torch.randn(width, width, generator=rng) / width**0.5
    centres = torch.randn(len(sizes), width, generator=rng)
    label = torch.cat([torch.full((size,), i) for i, size in enumerate(sizes)])
    x = centres[label] + torch.randn(len(label), width, generator=rng) @ mixing
    return x, label


def sums_of(x: Tensor, label: Tensor, outputs: int) -> Statistics:
    return Statistics.of(x, torch.eye(outputs)[label], tuple(map(str, range(outputs))), "s")


def differences(scores: np.ndarray | Tensor) -> np.ndarray:
    """Scores [n, C] against their mean: what all classes share decides nothing."""
    found = np.asarray(scores, dtype=np.float64)
    return found - found.mean(1, keepdims=True)


@pytest.mark.parametrize("shrinkage", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("prior", ["counts", "equal"])
def test_scores_are_scikit_learns(shrinkage: float, prior: str) -> None:
    x, label = classes([60, 20, 40])
    priors = [1 / 3] * 3 if prior == "equal" else None
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage, priors=priors)
    share = np.array([60, 20, 40]) / 120
    theirs.fit(x.double().numpy(), label.numpy())
    pooled = sum(s * np.cov(x[label == i].double().numpy().T, bias=True) for i, s in enumerate(share))
    shrunk = (1 - shrinkage) * pooled + shrinkage * np.trace(pooled) / 6 * np.eye(6)
    if prior == "counts":  # under other priors scikit-learn averages the classes' covariances by these, not by samples
        assert np.allclose(theirs.covariance_, shrunk)
        wanted = theirs.decision_function(x.double().numpy())
    else:
        means = theirs.means_
        solved = np.linalg.solve(shrunk, means.T)
        wanted = x.double().numpy() @ solved - 0.5 * (means.T * solved).sum(0)
    found = lda(sums_of(x, label, 3), shrinkage=shrinkage, prior=prior)(x)
    assert np.allclose(differences(found), differences(wanted), atol=1e-4)


def test_a_feature_that_is_the_same_in_all_classes_has_no_weight() -> None:
    x, label = classes([30, 30])
    x[:, 2] = 5.0
    assert lda(sums_of(x, label, 2)).weight[:, 2].abs().max() < 1e-6


def test_the_share_by_gcv_is_that_of_the_ridge_on_indicators() -> None:
    x, label = classes([30, 50, 20], width=20)
    sums = sums_of(x, label, 3)
    strength = RidgePath.of(CentredSums.of(sums)).best()
    share = by_gcv(sums)
    mean = float(sums.within_covariance.diagonal().mean())
    assert share * mean / (1 - share) == pytest.approx(strength / 100)
    # two classes: the discriminant and the regression point the same way (Fisher 1936)
    x, label = classes([30, 50], width=20)
    sums = sums_of(x, label, 2)
    weight = lda(sums).weight
    rows = RidgePath.of(CentredSums.of(sums)).solution(RidgePath.of(CentredSums.of(sums)).best())[:, :-1].float()
    cosine = torch.nn.functional.cosine_similarity(weight[1] - weight[0], rows[1] - rows[0], dim=0)
    assert float(cosine) == pytest.approx(1, abs=1e-5)


def log_evidence(k: float, scatter: Tensor, freedom: float) -> float:
    """The logarithm of the likelihood in `by_evidence`, by determinants."""
    width = len(scatter)
    ball = float(scatter.diagonal().mean()) / freedom
    prior = k * ball * torch.eye(width, dtype=torch.float64)
    degrees = k + width + 1
    return float(
        degrees / 2 * torch.logdet(prior)
        - (degrees + freedom) / 2 * torch.logdet(prior + scatter)
        + multigammaln((degrees + freedom) / 2, width)
        - multigammaln(degrees / 2, width)
    )


@pytest.mark.parametrize("width", [4, 30, 80])
def test_the_share_by_evidence_is_the_likeliest(width: int) -> None:
    x, label = classes([30, 30], width=width)
    sums = sums_of(x, label, 2)
    scatter = 60 * sums.within_covariance
    share = by_evidence(sums)
    k = 58 * share / (1 - share)
    around = [log_evidence(at, scatter, 58) for at in (0.98 * k, k, 1.02 * k)]
    assert around[1] == max(around) or (k == pytest.approx(1) and around[1] > around[2])
    grid = np.geomspace(1, 1e6, 200)
    assert log_evidence(k, scatter, 58) >= max(log_evidence(at, scatter, 58) for at in grid) - 1e-6


def test_fewer_samples_lean_more_on_the_ball() -> None:
    for choose in (by_gcv, by_evidence):
        few, many = (choose(sums_of(*classes([n, n], width=30), 2)) for n in (8, 800))
        assert 0 < many < few <= 1


def test_features_that_never_vary_do_not_move_the_evidence() -> None:
    x, label = classes([30, 30])
    still = torch.cat([x, torch.full((60, 3), 2.0)], 1)
    assert by_evidence(sums_of(still, label, 2)) == pytest.approx(by_evidence(sums_of(x, label, 2)))


@pytest.mark.parametrize("choose", ["gcv", "evidence"])
def test_one_sample_per_class_is_the_nearest_mean(choose: str) -> None:
    x = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    head = lda(sums_of(x, torch.arange(4), 4), choose=choose)
    assert head(x).argmax(1).tolist() == [0, 1, 2, 3]
    assert math.isfinite(float(head.weight.sum()))


def test_a_class_without_samples_never_wins() -> None:
    x, label = classes([30, 30])
    head = lda(sums_of(x, label, 3))
    assert torch.isfinite(head.weight).all()
    assert (head(100 * x).argmax(1) < 2).all()
