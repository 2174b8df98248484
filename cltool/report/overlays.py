"""A film with the circle of emotions beside it, on which each frame's valence and arousal move (thesis fig. 4.12)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cltool.progress import Progress, Silent
from cltool.report.emotion_circle import EmotionCircle, Moment
from cltool.video.copying import CopiedSound, aac_rate, held_pictures
from cltool.video.decoding import FilmFacts
from cltool.video.encoding import film_writer
from cltool.video.modalities import Picture
from cltool.video.own_words import says_synthetic

LOWEST, HIGHEST, WIDEST = 540, 1080, 1920  # pixels between which words can be read and films play anywhere
TRAIL_S, TRAIL = 1.0, 30  # seconds of predictions that a point draws behind it, in so many pieces at most


@dataclass(frozen=True)
class Placing:
    """Where a film's pictures stand in the overlay: size and upper left corner in pixels; `height` of the whole."""

    size: tuple[int, int]
    corner: tuple[int, int]
    height: int

    @classmethod
    def of(cls, width: int, height: int) -> Placing:
        """A film of that size, enlarged or made smaller as far as the words beside it ask.

        >>> Placing.of(640, 720), Placing.of(112, 112)
        (Placing(size=(640, 720), corner=(0, 0), height=720), Placing(size=(540, 540), corner=(0, 0), height=540))
        >>> Placing.of(2000, 100)
        Placing(size=(1920, 96), corner=(0, 222), height=540)
        """
        scale = min(min(max(height, LOWEST), HIGHEST) / height, WIDEST / width)
        shown = max(1, round(width * scale)), max(1, round(height * scale))
        whole = max(LOWEST, shown[1] + shown[1] % 2)
        return cls(shown, (0, (whole - shown[1]) // 2), whole)

    def put(self, picture: Picture, page: Picture) -> None:
        """Draw a picture, of whatever size, at its place in a page [height, …, 3]."""
        import cv2

        if (picture.shape[1], picture.shape[0]) != self.size:
            way = cv2.INTER_AREA if picture.shape[0] > self.size[1] else cv2.INTER_CUBIC
            picture = np.asarray(cv2.resize(picture, self.size, interpolation=way), np.uint8)
        left, top = self.corner
        page[top : top + self.size[1], left : left + self.size[0]] = picture


def write_overlay(
    source: Path,
    facts: FilmFacts,
    out: Path,
    times: NDArray[np.float64],
    predicted: NDArray[np.float32],
    annotated: NDArray[np.float32] | None = None,
    progress: Progress | None = None,
) -> None:
    """Write a film, or a folder of numbered pictures, into an mp4 with the circle at its right side, and its sound.

    `times` [T] in seconds; `predicted` and `annotated` [T, 2] are valence and arousal of its frames, NaN where there is
    none. Title and comment stay, and a film that calls itself synthetic is marked so in every frame. A missing frame is
    the one before it. Raises CallError where `source` is no film or `out` cannot be written.
    """
    progress = progress or Silent()
    placing = Placing.of(facts.width, facts.height)
    circle = EmotionCircle(placing.height, annotated is not None, "synthetic film" * says_synthetic(facts.told))
    page = np.zeros((placing.height, placing.size[0] + circle.width, 3), np.uint8)
    sound_rate = aac_rate(facts.sound_rate)
    pictures = held_pictures(source, facts, progress.say, "shown")
    shown = moments(times, predicted, annotated, facts.rate)
    with (
        progress.track(f"drawing {source.name}", len(times)) as advance,
        film_writer(out, page.shape[1], page.shape[0], facts.rate, sound_rate, facts.told) as film,
    ):
        sound = CopiedSound(film, source, sound_rate, progress.say)
        for frames, (picture, moment) in enumerate(zip(pictures, shown, strict=False), 1):
            placing.put(picture, page)
            page[:, placing.size[0] :] = circle.draw(moment)
            film.write(page)
            sound.up_to(frames / facts.rate)
            advance(1)


def moments(
    times: NDArray[np.float64], predicted: NDArray[np.float32], annotated: NDArray[np.float32] | None, rate: float
) -> Iterator[Moment]:
    """What there is to show of each frame.

    >>> values = np.array([[0.5, 0], [np.nan, np.nan]], np.float32)
    >>> [(moment.predicted, len(moment.trail)) for moment in moments(np.arange(2.0), values, None, 25)]
    [([0.5, 0.0], 1), (None, 2)]
    """
    frames = max(1, round(TRAIL_S * rate))
    step = -(-frames // TRAIL)
    for number, time in enumerate(times):
        trail = predicted[max(0, number - frames) : number + 1][::-1][::step][::-1]
        given = None if annotated is None else _point(annotated[number])
        yield Moment(float(time), _point(predicted[number]), given, trail)


def _point(values: NDArray[np.float32]) -> list[float] | None:
    return values.tolist() if np.isfinite(values).all() else None
