"""Faces made upright and of one size, by where eyes and mouth are; this takes the place of OpenFace's aligner."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cltool.video.modalities import Picture

SIDE = 112
# where eyes and mouth's corners lie in a crop of that side, as face recognition has agreed on (Deng et al. 2019)
PLACES = np.array([(38.29, 51.70), (73.53, 51.50), (41.55, 92.37), (70.73, 92.20)])
# Face Mesh's corners of the eye at the picture's left, of that at its right, and of the mouth
EYES, MOUTH = ((33, 133), (362, 263)), (61, 291)


def eyes_and_mouth(mesh: NDArray[np.float32], width: int, height: int) -> NDArray[np.float64]:
    """Centres of both eyes and corners of the mouth, [4, 2] in pixels, of a mesh [P, 3] of a picture that size."""
    places = mesh[:, :2].astype(np.float64) * (width, height)
    return np.stack([*(places[list(eye)].mean(0) for eye in EYES), *places[list(MOUTH)]])


def similarity(points: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """The turn, scale and shift [2, 3] that bring points [n, 2] nearest to places [n, 2], by least squares.

    In complex numbers it is the z ↦ a·z + b with a = Σ (w−w̄)·conj(z−z̄) / Σ |z−z̄|² (Umeyama 1991, without mirroring).

    >>> square = np.array([(0., 0.), (1., 0.), (1., 1.), (0., 1.)])
    >>> similarity(square, 2 * square + (3, 1)).round(6) + 0.0
    array([[2., 0., 3.],
           [0., 2., 1.]])
    """
    z, w = (p[:, 0] + 1j * p[:, 1] for p in (points, places))
    centred = z - z.mean()
    a = ((w - w.mean()) * centred.conj()).sum() / max((abs(centred) ** 2).sum(), 1e-12)
    b = w.mean() - a * z.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def aligned(picture: Picture, points: NDArray[np.float64], side: int = SIDE) -> Picture:
    """The face of a picture, upright, [side, side, 3]; `points` are its eyes and mouth's corners, [4, 2] in pixels.

    What lies outside the picture is black, as in Aff-Wild2's own crops.
    """
    import cv2

    matrix = similarity(points, PLACES * side / SIDE)
    shrinks = np.hypot(*matrix[:, 0]) < 0.5  # linear interpolation would leave pixels out
    while shrinks:
        picture, points = np.asarray(cv2.pyrDown(picture), np.uint8), points / 2
        matrix = similarity(points, PLACES * side / SIDE)
        shrinks = np.hypot(*matrix[:, 0]) < 0.5
    return np.asarray(cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR), np.uint8)
