"""A portrait on its stage: moved, lit and drawn frame by frame, and where its points then are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cltool.video.modalities import Picture
from cltool_plugins.puppet.bearing import bearing_fields, in_pixels
from cltool_plugins.puppet.expression import NAMES, Curve, face_fields, resting_valence, shown
from cltool_plugins.puppet.fields import Warp, warped
from cltool_plugins.puppet.light import PULSE, skin
from cltool_plugins.puppet.points import EYE_CORNERS, MOUTH_CORNERS, Points, inside, unit
from cltool_plugins.puppet.portrait import Portrait

REACH = 0.6  # how far the head may carry the face, in distances of the outer corners of the eyes
LOWER_LIP = (60, 67, 66, 65, 64)  # its inner edge, from the right corner of the mouth to the left
JAW = NAMES.index("jaw")
LAP = 0.025  # by which the dark laps over the lip, where teeth would be left between; in distances of the eyes
LAPPED = np.array([(0, 0), (0, 1), (0, 0.5), (0, 1), (0, 0)])  # at which of its points
DARK = (52, 20, 20)  # behind the teeth


class Pose(NamedTuple):
    """Where a frame's points are, in pixels: `face` [70, 2], `body` [25, 2] with NaN for what is not in the picture.

    `anchors` [4, 2]: centres of the eyes and corners of the mouth as the head alone carries them, for aligned crops
    that leave the expression in. `lip` and `teeth` [5, 2]: the lower lip's inner edge, and where it would be if the jaw
    were shut.
    """

    face: Points
    body: Points
    anchors: Points
    lip: Points
    teeth: Points


class Stage:
    """One portrait, square, whose points can be moved; movements are weights of bearing.NAMES and expression.NAMES."""

    def __init__(self, portrait: Portrait) -> None:
        size = len(portrait.picture)
        self.size = size
        self._portrait = portrait
        self._unit = unit(portrait.face)
        fine, box = face_fields(portrait.face, size)
        broad = bearing_fields(portrait.face, portrait.body, size)
        self._warp = Warp(size, broad, fine, box, REACH * self._unit)
        self._still = np.dstack([portrait.picture, skin(portrait.picture, portrait.face)])
        self._face_moves = self._warp.at(portrait.face)
        self._body_moves = self._warp.at(np.nan_to_num(portrait.body))

    def bearings(self, path: NDArray[np.float64]) -> NDArray[np.float32]:
        """Weights [T, 8] of a path of the bearing, [T, 8], whose lengths are in those of the face."""
        return in_pixels(path, self._portrait.face)

    def expressions(self, valence: Curve, arousal: Curve, blinking: Curve, speaking: Curve) -> NDArray[np.float32]:
        """Weights [T, k] of what `expression.shown` tells of, [T] each, for a portrait that smiles as this one does."""
        return shown(valence, arousal, blinking, speaking, resting_valence(self._portrait.face))

    def pose(self, bearing: NDArray[np.float32], expression: NDArray[np.float32]) -> Pose:
        """Where the points are under these weights, [8] and [k]."""
        carried = self._portrait.face + np.tensordot(bearing, self._face_moves[0], 1)
        face = carried + np.tensordot(expression, self._face_moves[1], 1)
        body = self._portrait.body + sum(
            np.tensordot(w, moves, 1) for w, moves in zip((bearing, expression), self._body_moves, strict=True)
        )
        eyes = [carried[list(corners)].mean(0) for corners in EYE_CORNERS]
        lip = face[list(LOWER_LIP)]
        teeth = lip - expression[JAW] * self._face_moves[1][JAW][list(LOWER_LIP)]
        return Pose(
            face, inside(body, self.size, self.size), np.stack([*eyes, *carried[list(MOUTH_CORNERS)]]), lip, teeth
        )

    def picture(
        self,
        bearing: NDArray[np.float32],
        expression: NDArray[np.float32],
        pose: Pose,
        gains: NDArray[np.float32],
        flush: float,
    ) -> Picture:
        """The frame, uint8 [S, S, 3], RGB: moved, lit by `gains` [S, S, 3], the skin brighter by the share `flush`."""
        import cv2

        moved = warped(self._still, self._warp.sources(bearing, expression), cv2.INTER_CUBIC)
        colour, bare = np.ascontiguousarray(moved[..., :3]), moved[..., 3].astype(np.float32)
        self._open_mouth(colour, pose)
        blood = cv2.transform(bare, np.column_stack([PULSE * (flush / 255), np.ones(3)]))
        lit = cv2.multiply(colour, cv2.multiply(gains, blood), dtype=cv2.CV_8U)
        return np.asarray(lit, np.uint8)

    def _open_mouth(self, picture: Picture, pose: Pose) -> None:
        """Paint what is behind the teeth, in place: between them and the lower lip, where a picture has only teeth."""
        import cv2

        opened = float(np.hypot(*(pose.lip - pose.teeth).T).max())
        if opened < 0.5:
            return
        lap = min(LAP * self._unit, 0.4 * opened)
        outline = np.concatenate([_curve(pose.teeth), _curve(pose.lip + LAPPED * lap)[::-1]])
        left, top = (outline.min(0) - 4).astype(int).clip(0)
        right, bottom = (outline.max(0) + 5).astype(int).clip(0, self.size)
        part = picture[top:bottom, left:right]
        if not part.size:
            return
        cover = np.zeros(part.shape[:2], np.float32)
        scaled = np.rint((outline - (left, top)) * 16).astype(np.int32)  # OpenCV's sixteenths of a pixel
        cv2.fillPoly(cover, [scaled], 1.0, shift=4)
        soft = np.asarray(cv2.GaussianBlur(cover, (0, 0), 0.012 * self._unit))[..., None]
        part[:] = (part * (1 - soft) + np.array(DARK) * soft + 0.5).astype(np.uint8)


def _curve(points: Points) -> Points:
    """A smooth line [16, 2] through a few points [n, 2]."""
    from scipy.interpolate import make_interp_spline

    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    return np.asarray(make_interp_spline(along, points, k=2)(np.linspace(0, along[-1], 16)))
