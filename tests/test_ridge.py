"""Ridge regression against scikit-learn's, and the penalty that folds choose."""

from __future__ import annotations

import pytest
import torch

from cltool.ridge import PENALTIES, choose_penalty, concordances, ridge_regression


def problem(n: int = 60, noise: float = 0.1) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(n, 5, generator=rng) + 3
    return x, x @ torch.randn(5, 2, generator=rng) - 7 + noise * torch.randn(n, 2, generator=rng)


@pytest.mark.parametrize("strength", [1e-3, 1.0, 100.0])
def test_it_is_scikit_learns(strength: float) -> None:
    from sklearn.linear_model import Ridge

    x, y = problem()
    theirs = Ridge(alpha=strength).fit(x.double().numpy(), y.double().numpy())
    weight, bias = ridge_regression(x, y, strength)
    assert weight.numpy() == pytest.approx(theirs.coef_, abs=1e-4)
    assert bias.numpy() == pytest.approx(theirs.intercept_, abs=1e-3)


def test_few_noisy_samples_want_a_larger_penalty_than_many_clean_ones() -> None:
    clean = choose_penalty(*problem(400, 0.0), torch.arange(400) % 5)
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(60, 40, generator=rng)
    y = x[:, :2] + 2 * torch.randn(60, 2, generator=rng)
    noisy = choose_penalty(x, y, torch.arange(60) % 5)
    assert min(PENALTIES) <= clean < noisy


def test_a_value_that_cannot_be_told_does_not_have_the_other_shrunk() -> None:
    rng = torch.Generator().manual_seed(2)
    x = torch.randn(200, 30, generator=rng)
    told = x[:, :1]
    both = torch.cat([told, 3 * torch.randn(200, 1, generator=rng)], 1)
    assert choose_penalty(x, both, torch.arange(200) % 5) < 1
    assert choose_penalty(x, told, torch.arange(200) % 5) < 1


def test_it_chooses_what_scikit_learns_models_score_best_with() -> None:
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import PredefinedSplit, cross_val_predict

    rng = torch.Generator().manual_seed(3)
    x = torch.randn(50, 30, generator=rng)
    y = x[:, :2] + torch.randn(50, 2, generator=rng)
    folds = torch.arange(50) // 10
    best = {}
    for penalty in PENALTIES:
        models = Ridge(alpha=penalty * 40)  # forty samples are learned from, whichever fold is held out
        found = cross_val_predict(models, x.double().numpy(), y.double().numpy(), cv=PredefinedSplit(folds.numpy()))
        best[sum(concordances(torch.from_numpy(found), y))] = penalty
    assert choose_penalty(x, y, folds) == best[max(best)]
