"""Shapes and textures: polygons, stars, rings and spirals; gratings, checks, dots and noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cltool_plugins.drawings.fonts import INK, SIDE

FINE = 4
CORNERS = (3, 4, 5, 6, 8, 40)  # the last is round
STYLES = ("filled", "outline", "star", "spiral", "cross", "halves")
ASPECTS = (1.0, 0.6, 0.35)
SHAPES = tuple((style, corners, aspect) for style in STYLES for corners in CORNERS for aspect in ASPECTS)
# Checks and dots look the same turned by 0° and by 90°: six pairs of classes that nobody can tell apart.
KINDS = ("grating", "checks", "dots", "rings", "noise")
TEXTURES = tuple((kind, scale, angle) for kind in KINDS for scale in (3.0, 5.0, 8.0) for angle in (0, 30, 60, 90, 135))


def draw_shape(number: int, instance: int) -> NDArray[np.uint8]:
    """One drawing of shape `number` (an index of SHAPES), uint8 [32, 32]; each one a little uneven.

    >>> bool(draw_shape(0, 0).max() > 128)
    True
    """
    import cv2

    style, corners, aspect = SHAPES[number]
    rng = np.random.default_rng([3, number, instance])
    canvas = np.zeros((SIDE * FINE, SIDE * FINE), np.uint8)
    line = _to_canvas(_outline(style, corners) * [1, aspect] + rng.normal(0, 0.02, (1, 2)), rng)
    pen = int(rng.integers(4, 12))
    if style in ("filled", "halves"):
        cv2.fillPoly(canvas, [line], 255, cv2.LINE_AA)
        if style == "halves":
            middle = line[:, 0].mean()
            canvas[:, int(middle) :] = cv2.morphologyEx(canvas, cv2.MORPH_GRADIENT, np.ones((pen, pen), np.uint8))[
                :, int(middle) :
            ]
    else:
        cv2.polylines(canvas, [line], style in ("outline", "star"), 255, pen, cv2.LINE_AA)
    return cv2.resize(canvas, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.uint8)


def _outline(style: str, corners: int) -> NDArray[np.float64]:
    """Points [n, 2] of a shape within the unit circle."""
    if style == "spiral":
        t = np.linspace(0.1, 1, 60)[:, None]
        turns = 2 * np.pi * t * (1 + corners % 7 / 2)
        return t * np.hstack([np.cos(turns), np.sin(turns)])
    if style == "cross":  # there and back along every ray
        rays = _circle(min(corners, 12))
        return np.vstack([[[0, 0], ray] for ray in rays])
    if style == "star":
        outer = _circle(2 * min(corners, 12))
        outer[1::2] *= 0.45
        return outer
    return _circle(corners)


def _circle(n: int) -> NDArray[np.float64]:
    turn = 2 * np.pi * np.arange(n) / n - np.pi / 2
    return np.stack([np.cos(turn), np.sin(turn)], 1)


def _to_canvas(points: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int32]:
    uneven = points + rng.normal(0, 0.03, points.shape)
    return np.rint((uneven * INK / 2 + SIDE / 2) * FINE).astype(np.int32)


def draw_texture(number: int, instance: int) -> NDArray[np.uint8]:
    """One piece of texture `number` (an index of TEXTURES), uint8 [32, 32], at a phase of its own.

    >>> draw_texture(0, 0).shape
    (32, 32)
    """
    import cv2

    kind, scale, angle = TEXTURES[number]
    rng = np.random.default_rng([4, number, instance])
    turn = np.deg2rad(angle + rng.normal(0, 4))
    y, x = np.mgrid[:SIDE, :SIDE] + rng.uniform(0, SIDE, (2, 1, 1))
    u = (x * np.cos(turn) + y * np.sin(turn)) * 2 * np.pi / (scale * rng.uniform(0.9, 1.1))
    v = (y * np.cos(turn) - x * np.sin(turn)) * 2 * np.pi / (scale * rng.uniform(0.9, 1.1))
    if kind == "noise":  # longer along one direction
        wave = np.asarray(rng.normal(size=(SIDE, SIDE)))
        blurred = cv2.GaussianBlur(wave, (0, 0), scale / 2, sigmaY=scale / 2 * (0.3 + angle / 135))
        wave = blurred / blurred.std()
    elif kind == "rings":
        wave = np.sin(np.hypot(x - SIDE, y - SIDE - angle / 6) * 2 * np.pi / scale)
    else:
        wave = {
            "grating": np.sin(u),
            "checks": np.sign(np.sin(u)) * np.sign(np.sin(v)),
            "dots": 4 * (np.cos(u) + np.cos(v)) / 2 - 2,
        }[kind]
    return np.clip(127 + 100 * wave, 0, 255).astype(np.uint8)
