"""Films magnified picture by picture, in memory that does not grow with their length."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cltool.errors import CallError
from cltool.video.magnification.bands import Band, Butterworth, Ideal, half_window
from cltool.video.magnification.pyramids import Floats, Pyramid
from cltool.video.magnification.settings import Settings
from cltool.video.magnification.shelves import InMemory, OnDisk, Shelf

AnyPicture = NDArray[Any]  # uint8 or float32
Pair = tuple[AnyPicture, AnyPicture]

MEMORY = 512 << 20  # bytes; what an ideal filter remembers beyond that, it remembers in a file


class Magnifier:
    """Takes a film's pictures in order, one at a time, and gives them back magnified, in order and as many.

    Pictures are RGB [H, W, 3], all of one size: uint8, or float32 in any unit, which is not clipped. `rate` in frames
    per second. Raises CallError at the first picture where its size or the rate does not allow the settings.

    The Butterworth filter gives every picture back at once. The ideal one gives picture n back with picture n + 2 h,
    2 h being the frames of ten seconds (of four periods of a band that begins below 0.4 Hz); what it has to remember of
    large pictures goes to a temporary file in the folder `scratch`.

    >>> from cltool.video.magnification import COLOUR
    >>> magnifier = Magnifier(COLOUR, rate=25)
    >>> still = [np.full((32, 32, 3), 100, np.uint8)] * 30
    >>> magnified = [found for picture in still for found in magnifier(picture)] + magnifier.finish()
    >>> len(magnified), bool((np.stack(magnified) == 100).all())
    (30, True)
    """

    def __init__(self, settings: Settings, rate: float, scratch: Path | None = None) -> None:
        self.settings, self.rate = settings, rate
        self._scratch = scratch
        self._film: _Film | None = None

    def __call__(self, picture: AnyPicture) -> list[AnyPicture]:
        """Take the next picture; give the magnified ones that are ready."""
        return [magnified for _, magnified in self.take(picture)]

    def finish(self) -> list[AnyPicture]:
        """The magnified pictures still owed, after the last one. Of large pictures, `rest` gives one at a time."""
        return [magnified for _, magnified in self.rest()]

    def take(self, picture: AnyPicture) -> list[Pair]:
        """As a call, but every magnified picture comes with the one it was made from before it."""
        if self._film is None:
            self._film = _Film(self.settings, self.rate, picture, self._scratch)
        return self._film.take(picture)

    def rest(self) -> Iterator[Pair]:
        """As `finish`, a pair at a time, each made when it is asked for."""
        film, self._film = self._film, None
        if film is not None:
            yield from film.rest()


def magnify(
    pictures: Iterable[AnyPicture], settings: Settings, rate: float, scratch: Path | None = None
) -> Iterator[Pair]:
    """Every picture of a film with its magnified one, in order: `Magnifier` for whoever has an iterator.

    >>> from cltool.video.magnification import MOTION
    >>> grey = np.full((32, 32, 3), 100, np.uint8)
    >>> [bool((magnified == picture).all()) for picture, magnified in magnify([grey] * 3, MOTION, rate=25)]
    [True, True, True]
    """
    magnifier = Magnifier(settings, rate, scratch)
    for picture in pictures:
        yield from magnifier.take(picture)
    yield from magnifier.rest()


class _Film:
    """A film at work, whose pictures' size is known."""

    def __init__(self, settings: Settings, rate: float, picture: AnyPicture, scratch: Path | None) -> None:
        if picture.dtype not in (np.uint8, np.float32) or picture.ndim != 3 or picture.shape[2] != 3:
            raise CallError(f"a picture must be uint8 or float32 [H, W, 3], not {picture.dtype} {list(picture.shape)}")
        height, width, _ = self._shape = picture.shape
        settings.check(width, height, rate)
        self._dtype, self._count = picture.dtype, 0
        self._pyramid = Pyramid(settings, (height, width))
        self._band, self._pictures = self._remember(settings, rate, scratch)

    def _remember(self, settings: Settings, rate: float, scratch: Path | None) -> tuple[Band, Shelf]:
        """The filter, and where pictures wait for it; what is large goes to a file."""
        if settings.filter == "butterworth":
            return Butterworth(settings, rate), InMemory(0, 0, self._dtype)
        numbers, half = self._pyramid.width, half_window(settings, rate)
        values = math.prod(self._shape)
        if 3 * half * numbers * 4 + 2 * half * values * self._dtype.itemsize > MEMORY:
            rows: Shelf = OnDisk(numbers, np.float32, scratch)
            pictures: Shelf = OnDisk(values, self._dtype, scratch)
        else:
            rows, pictures = InMemory(3 * half, numbers, np.float32), InMemory(2 * half, values, self._dtype)
        return Ideal(settings, rate, numbers, rows), pictures

    def take(self, picture: AnyPicture) -> list[Pair]:
        if picture.shape != self._shape or picture.dtype != self._dtype:
            raise CallError(
                f"picture {self._count} is {picture.dtype} {list(picture.shape)}, and the first was {self._dtype} "
                f"{list(self._shape)}; all must be alike"
            )
        change = self._band(self._pyramid.down(picture))
        if self._band.delay:
            waited = self._waiting(self._count) if change is not None else picture
            self._pictures.put(self._count % self._band.delay, picture.reshape(1, -1))
        else:
            waited = picture.copy()  # the caller may read the next one into the same memory
        self._count += 1
        return [] if change is None else [self._pair(waited, change)]

    def rest(self) -> Iterator[Pair]:
        for number, change in enumerate(self._band.finish(), max(0, self._count - self._band.delay)):
            yield self._pair(self._waiting(number), change)

    def _waiting(self, number: int) -> AnyPicture:
        return self._pictures.take(number % self._band.delay, 1, slice(None)).reshape(self._shape)

    def _pair(self, picture: AnyPicture, row: Floats) -> Pair:
        change = self._pyramid.up(row)
        if self._dtype == np.uint8:
            # rounds, and stays within 0 to 255
            return picture, np.asarray(cv2.add(picture, change, dtype=cv2.CV_8U), np.uint8)
        return picture, picture + change
