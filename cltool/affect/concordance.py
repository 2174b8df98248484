"""The concordance correlation coefficient as the field reports it: all valid frames in one row, one per dimension."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from cltool.video.films import OUTPUTS


def concordance(prediction: ArrayLike, annotation: ArrayLike) -> float:
    """2·s_xy / (s_x² + s_y² + (x̄ − ȳ)²) of numbers [N] and [N], population moments (ddof 0; Lin 1989), in float64.

    Between −1 and 1; 1 only for equal rows; 0 where either is constant (equal constants, which are 0/0, included), NaN
    for no numbers at all.

    >>> concordance([0.0, 1.0], [0.0, 1.0]), concordance([0.5, 0.5], [0.0, 1.0]), concordance([1.0, 0.0], [0.0, 1.0])
    (1.0, 0.0, -1.0)
    """
    x, y = np.asarray(prediction, np.float64), np.asarray(annotation, np.float64)
    if not len(x):
        return math.nan
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0  # off their rounded means equal constants would be equal rows
    off_x, off_y = x - x.mean(), y - y.mean()
    below = np.mean(off_x**2) + np.mean(off_y**2) + (x.mean() - y.mean()) ** 2
    return float(2 * np.mean(off_x * off_y) / below) if below > 0 else 0.0


def scores(prediction: ArrayLike, labels: ArrayLike) -> dict[str, float]:
    """`ccc_valence`, `ccc_arousal` and their mean `ccc_mean`, of frames [N, 2] and [N, 2].

    Frames in which either holds NaN are left out; what several films have is concatenated before.

    >>> y = np.array([[0.0, 1.0], [1.0, 0.0], [np.nan, np.nan]])
    >>> scores(y * [1, -1], y)
    {'ccc_valence': 1.0, 'ccc_arousal': -0.3333333333333333, 'ccc_mean': 0.33333333333333337}
    """
    x, y = np.asarray(prediction), np.asarray(labels)
    there = np.isfinite(x).all(1) & np.isfinite(y).all(1)
    found = {f"ccc_{name}": concordance(x[there, k], y[there, k]) for k, name in enumerate(OUTPUTS)}
    return {**found, "ccc_mean": sum(found.values()) / len(found)}
