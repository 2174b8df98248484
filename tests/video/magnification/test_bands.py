"""Filters over time against scipy's and numpy's on the whole film, and where windows meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from cltool.video.magnification import COLOUR, Settings
from cltool.video.magnification.bands import Band, Butterworth, Ideal, half_window
from cltool.video.magnification.shelves import InMemory, OnDisk

RATE = 20.0
HALF = half_window(COLOUR, RATE)  # 100 frames


def ideal(width: int, settings: Settings = COLOUR, folder: Path | None = None) -> Ideal:
    half = half_window(settings, RATE)
    shelf = OnDisk(width, np.float32, folder) if folder else InMemory(3 * half, width, np.float32)
    return Ideal(settings, RATE, width, shelf)


def filtered(band: Band, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    found = [band(row) for row in rows]
    given = [row for row in found if row is not None]
    assert [row is not None for row in found] == [number >= band.delay for number in range(len(rows))]
    return np.stack([*given, *band.finish()])


def noise(frames: int, width: int = 3) -> NDArray[np.float32]:
    return np.random.default_rng(frames).normal(size=(frames, width)).astype(np.float32)


def plain(rows: NDArray, settings: Settings = COLOUR) -> NDArray:
    """The whole film's spectrum, cut."""
    spectrum, frequencies = np.fft.fft(rows, axis=0), np.abs(np.fft.fftfreq(len(rows), 1 / RATE))
    inside = (frequencies >= settings.low - 1e-9) & (frequencies <= settings.high + 1e-9)
    return np.fft.ifft(spectrum * inside[:, None], axis=0).real


@pytest.mark.parametrize("frames", [1, 2, 50, HALF - 1, HALF, HALF + 1, 173, 2 * HALF - 1, 2 * HALF])
def test_a_film_of_one_window_is_one_plain_transform(frames: int) -> None:
    rows = noise(frames)
    assert filtered(ideal(3), rows) == pytest.approx(plain(rows), abs=1e-5)


def in_windows(rows: NDArray) -> NDArray:
    """What windows of a longer film come to: all of them, each with its fade, added up."""
    total = np.zeros(rows.shape)
    starts: Sequence[int] = range(0, len(rows) - HALF, HALF)
    rise = np.sin(np.pi / 2 * (np.arange(HALF) + 0.5) / HALF)[:, None] ** 2
    for start in starts:
        window = plain(rows[start : start + 2 * HALF])
        if start != starts[0]:
            window[:HALF] *= rise
        if start != starts[-1]:
            window[HALF:] *= 1 - rise
        total[start : start + len(window)] += window
    return total


@pytest.mark.parametrize("frames", [2 * HALF + 1, 250, 3 * HALF, 3 * HALF + 7, 4 * HALF, 5 * HALF - 1, 777])
def test_a_longer_film_is_windows_faded_into_each_other(frames: int) -> None:
    rows = noise(frames)
    assert filtered(ideal(3), rows) == pytest.approx(in_windows(rows), abs=1e-5)


def test_a_wave_is_followed_over_all_windows() -> None:
    """1.2 Hz do not fit windows of all lengths, but no seam shows."""
    wave = np.sin(2 * np.pi * 1.23 * np.arange(1234) / RATE)[:, None]
    found = filtered(ideal(1), wave.astype(np.float32))
    assert np.abs(found - wave)[100:-100].max() < 0.04


def test_rows_wider_than_what_is_transformed_together_and_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = noise(333, 10)
    wanted = filtered(ideal(10), rows)
    monkeypatch.setattr(InMemory, "together", 4)
    monkeypatch.setattr(OnDisk, "together", 3)
    assert (filtered(ideal(10), rows) == wanted).all()
    assert (filtered(ideal(10, folder=tmp_path), rows) == wanted).all()
    assert list(tmp_path.iterdir()) == []


def test_a_window_holds_periods_of_a_slow_band() -> None:
    settings = replace(COLOUR, low=0.1)
    rows = noise(2 * half_window(settings, RATE))
    assert len(rows) == 800
    assert filtered(ideal(3, settings), rows) == pytest.approx(plain(rows, settings), abs=1e-5)


def test_nothing_comes_of_nothing() -> None:
    assert list(ideal(3).finish()) == []
    assert list(Butterworth(COLOUR, RATE).finish()) == []


def test_butterworth_is_scipys_on_a_film_that_stood_still_before() -> None:
    rows = noise(300) + 50
    before = np.repeat(rows[:1], 2000, axis=0)
    sections = butter(1, [0.8, 3], "bandpass", fs=RATE, output="sos")
    wanted = sosfilt(sections, np.concatenate([before, rows]), axis=0)[2000:]
    assert filtered(Butterworth(COLOUR, RATE), rows) == pytest.approx(wanted, abs=1e-4)


def test_butterworth_has_three_decibels_less_at_the_ends() -> None:
    times = np.arange(4000) / RATE
    for frequency, wanted in ((0.8, 0.5**0.5), (3.0, 0.5**0.5), (1.6, 1.0), (0.1, 0.1)):
        wave = np.sin(2 * np.pi * frequency * times)[:, None].astype(np.float32)
        found = filtered(Butterworth(COLOUR, RATE), wave)[2000:]
        assert np.abs(found).max() == pytest.approx(wanted, abs=0.05)
