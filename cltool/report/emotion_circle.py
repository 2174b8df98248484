"""The circle of emotion words with points that move on it (thesis figs. 1.14, 4.12); the still part is drawn once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cltool.affect.emotion_words import WORDS, EmotionWord, nearest_words
from cltool.report.figures import BLUE, GREY, ORANGE, new_figure
from cltool.video.modalities import Picture

# shares of the panel's height
WIDTH, MIDDLE, RADIUS = 0.8, 0.365, 0.26
SMALL, TEXT = 0.021, 0.028  # sizes of letters
WORD_GAP = 0.026  # from one word's line to the next
FIELD = 1.08  # where words begin, and what points may go to at most, in radii: outside of the circle
LINES: Mapping[str, float] = {"heading": 0.735, "predicted": 0.785, "annotated": 0.84, "between": 0.895, "foot": 0.96}
# shares of its width: a dot, names, the right ends of valence and arousal, words, the right end of distances
DOT, NAME, VALENCE, AROUSAL, WORD, DISTANCE = 0.045, 0.075, 0.45, 0.62, 0.655, 0.965
FINE = 4  # bits after the point in the places of lines and circles

Colour = tuple[int, int, int]


class Moment(NamedTuple):
    """What there is to show of a frame: `time` in seconds, points (valence, arousal), None where there is none.

    `trail` [n, 2]: predictions of some frames up to this one, NaN where there is none.
    """

    time: float
    predicted: Sequence[float] | None
    annotated: Sequence[float] | None = None
    trail: NDArray[np.float32] = np.zeros((0, 2), np.float32)


class EmotionCircle:
    """A panel with the circle above and a table of numbers below, `height` pixels high.

    `annotated`: whether there are annotations at all. `foot`: what stands in its last line.

    >>> panel = EmotionCircle(540)
    >>> panel.draw(Moment(0.04, (0.3, 0.5))).shape
    (540, 432, 3)
    """

    def __init__(self, height: int, annotated: bool = False, foot: str = "") -> None:
        self.height, self.width = height, round(WIDTH * height / 2) * 2
        self._annotated, self._foot = annotated, foot
        self._fonts = {size: _font(round(size * height)) for size in (SMALL, TEXT)}

    def draw(self, moment: Moment) -> Picture:
        """The panel at a moment, uint8 [H, W, 3]: points, the words nearest to them, and distances."""
        panel = self._ground.copy()
        self._draw_trail(panel, moment.trail)
        points = {"annotated": (moment.annotated, ORANGE), "predicted": (moment.predicted, BLUE)}
        there = {name: (point, _rgb(colour)) for name, (point, colour) in points.items() if point is not None}
        rows = []
        for name, (point, colour) in there.items():
            ((word, distance),) = nearest_words(point[0], point[1])
            self._draw_point(panel, point, word, colour)
            rows.append((LINES[name], _numbers(point, word, distance)))
        if len(there) == len(points):
            (first, _), (second, _) = there.values()
            rows.append((LINES["between"], {DISTANCE: _shown(float(np.hypot(*np.subtract(first, second))))}))
        if moment.predicted is None:
            rows.append((LINES["predicted"], {WORD: "nothing seen"}))
        rows.append((LINES["foot"], {VALENCE: f"{moment.time:.1f} s"}))
        self._write(panel, rows)
        return panel

    def place(self, point: Sequence[float]) -> tuple[float, float]:
        """Where valence and arousal lie, in pixels from the upper left; what is far outside is drawn at the rim."""
        valence, arousal = (max(-FIELD, min(FIELD, float(number))) for number in point)
        radius = RADIUS * self.height
        return self.width / 2 + radius * valence, MIDDLE * self.height - radius * arousal

    @cached_property
    def _ground(self) -> Picture:
        """All that does not move."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        figure = new_figure(self.width / 100, self.height / 100)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, self.width), ylim=(self.height, 0))
        axes.set_axis_off()
        self._draw_circle(axes)
        self._draw_table(axes)
        canvas = FigureCanvasAgg(figure)
        figure.set_dpi(100)
        canvas.draw()
        return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[:, :, :3])

    def _draw_circle(self, axes: Any) -> None:
        """Axes, the circle, and its words, each led to from its place."""
        from matplotlib.patches import Circle

        radius, points = RADIUS * self.height, 72 / 100  # of a pixel
        thin = self.height / 540 * points
        middle = self.place((0, 0))
        axes.add_patch(Circle(middle, radius, fill=False, color="#999999", linewidth=1.2 * thin))
        for ends in (((-1, 0), (1, 0)), ((0, -1), (0, 1))):
            axes.plot(*zip(*map(self.place, ends), strict=True), color="#cccccc", linewidth=thin)
        size = SMALL * self.height * points
        for name, point, rotation in (("valence", (0.97, 0.05), 0), ("arousal", (-0.055, 0.97), 90)):
            axes.text(*self.place(point), name, fontsize=size, color="#999999", rotation=rotation, ha="right", va="top")
        for word, (right, up) in word_places(WORD_GAP / RADIUS).items():
            begins = middle[0] + right * radius, middle[1] - up * radius
            dot = self.place((word.valence, word.arousal))
            side = "left" if right > 0 else "right"
            axes.plot(*zip(dot, begins, strict=True), color="#bbbbbb", linewidth=0.8 * thin)
            axes.plot(*dot, "o", color=GREY, markersize=3.2 * thin)
            axes.text(*begins, f" {word.word} ", fontsize=size, color="#333333", ha=side, va="center_baseline")

    def _draw_table(self, axes: Any) -> None:
        """What stands in the table whatever the moment."""
        small, size = (share * self.height * 72 / 100 for share in (SMALL, TEXT))
        for name, share in (("valence", VALENCE), ("arousal", AROUSAL), ("nearest word", WORD), ("distance", DISTANCE)):
            line, side = LINES["heading"] * self.height, "left" if share == WORD else "right"
            axes.text(share * self.width, line, name, fontsize=small, color=GREY, ha=side, va="baseline")
        shown = [("predicted", BLUE), *([("annotated", ORANGE)] if self._annotated else [])]
        for name, colour in shown:
            line = LINES[name] * self.height
            dot = DOT * self.width, line - 0.35 * TEXT * self.height
            axes.plot(*dot, "o", color=colour, markersize=0.55 * size)
            axes.text(NAME * self.width, line, name, fontsize=size, color="black", va="baseline")
        if self._annotated:
            line = LINES["between"] * self.height
            axes.text(NAME * self.width, line, "distance between them", fontsize=size, color="black", va="baseline")
        foot = LINES["foot"] * self.height
        axes.text(NAME * self.width, foot, "time", fontsize=size, color=GREY, va="baseline")
        axes.text(DISTANCE * self.width, foot, self._foot, fontsize=small, color=GREY, ha="right", va="baseline")

    def _draw_trail(self, panel: Picture, trail: NDArray[np.float32]) -> None:
        import cv2

        places = [_fine(self.place(point)) if np.isfinite(point).all() else None for point in trail]
        for number, (begin, end) in enumerate(pairwise(places), 1):
            if begin is not None and end is not None:
                share = 0.1 + 0.6 * number / len(trail)  # the older, the paler
                colour = [255 + share * (part - 255) for part in _rgb(BLUE)]
                cv2.line(panel, begin, end, colour, max(1, self.height // 360), cv2.LINE_AA, FINE)

    def _draw_point(self, panel: Picture, point: Sequence[float], word: EmotionWord, colour: Colour) -> None:
        """A point, the word nearest to it marked, and a line between them."""
        import cv2

        place, dot = _fine(self.place(point)), _fine(self.place((word.valence, word.arousal)))
        cv2.line(panel, place, dot, colour, 1, cv2.LINE_AA, FINE)
        unit = (self.height << FINE) // 540
        cv2.circle(panel, dot, 4 * unit, colour, max(1, self.height // 400), cv2.LINE_AA, FINE)
        cv2.circle(panel, place, 7 * unit, colour, -1, cv2.LINE_AA, FINE)
        cv2.circle(panel, place, 7 * unit, (255, 255, 255), 1, cv2.LINE_AA, FINE)

    def _write(self, panel: Picture, rows: Sequence[tuple[float, Mapping[float, str]]]) -> None:
        """Words and numbers in their columns, numbers with their right end there."""
        from PIL import Image, ImageDraw

        top = round((LINES["heading"] + 0.01) * self.height)
        page = Image.fromarray(panel[top:])
        pen = ImageDraw.Draw(page)
        for line, cells in rows:
            for share, text in cells.items():
                anchor = "ls" if share == WORD else "rs"
                at = share * self.width, line * self.height - top
                pen.text(at, text, fill=(0, 0, 0), font=self._fonts[TEXT], anchor=anchor)
        panel[top:] = np.asarray(page)


def _fine(place: tuple[float, float]) -> tuple[int, int]:
    return round(place[0] * (1 << FINE)), round(place[1] * (1 << FINE))


def word_places(gap: float) -> Mapping[EmotionWord, tuple[float, float]]:
    """Where each word's text begins, in radii to the right and upwards: outside the circle, lines `gap` apart or more.

    Words of a side stand in the order of their places and as near to them as that allows (least squares): those on the
    right begin there, those on the left end there.

    >>> places = word_places(0.1)
    >>> up = sorted(up for word, (right, up) in places.items() if right > 0)
    >>> bool(min(np.diff(up)).round(6) == 0.1), len(up)
    (True, 14)
    """
    from scipy.optimize import isotonic_regression

    found = {}
    for side in (1, -1):
        words = sorted((word for word in WORDS if word.valence * side > 0), key=lambda word: word.arousal)
        steps = gap * np.arange(len(words))
        lines = isotonic_regression(FIELD * np.array([word.arousal for word in words]) - steps).x + steps
        for word, line in zip(words, lines, strict=True):
            outside = max(0.02, FIELD**2 - line**2) ** 0.5
            found[word] = (side * float(outside), float(line))
    return found


def _numbers(point: Sequence[float], word: EmotionWord, distance: float) -> Mapping[float, str]:
    """Cells of a row of the table."""
    return {VALENCE: _shown(point[0], "+"), AROUSAL: _shown(point[1], "+"), WORD: word.word, DISTANCE: _shown(distance)}


def _shown(number: float, sign: str = "") -> str:
    """A number of two places; the minus sign is as wide as the plus.

    >>> _shown(-0.123, "+"), _shown(0.5), _shown(-0.001)
    ('−0.12', '0.50', '0.00')
    """
    return f"{round(number, 2) + 0.0:{sign}.2f}".replace("-", "−")


def _rgb(colour: str) -> Colour:
    """
    >>> _rgb("#0072B2")
    (0, 114, 178)
    """
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def _font(size: int) -> Any:
    """Matplotlib's own letters, which are there on every machine."""
    from pathlib import Path

    from matplotlib import get_data_path
    from PIL import ImageFont

    return ImageFont.truetype(Path(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size)
