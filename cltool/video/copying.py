"""What a film made of another takes over as it is: one picture for every frame, and its sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cltool.video.decoding import FilmFacts, read_frames, read_sound
from cltool.video.encoding import FilmWriter
from cltool.video.modalities import Picture

AAC_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000)
UNEVEN_S = 0.5  # how far frames may be from their place at an even pace before it is told


def aac_rate(rate: int | None) -> int | None:
    """The rate in Hz, of those that AAC knows, nearest to a film's; None for a silent one.

    >>> aac_rate(44_056), aac_rate(None)
    (44100, None)
    """
    return rate and min(AAC_RATES, key=lambda known: abs(known - rate))


def held_pictures(source: Path, facts: FilmFacts, note: Callable[[str], None], done: str) -> Iterator[Picture]:
    """A film's pictures, one for every frame: where one is missing the last one stays, or the first comes early.

    `note` is told of missing frames, and of frames that come unevenly; `done`: what was done with pictures, as
    in "4 frames are missing; the ones before were magnified in their place". Raises CallError for what is no film.
    """
    last: Picture | None = None
    early = missing = 0
    uneven = False
    for number, (time, picture) in enumerate(read_frames(source, note, facts.rate)):
        if not uneven and abs(time - number / facts.rate) > UNEVEN_S:
            uneven = True
            note(f"{source}: frames come unevenly and are written {facts.rate:g} per second; sound may be off")
        missing += picture is None
        last = last if picture is None else picture
        early += 1
        if last is not None:
            for _ in range(early):
                yield last
            early = 0
    if missing:
        note(f"{source}: {missing} frames are missing; the ones before were {done} in their place")


class CopiedSound:
    """A film's sound, written into another as far as its pictures are. Nothing is where the film is silent.

    `rate` in Hz, of the sound track that `film` was opened with, None for a silent one.
    """

    def __init__(self, film: FilmWriter, source: Path, rate: int | None, note: Callable[[str], None]) -> None:
        self._film, self._rate = film, rate or 1
        self._blocks: Iterator[NDArray[np.float32]] = read_sound(source, rate, note) if rate else iter(())
        self._heard = 0

    def up_to(self, seconds: float) -> None:
        """Write what is heard before this moment, in seconds from the first frame."""
        while self._heard < seconds * self._rate and (block := next(self._blocks, None)) is not None:
            self._heard += len(block)
            self._film.hear(block)
