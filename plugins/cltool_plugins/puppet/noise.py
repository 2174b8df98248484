"""Chance that can be named: generators by purpose, and numbers that wander smoothly through time."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray


def lot(seed: int, *names: str | int) -> np.random.Generator:
    """A generator that depends on a seed and on what it is for, and on nothing that was drawn before.

    >>> bool(lot(0, "film", 3).random() == lot(0, "film", 3).random())
    True
    """
    return np.random.default_rng([seed & 0xFFFF_FFFF, *(zlib.crc32(str(name).encode()) for name in names)])


def smooth_noise(rng: np.random.Generator, frames: int, breadth: float) -> NDArray[np.float64]:
    """[frames] numbers of mean 0 and variance 1, alike within `breadth` frames: white noise under a Gaussian.

    The variance is that of all such paths; a short one may well stay on one side.
    """
    from scipy.ndimage import gaussian_filter1d

    spare = int(4 * breadth) + 1
    white = rng.normal(size=frames + 2 * spare)
    smoothed = gaussian_filter1d(white, breadth, mode="constant", truncate=4)[spare : spare + frames]
    return smoothed * np.sqrt(2 * np.sqrt(np.pi) * breadth)
