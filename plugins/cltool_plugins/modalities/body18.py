"""OpenPose's 18 points of the body, made of the 33 that MediaPipe's pose landmarker gives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SHOULDERS = (12, 11)  # right, left; the neck lies between them
# In the order of cltool.video.openpose.BODY; the neck's place is held by a shoulder.
BODY18 = (
    *(0, 12),  #                    nose, neck
    *(12, 14, 16, 11, 13, 15),  #   right shoulder, elbow, wrist; left ones
    *(24, 26, 28, 23, 25, 27),  #   right hip, knee, ankle; left ones
    *(5, 2, 8, 7),  #               right eye, left eye, right ear, left ear
)
NECK = 1


def body18(pose: NDArray[np.float32]) -> NDArray[np.float32]:
    """Body points float32 [18, 3], x, y and confidence, of a pose [33, 3], x, y and visibility.

    x and y are shares of the picture's width and height. MediaPipe guesses what lies beyond the picture's edge, where
    OpenPose sees nothing: such points are zeros, their confidence too. The neck is the mean of the shoulders and as
    visible as the less visible of them.

    >>> pose = np.full((33, 3), 0.5, np.float32)
    >>> pose[12], pose[11], pose[28] = (0.4, 0.3, 0.9), (0.6, 0.5, 0.7), (0.5, 1.2, 0.8)
    >>> body18(pose)[[1, 2, 5, 10]].round(2)
    array([[0.5, 0.4, 0.7],
           [0.4, 0.3, 0.9],
           [0.6, 0.5, 0.7],
           [0. , 0. , 0. ]], dtype=float32)
    """
    points = pose[list(BODY18)].astype(np.float32)
    shoulders = pose[list(SHOULDERS)]
    points[NECK] = *shoulders[:, :2].mean(0), shoulders[:, 2].min()
    points[~((points[:, :2] >= 0) & (points[:, :2] <= 1)).all(1)] = 0
    return points
