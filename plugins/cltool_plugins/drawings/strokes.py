"""Characters of no script: a few pen strokes, drawn anew by a hand that never draws them twice alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cltool_plugins.drawings.fonts import INK, SIDE

FINE = 4  # pixels are drawn so many times finer, then averaged
UNSTEADY = 0.05  # deviation of a control point from one drawing to the next, as a share of the character's side


def character(number: int) -> list[NDArray[np.float64]]:
    """The character of this number: one to four strokes of two to six control points [n, 2] in the unit square.

    Strokes start on an earlier one or anywhere; two in five characters have dots beside them, strokes of one point.

    >>> {stroke.shape[1] for stroke in character(0)}
    {2}
    """
    rng = np.random.default_rng([1, number])
    strokes: list[NDArray[np.float64]] = []
    for _ in range(rng.integers(1, 5)):
        points = rng.integers(3 if not strokes else 2, 7)
        joined = strokes and rng.random() < 0.6
        start = strokes[-1][rng.integers(len(strokes[-1]))] if joined else rng.random(2)
        steps = rng.normal(0, 0.35, (points - 1, 2))
        strokes.append(np.clip(np.vstack([start, start + steps.cumsum(0)]), 0, 1))
    if rng.random() < 0.4:
        strokes += [rng.random((1, 2)) for _ in range(rng.integers(1, 4))]
    return strokes


def draw(number: int, instance: int) -> NDArray[np.uint8]:
    """One drawing of a character, uint8 [32, 32], white on black.

    Its hand moves every control point by 5 % of the side, bends each stroke in its own way, and has a pen of its
    own width.

    >>> draw(3, 0).shape, bool((draw(3, 0) != draw(3, 1)).any())
    ((32, 32), True)
    """
    import cv2

    rng = np.random.default_rng([2, number, instance])
    lines = [_curve(stroke + rng.normal(0, UNSTEADY, stroke.shape)) for stroke in character(number)]
    everything = np.vstack(lines)
    low, side = everything.min(0), max(np.ptp(everything, axis=0).max(), 0.2)
    margin = (SIDE - INK * np.ptp(everything, axis=0) / side) / 2
    canvas = np.zeros((SIDE * FINE, SIDE * FINE), np.uint8)
    pen = int(rng.integers(5, 14))
    for line in lines:
        at = ((line - low) / side * INK + margin) * FINE
        cv2.polylines(canvas, [np.rint(at).astype(np.int32)], False, 255, pen, cv2.LINE_AA)
    return cv2.resize(canvas, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.uint8)


def _curve(points: NDArray[np.float64], per_piece: int = 8) -> NDArray[np.float64]:
    """A Catmull-Rom curve [m, 2] through control points [n, 2]."""
    padded = np.vstack([points[0], points, points[-1]])
    t = np.linspace(0, 1, per_piece, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        pieces.append(b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a))))
    return np.vstack([*pieces, points[-1:]])
