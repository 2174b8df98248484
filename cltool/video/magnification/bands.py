"""Band-passes over time that take a row of numbers per frame and give one back, at once or some frames later."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cltool.video.magnification.settings import Settings, in_band
from cltool.video.magnification.shelves import Shelf

Floats = NDArray[np.float32]

WINDOW_S = 10.0  # seconds of film whose spectrum is cut at once
WINDOW_PERIODS = 4  # and so many periods of the band's low end, where that takes longer


class Band(Protocol):
    """A filter over time at work on one film."""

    delay: int

    def __call__(self, row: Floats) -> Floats | None:
        """Take the next frame's row, float32 [P]; give the filtered row of `delay` frames before, if there was one."""

    def finish(self) -> Iterator[Floats]:
        """The rows still owed."""


class Butterworth:
    """Causal band-pass of two poles, as steep as the paper's; delays nothing. 3 dB less at both ends of the band.

    It starts as if the first frame had been seen for ever: a still picture stays as it is, from the first frame on.

    >>> band = Butterworth(Settings(filter="butterworth"), rate=25)
    >>> bool(np.abs([band(np.full(3, 100, np.float32)) for _ in range(50)]).max() < 1e-3)
    True
    """

    delay = 0

    def __init__(self, settings: Settings, rate: float) -> None:
        from scipy.signal import butter

        ((*b, _, a1, a2),) = butter(1, [settings.low, settings.high], "bandpass", fs=rate, output="sos")
        self._b, self._a = np.array(b, np.float32), np.array([a1, a2], np.float32)
        self._now = self._next = np.zeros(0, np.float32)  # the direct form's two delays (transposed, II)

    def __call__(self, row: Floats) -> Floats:
        if not len(self._next):
            self._now, self._next = (self._b[1] + self._b[2]) * row, self._b[2] * row
        filtered = self._b[0] * row + self._now
        # scipy.signal.sosfilt does the same, and takes several times as long for many numbers of one frame
        self._now = self._b[1] * row - self._a[0] * filtered + self._next
        self._next = self._b[2] * row - self._a[1] * filtered
        return filtered

    def finish(self) -> Iterator[Floats]:
        """Nothing is owed."""
        return iter(())


class Ideal:
    """Cuts the spectrum of windows of frames to the band; windows overlap by half and are faded into each other.

    `half` is h, half a window in frames. A film of up to 2 h frames is one window: a plain Fourier transform of the
    whole film, as in the authors' program. Of a longer one windows begin every h frames, and the last ends with the
    film and is the shorter for it. A fade gives least weight to a window's ends, where cutting a spectrum goes wrong.

    `shelf` holds 3 h rows, which is all the memory there is: the raw halves of even and of odd number, each of which
    is overwritten by its own result once no window needs it, and then, as its rows are given away one by one, by the
    half after next; and the later half of the last window's result, which waits for the next window.
    """

    def __init__(self, settings: Settings, rate: float, width: int, shelf: Shelf) -> None:
        self._settings, self._rate, self._width, self._shelf = settings, rate, width, shelf
        self.half = half_window(settings, rate)
        self.delay = 2 * self.half
        self._count = 0
        self._fade = np.sin(np.pi / 2 * (np.arange(self.half) + 0.5) / self.half).astype(np.float32)[:, None] ** 2

    def __call__(self, row: Floats) -> Floats | None:
        number, place = divmod(self._count, self.half)
        slot = self._start(number) + place
        ready = next(self._rows(slot, 1)) if number >= 2 else None
        self._shelf.put(slot, row[None])
        self._count += 1
        if place == self.half - 1 and number >= 1:
            self._cut(number - 1, self.half, self.half)
        return ready

    def finish(self) -> Iterator[Floats]:
        """The rows still owed: those of two halves and of what came after them, or of the whole of a short film."""
        number, left = divmod(self._count, self.half)  # the half under way, and how many of its rows came
        if number >= 2:
            yield from self._rows(self._start(number) + left, self.half - left)
        if number >= 2 and not left:
            yield from self._rows(2 * self.half, self.half)
        elif self._count:
            first, early = max(0, number - 1), min(self._count, self.half)
            late = left if number else 0
            self._cut(first, early, late)
            yield from self._rows(self._start(first), early)
            yield from self._rows(2 * self.half, late)

    def _cut(self, number: int, early: int, late: int) -> None:
        """The window of `early` rows of a half and of `late` rows of the next one: both results take their places."""
        together = self._shelf.together
        for start in range(0, self._width, together):
            columns = slice(start, min(start + together, self._width))
            halves = ((self._start(number), early), (self._start(number + 1), late))
            rows = np.concatenate([self._shelf.take(place, count, columns) for place, count in halves])
            filtered = cut_spectrum(rows, self._settings, self._rate)
            if number:
                before = self._shelf.take(2 * self.half, early, columns)
                filtered[:early] = before + self._fade * (filtered[:early] - before)
            self._shelf.put(self._start(number), filtered[:early], start)
            self._shelf.put(2 * self.half, filtered[early:], start)

    def _start(self, number: int) -> int:
        """Where a raw half lies on the shelf."""
        return number % 2 * self.half

    def _rows(self, first: int, count: int) -> Iterator[Floats]:
        for row in range(first, first + count):
            yield self._shelf.take(row, 1, slice(0, self._width))[0]


def half_window(settings: Settings, rate: float) -> int:
    """Frames in half a window of the ideal filter.

    >>> half_window(Settings(), 25), half_window(Settings(low=0.1), 25)
    (125, 500)
    """
    return math.ceil(max(WINDOW_S, WINDOW_PERIODS / settings.low) * rate / 2)


def cut_spectrum(rows: Floats, settings: Settings, rate: float) -> Floats:
    """Rows [n, P] of `rate` per second with nothing left of them but the frequencies of the band.

    The band is kept on both sides of the spectrum. The authors' program keeps the positive side and takes the real
    part, which is half of it: `reference_compat`.

    >>> wave = np.sin(2 * np.pi * 1.2 * np.arange(250) / 25).astype(np.float32)[:, None]
    >>> bool(np.allclose(cut_spectrum(7 + wave, Settings(), 25), wave, atol=1e-5))
    True
    """
    from scipy.fft import irfft, rfft

    spectrum = rfft(rows, axis=0, overwrite_x=True)
    kept = [in_band(settings, number * rate / len(rows)) for number in range(len(spectrum))]
    spectrum[~np.array(kept)] = 0
    if settings.reference_compat:
        spectrum *= np.float32(0.5)
    return irfft(spectrum, n=len(rows), axis=0, overwrite_x=True)
