"""Predictions smoothed over time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ENDLESS = 1e9  # frames: a deviation beyond which all count alike, however long a film is


def smoothed(values: NDArray[np.float32], rate: float, seconds: float) -> NDArray[np.float32]:
    """Values [T, K] averaged over time, each frame the more the nearer: a centred Gaussian whose σ is `seconds`.

    `rate`: frames per second. Frames of NaN stay so and count for nothing, those around them the more; so it is at
    both ends. Nothing lags, since later frames count as earlier ones do. Frames count as evenly spaced.

    >>> smoothed(np.array([[0], [0], [1], [0], [np.nan]], np.float32), rate=25, seconds=0.04).round(2).ravel()
    array([0.08, 0.26, 0.43, 0.35,  nan], dtype=float32)
    """
    from scipy.ndimage import gaussian_filter1d

    sigma = min(seconds * rate, ENDLESS)
    seen, radius = np.isfinite(values), min(round(4 * sigma), len(values))
    if not radius:
        return values
    sums, weights = (
        gaussian_filter1d(numbers, sigma, axis=0, mode="constant", radius=radius)
        for numbers in (np.where(seen, values, 0.0).astype(np.float64), seen.astype(np.float64))
    )
    found = np.full(values.shape, np.nan, np.float32)
    np.divide(sums, weights, out=found, where=seen, casting="unsafe")
    return found
