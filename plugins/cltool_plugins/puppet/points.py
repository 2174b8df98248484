"""The points that move a puppet and that its OpenPose files tell of: 70 of the face, 25 of the body."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]  # [n, 2], x and y in pixels, from the centre of the pixel at the top left

# Face: the 68 points of iBUG, then the pupils (modalities/face70.py). "Right" is the person's own.
EYES = ((36, 37, 38, 39, 40, 41), (42, 43, 44, 45, 46, 47))
OUTER_EYE_CORNERS = (36, 45)
EYE_CORNERS = ((36, 39), (42, 45))
MOUTH_CORNERS = (48, 54)
INNER_LIPS = tuple(range(60, 68))

# Body: OpenPose's BODY_25
NOSE, NECK, RIGHT_SHOULDER, LEFT_SHOULDER = 0, 1, 2, 5
RIGHT_EYE, LEFT_EYE, RIGHT_EAR, LEFT_EAR = 15, 16, 17, 18
HEAD_OF_BODY = (NOSE, RIGHT_EYE, LEFT_EYE, RIGHT_EAR, LEFT_EAR)

# Where each point's counterpart on the other side stands
FACE_MIRRORED = np.array([
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31,
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65, 69, 68,
])  # fmt: skip
BODY_MIRRORED = np.array([
    0, 1, 5, 6, 7, 2, 3, 4, 8, 12, 13, 14, 9, 10, 11, 16, 15, 18, 17, 22, 23, 24, 19, 20, 21,
])  # fmt: skip


def mirrored(points: Points, order: NDArray[np.intp], width: int) -> Points:
    """Points [n, 2] of a picture that is turned left to right, each under the name it then has.

    >>> eyes = np.array([(1.0, 5.0), (7.0, 4.0)])
    >>> mirrored(eyes, np.array([1, 0]), 10)
    array([[2., 4.],
           [8., 5.]])
    """
    turned = points[order].copy()
    turned[:, 0] = width - 1 - turned[:, 0]
    return turned


def inside(points: Points, width: int, height: int) -> Points:
    """Points [n, 2], NaN where they lie outside a picture.

    >>> inside(np.array([(1.0, 5.0), (7.0, 12.0)]), 10, 10)
    array([[ 1.,  5.],
           [nan, nan]])
    """
    seen = np.asarray((points >= 0) & (points <= (width - 1, height - 1))).all(1, keepdims=True)
    return np.where(seen, points, np.nan)


def unit(face: Points) -> float:
    """Distance of the outer corners of the eyes in pixels: the length that everything on a face is measured in."""
    right, left = face[list(OUTER_EYE_CORNERS)]
    return float(np.hypot(*(left - right)))
