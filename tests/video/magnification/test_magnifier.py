"""Magnifying picture by picture: as many as came, in order, in memory that does not grow."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cltool.video.magnification import COLOUR, MOTION, Magnifier, Settings, eulerian, magnify

RATE = 8.0  # ten seconds are 80 frames
FAST = [replace(s, high=3.5, filter=f) for s in (COLOUR, MOTION) for f in ("ideal", "butterworth")]
all_ways = pytest.mark.parametrize("settings", FAST, ids=[f"{s.method} {s.filter}" for s in FAST])


def film(frames: int, size: tuple[int, int] = (24, 36)) -> Iterator[NDArray[np.uint8]]:
    rng = np.random.default_rng(3)
    for _ in range(frames):
        yield rng.integers(80, 180, (*size, 3), np.uint8)


@all_ways
@pytest.mark.parametrize("frames", [0, 1, 2, 79, 80, 81, 200])
def test_every_picture_comes_back_once_and_in_order(settings: Settings, frames: int) -> None:
    pairs = list(magnify(film(frames), settings, RATE))
    assert len(pairs) == frames
    for wanted, (before, after) in zip(film(frames), pairs, strict=True):
        assert (before == wanted).all()
        assert after.dtype == np.uint8
        assert after.shape == wanted.shape


@all_ways
def test_a_magnifier_gives_what_magnify_gives(settings: Settings) -> None:
    magnifier = Magnifier(settings, RATE)
    one_by_one = [after for picture in film(100) for after in magnifier(picture)]
    assert len(one_by_one) == (20 if settings.filter == "ideal" else 100)
    one_by_one += magnifier.finish()
    at_once = [after for _, after in magnify(film(100), settings, RATE)]
    assert (np.stack(one_by_one) == np.stack(at_once)).all()
    assert any((after != before).any() for before, after in zip(film(100), at_once, strict=True))
    assert magnifier.finish() == []


@all_ways
def test_pictures_may_come_in_the_same_memory(settings: Settings) -> None:
    """As from a decoder that writes every frame into one buffer."""
    buffer = np.empty((24, 36, 3), np.uint8)

    def through_a_buffer() -> Iterator[NDArray[np.uint8]]:
        for picture in film(90):
            buffer[:] = picture
            yield buffer

    found = [after for _, after in magnify(through_a_buffer(), settings, RATE)]
    wanted = [after for _, after in magnify(film(90), settings, RATE)]
    assert (np.stack(found) == np.stack(wanted)).all()


def test_bytes_are_rounded_and_stay_within_their_range() -> None:
    bright = np.arange(60)[:, None, None, None] % 4 * 80 + np.zeros((1, 8, 8, 3))  # 2 Hz between 0 and 240
    settings = replace(COLOUR, high=3.5)
    floats = np.stack([after for _, after in magnify(bright.astype(np.float32), settings, RATE)])
    found = np.stack([after for _, after in magnify(bright.astype(np.uint8), settings, RATE)])
    assert floats.max() > 300
    assert (found == floats.round().clip(0, 255)).all()


def test_what_is_large_waits_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(MOTION, high=3.5)
    wanted = [after for _, after in magnify(film(170), settings, RATE)]
    monkeypatch.setattr(eulerian, "MEMORY", 1000)
    monkeypatch.setattr(eulerian, "InMemory", None)
    found = [after for _, after in magnify(film(170), settings, RATE, tmp_path)]
    assert (np.stack(found) == np.stack(wanted)).all()
    assert list(tmp_path.iterdir()) == []


@all_ways
def test_memory_does_not_grow_with_the_film(settings: Settings) -> None:
    def peak(frames: int) -> int:
        tracemalloc.start()
        try:
            for _ in magnify(film(frames), settings, RATE):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)  # whatever is imported
    assert peak(500) < 1.02 * peak(170) + 200_000  # bytes; 330 frames more are 860,000


def test_a_film_too_short_for_its_band_comes_back_as_it_is() -> None:
    pictures = list(film(3))
    found = [after for _, after in magnify(pictures, replace(COLOUR, low=0.8, high=1.2), RATE)]
    assert (np.stack(found) == np.stack(pictures)).all()
