"""A number over seeds: its mean, its deviation, and where the mean lies with 95 % confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Spread:
    """Mean and deviation (ddof 1) of `n` values; `low` and `high` end the 95 % Student-t interval of the mean.

    A single value has neither.

    >>> found = Spread.of([0.5, 0.6, 0.7])
    >>> round(found.mean, 3), round(found.deviation, 3), round(found.low, 3), round(found.high, 3), found.n
    (0.6, 0.1, 0.352, 0.848, 3)
    """

    mean: float
    deviation: float | None
    low: float | None
    high: float | None
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of at least one value."""
        mean, n = float(np.mean(values)), len(values)
        if n == 1:
            return cls(mean, None, None, None, 1)
        half = float(half_width(values))
        return cls(mean, float(np.std(values, ddof=1)), mean - half, mean + half, n)


def half_width(values: ArrayLike) -> NDArray[np.float64]:
    """Half of the 95 % Student-t interval of the mean over the first axis: values [n, …] → […], n ≥ 2."""
    from scipy.special import stdtrit  # what scipy.stats.t.ppf calls; importing scipy.stats takes a second

    found = np.asarray(values, dtype=float)
    n = len(found)
    return np.asarray(stdtrit(n - 1, (1 + CONFIDENCE) / 2) * found.std(0, ddof=1) / np.sqrt(n))
