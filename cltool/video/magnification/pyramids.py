"""Pictures → the few numbers per frame that are filtered over time, and back to a picture of changes.

A Laplacian level is a Gaussian level less the next one enlarged, L_l = G_l − U G_{l+1}. The filter over time is the
same for all of them, and linear like everything else here, so that the sum over levels telescopes:

    Σ_l α_l Uˡ F L_l = Σ_l (α_l − α_{l−1}) Uˡ F G_l

F has to be applied only where α changes from one level to the next, to Gaussian levels, and no Laplacian level is ever
made. A single Gaussian level is the same sum with one term.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from cltool.video.magnification.settings import Settings, level_alphas

Floats = NDArray[np.float32]
Size = tuple[int, int]  # height, width

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # Y of YIQ, of red, green and blue
BETWEEN: Floats = np.array([-1 / 16, 9 / 16, 9 / 16, -1 / 16], np.float32)  # a sample half-way between the inner two
SHARP: Floats = np.array([-1 / 32, 0, 9 / 32, 1 / 2, 9 / 32, 0, -1 / 32], np.float32)
ONE = np.ones(1, np.float32)


class Pyramid:
    """Levels of a pyramid over pictures of one size, each with its weight, as one row of numbers.

    `width`: how many numbers a row has. The paper's YIQ is a linear map as well: to weigh the chroma of a change by c
    and go back to RGB is to mix c parts of the change with 1 − c parts of its luma, which is done to the row.

    >>> pyramid = Pyramid(Settings(alpha=5, levels=2), (64, 48))
    >>> pyramid.width == 16 * 12 * 3
    True
    >>> change = pyramid.up(pyramid.down(np.full((64, 48, 3), 10, np.uint8)))
    >>> change.shape, float(change.min()), float(change.max())
    ((64, 48, 3), 50.0, 50.0)
    """

    def __init__(self, settings: Settings, size: Size) -> None:
        self._weights = level_weights(settings, settings.depth(size[1], size[0]))
        self._chroma = settings.chroma
        motion = settings.method == "motion"
        self._halve, self._double = (halve_sharp, double_sharp) if motion else (halve_smooth, double_smooth)
        self._sizes = [size]
        for _ in range(max(self._weights)):
            height, width = self._sizes[-1]
            self._sizes.append(((height + 1) // 2, (width + 1) // 2))
        self._places: dict[int, slice] = {}
        self.width = 0
        for level in self._weights:
            height, width = self._sizes[level]
            self._places[level] = slice(self.width, self.width + height * width * 3)
            self.width = self._places[level].stop

    def down(self, picture: NDArray[np.uint8] | Floats) -> Floats:
        """float32 [`width`] of a picture [H, W, 3]: its weighted levels, in the picture's unit."""
        row = np.empty(self.width, np.float32)
        level_picture: Floats = picture.astype(np.float32)
        for level in range(1, len(self._sizes)):
            level_picture = self._halve(level_picture)
            if level in self._weights:
                np.multiply(level_picture.reshape(-1), np.float32(self._weights[level]), out=row[self._places[level]])
        if self._chroma < 1:
            pixels = row.reshape(-1, 3)
            luma = pixels @ LUMA
            pixels *= np.float32(self._chroma)
            pixels += (luma * np.float32(1 - self._chroma))[:, None]
        return row

    def up(self, row: Floats) -> Floats:
        """float32 [H, W, 3]: the sum of a row's levels, enlarged."""
        deepest = len(self._sizes) - 1
        change = self._level(row, deepest)
        for level in range(deepest - 1, -1, -1):
            change = self._double(change, self._sizes[level])
            if level in self._weights:
                change += self._level(row, level)
        return change

    def _level(self, row: Floats, level: int) -> Floats:
        return row[self._places[level]].reshape(*self._sizes[level], 3)


def level_weights(settings: Settings, depth: int) -> Mapping[int, float]:
    """Gaussian levels that are filtered → what they are multiplied by; the last one always among them.

    >>> level_weights(Settings(alpha=5), 4)
    {4: 5}
    >>> level_weights(Settings("motion", alpha=5, cutoff=16), 6)
    {1: 2.0, 2: 3.0, 6: -5.0}
    """
    if settings.method == "colour":
        return {depth: settings.alpha}
    alphas = [*level_alphas(settings, depth), 0.0]  # what is left below the coarsest level stays as it is
    steps = {level: alphas[level] - alphas[level - 1] for level in range(1, depth + 1)}
    return {level: step for level, step in steps.items() if step or level == depth}


def halve_smooth(picture: Floats) -> Floats:
    """Every second pixel of a float32 picture [h, w, 3] after the five-tap Gaussian (Burt & Adelson 1983).

    >>> halve_smooth(np.ones((5, 4, 3), np.float32)).shape
    (3, 2, 3)
    """
    return np.asarray(cv2.pyrDown(picture), np.float32)


def double_smooth(picture: Floats, size: Size) -> Floats:
    """A float32 picture [h, w, 3] enlarged to `size` (H, W), of 2 h or 2 h − 1 rows and so many columns.

    >>> double_smooth(np.ones((3, 2, 3), np.float32), (5, 4)).shape
    (5, 4, 3)
    """
    return np.asarray(cv2.pyrUp(picture, dstsize=size[::-1]), np.float32)


def halve_sharp(picture: Floats) -> Floats:
    """As `halve_smooth`, by a kernel that is flat where the Gaussian falls (Deslauriers & Dubuc 1989).

    A Gaussian leaves a hundredth of a wave of 64 pixels on the finest level, and more on the next. Those levels are
    magnified less or not at all, and with them the wave. This kernel keeps octaves apart.
    """
    smooth = _filtered(picture, SHARP, SHARP)
    return np.ascontiguousarray(smooth[::2, ::2])


def double_sharp(picture: Floats, size: Size) -> Floats:
    """As `double_smooth`, by the same kernel: pixels stay as they are, and cubic interpolation puts others between."""
    height, width = size
    tall = np.empty((height, picture.shape[1], 3), np.float32)
    tall[::2] = picture
    tall[1::2] = _filtered(picture, ONE, BETWEEN, (0, 1))[: height // 2]
    wide = np.empty((height, width, 3), np.float32)
    wide[:, ::2] = tall
    wide[:, 1::2] = _filtered(tall, BETWEEN, ONE, (1, 0))[:, : width // 2]
    return wide


def _filtered(picture: Floats, along: Floats, down: Floats, anchor: tuple[int, int] = (-1, -1)) -> Floats:
    """A picture [h, w, 3] filtered along its rows and down its columns."""
    return np.asarray(cv2.sepFilter2D(picture, cv2.CV_32F, along, down, anchor=anchor), np.float32)
