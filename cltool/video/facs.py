"""Action units of the Facial Action Coding System, and what MediaPipe's blendshapes say of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cltool.errors import CallError

# Ekman and Friesen 1978, as Orgil 2022, Table 1.2, lists them
ACTION_UNITS = {
    0: "neutral face",
    1: "inner brow raiser",
    2: "outer brow raiser",
    4: "brow lowerer",
    5: "upper lid raiser",
    6: "cheek raiser",
    7: "lid tightener",
    8: "lips toward each other",
    9: "nose wrinkler",
    10: "upper lip raiser",
    11: "nasolabial deepener",
    12: "lip corner puller",
    13: "sharp lip puller",
    14: "dimpler",
    15: "lip corner depressor",
    16: "lower lip depressor",
    17: "chin raiser",
    18: "lip pucker",
    19: "tongue show",
    20: "lip stretcher",
    21: "neck tightener",
    22: "lip funneler",
    23: "lip tightener",
    24: "lip pressor",
    25: "lips part",
    26: "jaw drop",
    27: "mouth stretch",
    28: "lip suck",
}

# A blendshape stands here where it is one unit's movement and no other's. Those without a unit of Table 1.2 (gaze,
# blink, puffed cheeks, jaw and mouth sideways) are left out, and so are units that no blendshape shows (0, 11, 13, 19,
# 21, 23, 25). 27 is 26 gone further: jawOpen cannot tell the two apart.
BLENDSHAPES = {
    1: ("browInnerUp",),
    2: ("browOuterUpLeft", "browOuterUpRight"),
    4: ("browDownLeft", "browDownRight"),
    5: ("eyeWideLeft", "eyeWideRight"),
    6: ("cheekSquintLeft", "cheekSquintRight"),
    7: ("eyeSquintLeft", "eyeSquintRight"),
    8: ("mouthClose",),
    9: ("noseSneerLeft", "noseSneerRight"),
    10: ("mouthUpperUpLeft", "mouthUpperUpRight"),
    12: ("mouthSmileLeft", "mouthSmileRight"),
    14: ("mouthDimpleLeft", "mouthDimpleRight"),
    15: ("mouthFrownLeft", "mouthFrownRight"),
    16: ("mouthLowerDownLeft", "mouthLowerDownRight"),
    17: ("mouthShrugLower",),
    18: ("mouthPucker",),
    20: ("mouthStretchLeft", "mouthStretchRight"),
    22: ("mouthFunnel",),
    24: ("mouthPressLeft", "mouthPressRight"),
    26: ("jawOpen",),
    28: ("mouthRollLower", "mouthRollUpper"),
}

UNITS = tuple(BLENDSHAPES)  # the K units that blendshapes show, in the order of `action_units`


def action_units(blendshapes: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.float32]:
    """Action units of faces whose blendshapes are known: float32 [n, K], in [0, 1], a column for each of `UNITS`.

    `blendshapes` float32 [n, B], in [0, 1], and their `names` [B], in any order. A unit is the mean of its blendshapes:
    of left and right, and for 28 of both lips. Raises CallError where a blendshape is missing.

    >>> names = [name for unit in UNITS for name in BLENDSHAPES[unit]]
    >>> smile = np.array([[0.8 if name == "mouthSmileLeft" else 0 for name in names]], np.float32)
    >>> [(unit, float(value)) for unit, value in zip(UNITS, action_units(smile, names)[0]) if value]
    [(12, 0.4...)]
    """
    place = {name: number for number, name in enumerate(names)}
    if missing := [name for parts in BLENDSHAPES.values() for name in parts if name not in place]:
        raise CallError(f"action units need MediaPipe's blendshapes; {', '.join(missing[:3])} is not among the names")
    means = [blendshapes[:, [place[name] for name in BLENDSHAPES[unit]]].mean(1) for unit in UNITS]
    return np.stack(means, 1).astype(np.float32)
