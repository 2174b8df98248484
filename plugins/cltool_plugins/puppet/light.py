"""What falls on a person and what shows through the skin: light of a film, and the heart's pulse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cltool.video.modalities import Picture
from cltool_plugins.puppet.points import EYES, INNER_LIPS, Points, unit

# How much more of the pulse each channel shows: blood takes up green most (Verkruysse et al. 2008)
PULSE = np.array([0.35, 1.0, 0.55], np.float32)
PULSE_SHARE = 0.01  # of the skin's green that a heartbeat adds and takes away
CHROMA = 14.0  # deviation of a skin's colour, Cr and Cb in levels of 256


@dataclass(frozen=True)
class Light:
    """The light of one film.

    `brightness` 1 is the portrait's own. `warmth` above 0 is redder, below bluer. `slope`: by which share one side of
    the picture is brighter than the other; `angle`: where that side lies, in degrees, clockwise from the right.
    """

    brightness: float
    warmth: float
    slope: float
    angle: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Light:
        """Light by lot."""
        low, high = np.array([(0.6, 0.92), (-0.12, 0.12), (0.0, 0.35), (0, 360)]).T
        return cls(*(round(float(value), 3) for value in rng.uniform(low, high)))

    def gains(self, size: int) -> NDArray[np.float32]:
        """What each pixel's channels are multiplied with, [S, S, 3]."""
        x, y = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size))
        turn = np.deg2rad(self.angle)
        across = 1 + self.slope / 2 * (x * np.cos(turn) + y * np.sin(turn))
        colour = np.array([1 + self.warmth, 1, 1 - self.warmth])
        return (self.brightness * across[..., None] * colour).astype(np.float32)


def skin(picture: Picture, face: Points) -> NDArray[np.uint8]:
    """Where a portrait shows skin, [H, W], 0 to 255: what has the cheeks' colour, in and below the face."""
    import cv2

    e = unit(face)
    chroma = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    cheeks = (face[[2, 14]] + 2 * face[[31, 35]]) / 3
    size = max(1, round(0.1 * e))
    places = cheeks.round().astype(int).clip(size, min(picture.shape[:2]) - size)
    patches = [chroma[y - size : y + size, x - size : x + size].reshape(-1, 3) for x, y in places]
    off = (chroma - np.median(np.concatenate(patches), 0))[..., 1:]
    alike = np.exp(-(off**2).sum(-1) / (2 * CHROMA**2)) * (chroma[..., 0] > 60)
    area = np.zeros(alike.shape, np.float32)
    above = face[26:16:-1] - np.array([0, 0.25 * e])
    outline = np.concatenate([face[:17], above])
    cv2.fillPoly(area, [outline.round().astype(np.int32)], 1.0)
    neck = np.array([face[4], face[12], face[12] + (0, 0.7 * e), face[4] + (0, 0.7 * e)])
    cv2.fillPoly(area, [neck.round().astype(np.int32)], 1.0)
    for opening in (*EYES, INNER_LIPS):
        cv2.fillPoly(area, [face[list(opening)].round().astype(np.int32)], 0.0)
    return (255 * cv2.GaussianBlur(alike * area, (0, 0), 0.04 * e)).astype(np.uint8)


def pulse(times: NDArray[np.float64], per_minute: float) -> NDArray[np.float64]:
    """The heart's course in time, [T] in [-1, 1]: a wave and a little of its octave, as a finger's pulse has."""
    phase = 2 * np.pi * times * per_minute / 60
    return (np.sin(phase) + 0.3 * np.sin(2 * phase + 0.8)) / 1.3
