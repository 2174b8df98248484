"""Valence and arousal in a face: action units as movements of its points, and how much of each is shown."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cltool_plugins.puppet.fields import Box, Field, eased, spline
from cltool_plugins.puppet.points import FACE_MIRRORED, MOUTH_CORNERS, OUTER_EYE_CORNERS, Points, unit

Curve = NDArray[np.float64]  # a number for each frame
Move = tuple[float, float]  # outwards from the middle of the face, and down

# How points move where an action unit is shown in full: those of the right half and the middle, which the left half
# mirrors. Lengths are distances of the outer corners of the eyes, but for OPENINGS.
UNITS: Mapping[str, Mapping[int, Move]] = {
    # the corners of the mouth come in and down, the lip above follows (FACS 15; 12 undone)
    "frown": {
        48: (-0.075, 0.15), 60: (-0.07, 0.14), 49: (-0.05, 0.085), 50: (-0.02, 0.05), 51: (0, 0.045), 59: (-0.04, 0.04),
        61: (-0.03, 0.03), 62: (0, 0.025), 67: (-0.02, 0), 31: (-0.015, 0.01),
    },
    # the lips meet (FACS 25 undone)
    "meet": {61: (0, 0.4), 62: (0, 0.4), 67: (0, -0.25), 66: (0, -0.3), 58: (0, -0.1), 57: (0, -0.15)},
    # brows down and together (FACS 4), without the cheeks' lift under the eyes (6 undone)
    "glower": {
        21: (-0.035, 0.055), 20: (-0.02, 0.045), 19: (-0.01, 0.025), 18: (0, 0.01), 40: (0, 0.012), 41: (0, 0.012),
    },
    # brows up (FACS 1, 2)
    "brows": {17: (0, -0.04), 18: (0, -0.075), 19: (0, -0.09), 20: (0, -0.085), 21: (0, -0.075)},
    # eyes wide (FACS 5)
    "lids": {37: (0, -0.35), 38: (0, -0.35), 40: (0, 0.13), 41: (0, 0.13)},
    # eyes shut (FACS 45)
    "blink": {37: (0, 0.87), 38: (0, 0.87), 40: (0, -0.13), 41: (0, -0.13)},
    # the jaw falls (FACS 26)
    "jaw": {
        5: (0, 0.04), 6: (0, 0.09), 7: (0, 0.12), 8: (0, 0.13), 57: (0, 0.13), 58: (0, 0.12), 59: (-0.01, 0.09),
        66: (0, 0.13), 67: (0, 0.115), 48: (-0.02, 0.03), 60: (-0.02, 0.035), 62: (0, -0.01), 61: (0, -0.01),
    },
}  # fmt: skip
NAMES = tuple(UNITS)

LIDS = ((37, 41), (38, 40), (43, 47), (44, 46))  # upper and lower
LIPS = ((61, 67), (62, 66), (63, 65))
OPENINGS = {"lids": LIDS, "blink": LIDS, "meet": LIPS}  # units whose lengths are how far these are apart

APART = 0.09  # at least so far apart lips are held to be, as else the skin between them could not be stretched
SMILE = 0.105  # how far the corners of the mouth lie above its middle in a face of valence BRIGHT
BRIGHT = 0.85
MARGIN = 0.35  # around the face, over which the skin follows less and less
FALL_S, RISE_S = 0.1, 0.2  # of the lids in a blink
INTERVAL_S = 3.0  # from one to the next


def resting_valence(face: Points) -> float:
    """How happy a portrait looks as it is, from how far the corners of the mouth lie above its middle; 0 for neutral.

    >>> from cltool_plugins.puppet.portrait import astronaut
    >>> round(resting_valence(astronaut().face), 2)
    0.85
    """
    down = _axes(face)[1]
    lifted = (face[[62, 66]].mean(0) - face[list(MOUTH_CORNERS)].mean(0)) @ down / unit(face)
    return float(np.clip(BRIGHT * lifted / SMILE, -0.3, BRIGHT))


def movements(face: Points) -> NDArray[np.float64]:
    """How each of a face's 70 points moves when an action unit is shown in full, in pixels: [70, k, 2]."""
    moves = np.zeros((len(face), len(UNITS), 2))
    for k, (name, points) in enumerate(UNITS.items()):
        length = _opening(face, OPENINGS[name]) if name in OPENINGS else unit(face)
        for point, (out, down) in points.items():
            other = FACE_MIRRORED[point]
            moves[other, k] = out * length, down * length
            moves[point, k] = (-out if other != point else out) * length, down * length
    return moves @ _axes(face)


def _axes(face: Points) -> NDArray[np.float64]:
    """Across a face and down it, [2, 2]: a head that is held aslant moves aslant."""
    right, left = face[list(OUTER_EYE_CORNERS)]
    across = (left - right) / unit(face)
    return np.stack([across, (-across[1], across[0])])


def _opening(face: Points, pairs: tuple[tuple[int, int], ...]) -> float:
    return float(np.mean([np.hypot(*(face[below] - face[above])) for above, below in pairs]))


def face_fields(face: Points, size: int) -> tuple[Field, Box]:
    """The action units as fields [k, h, w, 2] over a box around the face of a picture of side `size`."""
    box = Box.around(face, MARGIN * unit(face), size)
    held = face.copy()
    lacking = max(APART * unit(face) - _opening(face, LIPS), 0) / 2 * _axes(face)[1]
    held[[above for above, _ in LIPS]] -= lacking
    held[[below for _, below in LIPS]] += lacking
    return spline(held, movements(face), box), box


def shown(
    valence: Curve, arousal: Curve, blinking: Curve, speaking: Curve, resting: float = BRIGHT
) -> NDArray[np.float32]:
    """How much of each of NAMES a face shows, [T, k].

    Valence and arousal [T] in [-1, 1], `blinking` and `speaking` [T] in [0, 1]: how far the lids are shut and the mouth
    is open for what is said. `resting`: the valence that the portrait has without any.

    >>> calm, roused = shown(np.zeros(2), np.array([-1.0, 1.0]), np.zeros(2), np.zeros(2))
    >>> bool(roused[NAMES.index("jaw")] > calm[NAMES.index("jaw")])
    True
    """
    gloom, roused = (1 - valence) / 2, (1 + arousal) / 2
    frown = 1.08 * (resting - valence) / 2
    amounts = {
        "frown": frown,
        "meet": frown,
        "glower": gloom,
        "brows": roused,
        "lids": (1.3 * roused - 0.3) * (1 - blinking),
        "blink": blinking,
        "jaw": 0.75 * roused + 0.25 * speaking,
    }
    return np.stack([amounts[name] for name in NAMES], -1).astype(np.float32)


def blinks(rng: np.random.Generator, frames: int, rate: float) -> Curve:
    """How far the lids are shut in every frame, [T] in [0, 1]: every few seconds, quickly down and slower up.

    Intervals are those of people who talk: log-normal about 3 s (Bentivoglio et al. 1997).
    """
    times = np.arange(frames) / rate
    shut = np.zeros(frames)
    now = rng.uniform(0.3, 2.5)
    while now < times[-1]:
        since = times - now
        shut = np.maximum(shut, np.where(since < 0, 1 + since / FALL_S, 1 - since / RISE_S).clip(0, 1))
        now += max(rng.lognormal(np.log(INTERVAL_S), 0.5), 0.8)
    return np.asarray(eased(shut))
