"""Metrics as plain functions of the accuracy matrix: no hidden state, no order of calls.

`matrix` [T, T] everywhere: entry (i, j) is the accuracy on task j's test pictures after learning task i,
j ≤ i; what lies above the diagonal is NaN and never read.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def pooled(row: Sequence[float] | NDArray, test_counts: Sequence[int]) -> float:
    """Accuracy on the test pictures of several tasks together, from the accuracy on each.

    `row`: accuracies on the first tasks; `test_counts`: pictures of each task, later ones not used.

    >>> pooled([0.5, 1.0], [100, 300, 50])
    0.875
    """
    n = np.asarray(test_counts, dtype=float)[: len(row)]
    return float(np.asarray(row) @ n / n.sum())


def curve(matrix: Matrix, test_counts: Sequence[int]) -> list[float]:
    """Accuracy on the pooled test pictures of all tasks seen, after each task.

    >>> curve(np.array([[1.0, np.nan], [0.5, 1.0]]), [100, 300])
    [1.0, 0.875]
    """
    return [pooled(matrix[i, : i + 1], test_counts) for i in range(len(matrix))]


def average_incremental(matrix: Matrix, test_counts: Sequence[int]) -> float:
    """Mean of the curve (Rebuffi et al. 2017, iCaRL)."""
    return float(np.mean(curve(matrix, test_counts)))


def forgetting_chaudhry(matrix: Matrix) -> float:
    """Mean over earlier tasks of the best accuracy they ever had less the last (Chaudhry et al. 2018, eq. 3).

    0 for a single task.

    >>> forgetting_chaudhry(np.array([[0.5, np.nan, np.nan], [0.8, 0.9, np.nan], [0.6, 0.9, 1.0]]))
    0.1
    """
    last = len(matrix) - 1
    drops = [np.nanmax(matrix[j:last, j]) - matrix[last, j] for j in range(last)]
    return round(float(np.mean(drops)), 12) if drops else 0.0


def forgetting_avalanche(matrix: Matrix) -> float:
    """Mean over earlier tasks of their first accuracy less the last, as Avalanche's StreamForgetting.

    0 for a single task.

    >>> forgetting_avalanche(np.array([[0.5, np.nan, np.nan], [0.8, 0.9, np.nan], [0.6, 0.8, 1.0]]))
    0.0
    """
    return 0.0 - bwt_gem(matrix)


def bwt_gem(matrix: Matrix) -> float:
    """Backward transfer: mean over earlier tasks of last accuracy less first (Lopez-Paz & Ranzato 2017, eq. 3).

    0 for a single task.
    """
    last = len(matrix) - 1
    gains = [matrix[last, j] - matrix[j, j] for j in range(last)]
    return round(float(np.mean(gains)), 12) if gains else 0.0


def auroc(known: Sequence[float] | NDArray, novel: Sequence[float] | NDArray) -> float | None:
    """Chance that a novel sample's score exceeds a known one's, ties half (area under the ROC curve).

    None where either side is empty.

    >>> auroc([0.1, 0.4], [0.4, 0.9])
    0.875
    """
    ordered, asked = np.sort(np.asarray(known)), np.asarray(novel)
    if not len(ordered) or not len(asked):
        return None
    below = np.searchsorted(ordered, asked, "left") + np.searchsorted(ordered, asked, "right")
    return float(below.mean() / 2 / len(ordered))
