"""Valence and arousal through a film: paths by lot, or stretches of what somebody has annotated."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cltool import CallError
from cltool.files import sha256
from cltool.video.films import OUTPUTS
from cltool_plugins.puppet.noise import lot, smooth_noise

WIDEST = 0.95  # values that paths by lot come near to
SLOW_S, QUICK_S = 2.0, 0.6  # in which a path by lot turns, and in which a smaller one on top of it does
RATE = 20.0  # annotations a second where the file does not tell: CASE's
SCAN = 5.0  # values a second that tell how much a stretch moves
STILL = 0.01  # added to that, so that stretches without any movement come last in some order
NEUTRAL, SPAN = 5.0, 4.5  # CASE's scale, 0.5 to 9.5


class Trace(NamedTuple):
    """Valence and arousal of a film's frames, [T, 2] in [-1, 1], and where they come from."""

    values: NDArray[np.float64]
    origin: Mapping[str, Any]


Source = Callable[[int], Trace]  # a film's trace by its number


def wandering(rng: np.random.Generator, frames: int, rate: float) -> NDArray[np.float64]:
    """A path of valence and arousal, [T, 2], smooth, every value between ±0.95 as likely as any other.

    >>> path = wandering(np.random.default_rng(0), 500, 25)
    >>> path.shape, bool(abs(path).max() < 0.95), bool(abs(np.diff(path, axis=0)).max() < 0.2)
    ((500, 2), True, True)
    """
    from scipy.special import erf

    ways = [
        0.85 * smooth_noise(rng, frames, SLOW_S * rate)
        + np.sqrt(1 - 0.85**2) * smooth_noise(rng, frames, QUICK_S * rate)
        for _ in OUTPUTS
    ]
    return WIDEST * erf(np.stack(ways, 1) / np.sqrt(2))


def random_traces(frames: int, rate: float, seed: int) -> Source:
    """Every film wanders on its own."""

    def trace(film: int) -> Trace:
        return Trace(wandering(lot(seed, "trace", film), frames, rate), {"from": "random"})

    return trace


def recorded_traces(path: Path, films: int, seconds: float, rate: float, seed: int) -> Source:
    """Every film takes a stretch of a file of its own. Raises CallError: see `read_recording`."""
    recording = read_recording(path, films, seconds)
    starts = recording.starts(seconds, seed)

    def trace(film: int) -> Trace:
        start = float(starts[film])
        origin = {"from": path.name, "sha256": recording.sha256, "start_s": round(start, 3)}
        return Trace(recording.between(start, round(seconds * rate), rate), origin)

    return trace


@dataclass(frozen=True, eq=False)
class Recording:
    """Annotations of valence and arousal, one after another: `values` [N, 2] in [-1, 1] at `seconds` [N]."""

    seconds: NDArray[np.float64]
    values: NDArray[np.float64]
    sha256: str

    @property
    def length(self) -> float:
        """Seconds until the last annotation, which holds as long as others do on average, is over."""
        return float((self.seconds[-1] - self.seconds[0]) * len(self.seconds) / max(len(self.seconds) - 1, 1))

    def starts(self, seconds: float, seed: int) -> NDArray[np.float64]:
        """Where stretches that do not overlap begin, in seconds: as many as there are, in the order films take them.

        The order is by lot, weighted by the square of how much a stretch moves, so that what moves comes first.
        """
        count = int(self.length / seconds + 1e-9)
        spare = max(self.length - count * seconds, 0.0)
        starts = self.seconds[0] + spare * lot(seed, "cut").random() + seconds * np.arange(count)
        movement = np.array([self.between(start, round(seconds * SCAN), SCAN).std(0).sum() for start in starts])
        keys = lot(seed, "stretches").exponential(size=count) / (movement + STILL) ** 2
        return np.asarray(starts[np.argsort(keys)])

    def between(self, start: float, frames: int, rate: float) -> NDArray[np.float64]:
        """Values from a time on, [frames, 2], `rate` a second, linear between annotations."""
        times = start + np.arange(frames) / rate
        return np.stack([np.interp(times, self.seconds, column) for column in self.values.T], 1)


def read_recording(path: Path, films: int, seconds: float) -> Recording:
    """Read a CSV file with columns `valence` and `arousal`, 0.5 to 9.5, in which 5 is neutral, as CASE's are.

    `jstime`, in milliseconds, tells when each was given; without it they are 20 a second. Raises CallError: no such
    file, columns missing, a value that is no number or out of range, times that do not rise, or too short for `films`
    films of so many seconds, each with a stretch of its own.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CallError(f"traces {path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    columns = list(rows[0]) if rows else []
    if absent := [name for name in OUTPUTS if name not in columns]:
        raise CallError(f"traces {path} have no column {' and no '.join(absent)}; give CSV as jstime,valence,arousal")
    values = np.stack([_numbers(rows, name, path) for name in OUTPUTS], 1)
    if ((values < NEUTRAL - SPAN) | (values > NEUTRAL + SPAN)).any():
        raise CallError(
            f"traces {path}: values run from {values.min():g} to {values.max():g}; "
            "they must lie between 0.5 and 9.5, where 5 is neutral"
        )
    at = _numbers(rows, "jstime", path) / 1000 if "jstime" in columns else np.arange(len(rows)) / RATE
    if (np.diff(at) <= 0).any():
        raise CallError(f"traces {path}: jstime must rise from row to row")
    recording = Recording(at, (values - NEUTRAL) / SPAN, sha256(path))
    if recording.length < films * seconds - 1e-9:
        what = f"a film {seconds:g} s" if recording.length < seconds else f"{films} films {films * seconds:g} s"
        raise CallError(f"traces {path} last {recording.length:.1f} s, {what}; give longer traces, or ask for less")
    return recording


def _numbers(rows: list[dict[str, str]], name: str, path: Path) -> NDArray[np.float64]:
    numbers = np.empty(len(rows))
    for number, row in enumerate(rows):
        try:
            numbers[number] = float(row[name])
        except (TypeError, ValueError):
            raise CallError(f"traces {path}, row {number + 2}: {name} is {row[name]!r}, not a number") from None
    if not np.isfinite(numbers).all():
        raise CallError(f"traces {path}, row {int(np.argmin(np.isfinite(numbers))) + 2}: {name} is not a number")
    return numbers
