"""Magnified film drawn: frames as they were filmed, what was added, and what came out (as the thesis' figure 1.12)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cltool.report.figures import GREY, new_figure, save_figure

Shown = tuple[float, NDArray[np.uint8], NDArray[np.uint8]]  # seconds, as filmed, magnified

LEFT, TOP, GAP = 0.35, 0.45, 0.04  # inches
COLUMN = 1.45
GREY_LEVEL = 127.0


def draw_magnification(shown: Sequence[Shown], path: Path, title: str = "") -> None:
    """Frames side by side in three rows, earliest first: as filmed, the difference, magnified.

    `shown`: seconds and two uint8 pictures [H, W, 3] of each frame. The difference is drawn around grey, as many times
    as it takes to be seen; the row says how many.
    """
    height, width, _ = shown[0][1].shape
    row = COLUMN * height / width
    across, down = LEFT + len(shown) * COLUMN, TOP + 3 * row
    figure = new_figure(across, down)
    figure.text(LEFT / across, 1 - 0.08 / down, title, fontsize=10, va="top")
    times = gain([(before, after) for _, before, after in shown])
    for place, (seconds, before, after) in enumerate(shown):
        pictures = (before, around_grey(before, after, times), after)
        for line, picture in enumerate(pictures):
            corner = ((LEFT + place * COLUMN) / across, (2 - line) * row / down)
            axes = figure.add_axes((*corner, (COLUMN - GAP) / across, (row - GAP) / down))
            axes.imshow(picture, interpolation="lanczos", aspect="auto")
            axes.set_axis_off()
            if line == 0:
                axes.set_title(f"{seconds:.2f} s", fontsize=8, color=GREY, pad=2)
    for line, name in enumerate(("as filmed", f"difference ×{times:.2g}", "magnified")):
        middle = (2.5 - line) * row / down
        figure.text(LEFT / 2 / across, middle, name, fontsize=8, rotation=90, ha="center", va="center")
    save_figure(figure, [path])


def gain(pairs: Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]]) -> float:
    """How many times differences are drawn, so that all but the largest thousandth fit between black and white.

    >>> grey = np.full((2, 2, 3), 100, np.uint8)
    >>> gain([(grey, grey + 5)]), gain([(grey, grey)])
    (25.4, 1.0)
    """
    largest = max(float(np.quantile(np.abs(_difference(*pair)), 0.999)) for pair in pairs)
    return max(1.0, GREY_LEVEL / largest) if largest else 1.0


def around_grey(before: NDArray[np.uint8], after: NDArray[np.uint8], times: float) -> NDArray[np.uint8]:
    """uint8 [H, W, 3]: the difference, so many times, around mid-grey.

    >>> int(around_grey(np.zeros((1, 1, 3), np.uint8), np.full((1, 1, 3), 5, np.uint8), 10)[0, 0, 0])
    178
    """
    return (128 + times * _difference(before, after)).round().clip(0, 255).astype(np.uint8)


def _difference(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.float32]:
    return after.astype(np.float32) - before.astype(np.float32)
