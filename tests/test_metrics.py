"""Metrics against values worked out by hand, scikit-learn, and Avalanche's own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cltool import metrics

N = np.nan
MATRIX = np.array([[0.9, N, N], [0.95, 0.8, N], [0.5, 0.7, 0.6]])


def test_curve_pools_pictures_not_tasks() -> None:
    assert metrics.curve(MATRIX, [100, 300, 100]) == pytest.approx([0.9, (95 + 240) / 400, (50 + 210 + 60) / 500])


def test_named_metrics_by_hand() -> None:
    assert metrics.forgetting_chaudhry(MATRIX) == pytest.approx(((0.95 - 0.5) + (0.8 - 0.7)) / 2)
    assert metrics.forgetting_avalanche(MATRIX) == pytest.approx(((0.9 - 0.5) + (0.8 - 0.7)) / 2)
    assert metrics.bwt_gem(MATRIX) == pytest.approx(-((0.9 - 0.5) + (0.8 - 0.7)) / 2)
    assert metrics.average_incremental(MATRIX, [1, 1, 1]) == pytest.approx((0.9 + 0.875 + 0.6) / 3)


def test_what_is_above_the_diagonal_is_never_read() -> None:
    filled = np.where(np.isnan(MATRIX), 1.0, MATRIX)
    for measure in (metrics.forgetting_chaudhry, metrics.forgetting_avalanche, metrics.bwt_gem):
        assert measure(filled) == measure(MATRIX)


def test_a_single_task_forgets_nothing() -> None:
    single = np.array([[0.7]])
    assert metrics.forgetting_chaudhry(single) == metrics.bwt_gem(single) == 0


scores = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=30)


@given(scores, scores)
def test_auroc_is_scikit_learns_ties_included(known: list[float], novel: list[float]) -> None:
    from sklearn.metrics import roc_auc_score

    labels = [0] * len(known) + [1] * len(novel)
    assert metrics.auroc(known, novel) == pytest.approx(roc_auc_score(labels, known + novel))


def test_auroc_of_nothing_is_none() -> None:
    assert metrics.auroc([], [1.0]) is None
    assert metrics.auroc([1.0], []) is None


@pytest.mark.slow
def test_forgetting_is_avalanches_own_on_the_same_matrix() -> None:
    from avalanche.evaluation.metrics.forgetting_bwt import Forgetting

    theirs = Forgetting()
    for i, row in enumerate(MATRIX):
        for j in range(i + 1):
            theirs.update(j, row[j], initial=i == j)
    assert np.mean(list(theirs.result().values())) == pytest.approx(metrics.forgetting_avalanche(MATRIX))
