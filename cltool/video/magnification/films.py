"""A film file magnified into another, its sound kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from cltool.errors import CallError
from cltool.files import check_free_file
from cltool.progress import Progress, Silent
from cltool.video.copying import CopiedSound, aac_rate, held_pictures
from cltool.video.decoding import FilmFacts, probe, read_frames
from cltool.video.encoding import film_writer
from cltool.video.magnification.eulerian import magnify
from cltool.video.magnification.settings import Settings
from cltool.video.modalities import Picture
from cltool.video.own_words import says_synthetic

SHOWN, SHOWN_S = 10, 2.0  # frames that are drawn beside each other, and how much of the film they span
SHOWN_PX = 640  # the widest that is worth keeping for it

Shown = tuple[float, Picture, Picture]  # seconds, as filmed, magnified


@dataclass(frozen=True)
class Done:
    """What became of a film of `width` × `height` pixels: `frames` of `rate` per second, in `out`.

    `shown`: some of them to draw, where that was asked for. `told`: its own title and comment, as in `out`.
    """

    out: Path
    width: int
    height: int
    frames: int
    rate: float
    shown: tuple[Shown, ...] = ()
    told: Mapping[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """How long the film is."""
        return self.frames / self.rate

    @property
    def synthetic(self) -> bool:
        """Whether the film says of itself that it is."""
        return says_synthetic(self.told)


def check_film(
    source: Path, out: Path, settings: Settings, rate: float | None = None, force: bool = False
) -> FilmFacts:
    """What is known of a film that can be magnified so, into `out`.

    Raises CallError for what is no film, does not allow the settings, or must not be written over.
    """
    if rate is not None and not (np.isfinite(rate) and rate > 0):
        raise CallError(f"rate {rate:g}: give frames per second")
    if rate is not None and source.is_file():
        raise CallError(f"rate {rate:g} is for folders of pictures; {source} tells its own")
    if out.suffix.lower() != ".mp4":
        raise CallError(f"what is written is an mp4 film: {out} must end in .mp4")
    if out.exists() and source.exists() and out.samefile(source):
        raise CallError(f"{out} is the film to be magnified; write to another file")
    check_free_file(out, force)
    facts = probe(source, rate)
    frames = facts.expected
    if frames is None and sum(1 for _ in islice(read_frames(source), 2)) < 2:
        frames = 1  # a picture, which some readers of films take as well
    settings.check(facts.width, facts.height, facts.rate, frames)
    return facts


def magnify_film(
    source: Path,
    out: Path,
    settings: Settings,
    *,
    rate: float | None = None,
    side_by_side: bool = False,
    show: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> Done:
    """Magnify a film, or a folder of numbered pictures, into an mp4 with the film's sound, title and comment.

    `rate`: frames per second of numbered pictures. `side_by_side`: the film as it was on the left, magnified on the
    right. `show`: hand back some frames to draw. A missing frame is the one before it. What the ideal filter cannot
    hold in memory lies beside `out` for the time. Raises CallError as `check_film` does, before anything is written.
    """
    facts = check_film(source, out, settings, rate, force)
    progress = progress or Silent()
    total = facts.expected or 0
    sound_rate = aac_rate(facts.sound_rate)
    wanted = _wanted(total, facts.rate) if show else range(0)
    shown: list[Shown] = []
    frames = 0
    with (
        progress.track(f"magnifying {source.name}", total) as advance,
        film_writer(out, facts.width * (1 + side_by_side), facts.height, facts.rate, sound_rate, facts.told) as film,
    ):
        sound = CopiedSound(film, source, sound_rate, progress.say)
        pictures = held_pictures(source, facts, progress.say, "magnified")
        for picture, magnified in magnify(pictures, settings, facts.rate, out.absolute().parent):
            film.write(np.concatenate([picture, magnified], 1) if side_by_side else magnified)
            if frames in wanted:
                shown.append((frames / facts.rate, _small(picture), _small(magnified)))
            frames += 1
            sound.up_to(frames / facts.rate)
            advance(1)
    return Done(out, facts.width, facts.height, frames, facts.rate, tuple(shown), facts.told)


def _wanted(frames: int, rate: float) -> range:
    """Numbers of the frames to show: the middle of a film whose length is known, else its beginning."""
    span = min(frames or SHOWN_S * rate, SHOWN_S * rate)
    step = max(1, int(span // SHOWN))
    first = max(0, (frames - step * SHOWN) // 2)
    return range(first, first + step * SHOWN, step)


def _small(picture: Picture) -> Picture:
    """A picture no wider than a drawing shows it."""
    import cv2

    height, width, _ = picture.shape
    if width <= SHOWN_PX:
        return picture
    size = (SHOWN_PX, max(1, round(height * SHOWN_PX / width)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
