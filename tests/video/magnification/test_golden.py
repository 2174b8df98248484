"""The thesis' checks: 300 frames at 30 per second, an ideal band of .8 to 3 Hz, alpha 5."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from cltool.video.magnification import COLOUR, MOTION, Settings, magnify

RATE, FRAMES = 30.0, 300
TIMES = np.arange(FRAMES) / RATE
BAND = replace(MOTION, low=0.8, high=3.0)


def magnified(pictures: Iterable[NDArray], settings: Settings) -> NDArray:
    return np.stack([after for _, after in magnify(pictures, settings, RATE)])


def amplitude(values: NDArray, frequency: float) -> float:
    """Of a sine of some Hz within values [300] or [300, …], there at every place."""
    wave = np.exp(-2j * np.pi * frequency * TIMES)
    return float(np.abs(2 * np.tensordot(wave, values, 1) / FRAMES).mean())


def pulse(frequency: float, size: float = 0.01) -> NDArray[np.float32]:
    """Grey pictures [300, 40, 52, 3] around .5 that grow lighter and darker."""
    grey = 0.5 + size * np.sin(2 * np.pi * frequency * TIMES)
    return np.broadcast_to(grey[:, None, None, None], (FRAMES, 40, 52, 3)).astype(np.float32)


def grating(shift: NDArray[np.floating], size: tuple[int, int] = (96, 160), wavelength: float = 64) -> NDArray:
    """Pictures [300, H, W, 3] of a sine of grey along x, moved to the right by so many pixels."""
    x = np.arange(size[1]) - shift[:, None]
    grey = 0.5 + 0.4 * np.sin(2 * np.pi * x / wavelength)
    return np.broadcast_to(grey[:, None, :, None], (FRAMES, *size, 3)).astype(np.float32)


def displacement(pictures: NDArray, wavelength: float = 64) -> float:
    """Pixels: how far a grating moves to either side at 1.2 Hz, from its phase over whole waves of the middle row."""
    width = int(pictures.shape[2] // wavelength * wavelength)
    wave = np.exp(-2j * np.pi * np.arange(width) / wavelength)
    phase = np.unwrap(np.angle(pictures[:, pictures.shape[1] // 2, :width, 0] @ wave))
    return amplitude(phase, 1.2) * wavelength / (2 * np.pi)


def test_a_pulse_within_the_band_becomes_six_times_as_large() -> None:
    assert amplitude(magnified(pulse(1.2), COLOUR), 1.2) == pytest.approx(0.060, rel=0.01)


def test_a_pulse_below_the_band_stays_as_it_is() -> None:
    assert amplitude(magnified(pulse(0.3), COLOUR), 0.3) / 0.01 == pytest.approx(1, abs=0.0005)


def test_the_band_holds_its_ends_and_nothing_beside_them() -> None:
    gains = {f: amplitude(magnified(pulse(f), COLOUR), f) / 0.01 for f in (0.7, 0.8, 3.0, 3.1)}
    assert gains == pytest.approx({0.7: 1, 0.8: 6, 3.0: 6, 3.1: 1}, rel=0.001)


def test_the_authors_program_adds_half_as_much_and_leaves_out_the_ends() -> None:
    settings = replace(COLOUR, reference_compat=True)
    assert amplitude(magnified(pulse(1.2), settings), 1.2) == pytest.approx(0.035, rel=0.01)
    assert amplitude(magnified(pulse(0.8), settings), 0.8) == pytest.approx(0.01, rel=0.01)


def test_a_pulse_is_magnified_through_bytes() -> None:
    pictures = (pulse(1.2, 0.02) * 255).round().astype(np.uint8)
    found = magnified(pictures, COLOUR)
    assert found.dtype == np.uint8
    assert amplitude(found / 255, 1.2) == pytest.approx(0.12, rel=0.02)


@pytest.mark.parametrize("filter_", ["ideal", "butterworth"])
@pytest.mark.parametrize("settings", [COLOUR, MOTION], ids=["colour", "motion"])
def test_alpha_zero_gives_back_what_came(settings: Settings, filter_: str) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (40, 31, 45, 3), np.uint8)
    settings = replace(settings, alpha=0, filter=filter_)
    assert (magnified(pictures, settings) == pictures).all()
    floats = pictures / np.float32(255)
    assert (magnified(floats, settings) == floats).all()


@pytest.mark.parametrize("size", [(96, 160), (64, 192), (101, 130)])
def test_a_moving_grating_moves_six_times_as_far(size: tuple[int, int]) -> None:
    shift = 0.25 * np.sin(2 * np.pi * 1.2 * TIMES)
    pictures = grating(shift, size)
    assert displacement(pictures) == pytest.approx(0.25, abs=0.001)
    assert displacement(magnified(pictures, BAND)) == pytest.approx(1.49, abs=0.02)


def test_a_grating_that_moves_down_does_so_too() -> None:
    shift = 0.25 * np.sin(2 * np.pi * 1.2 * TIMES)
    down = grating(shift).transpose(0, 2, 1, 3)
    assert displacement(magnified(down, BAND).transpose(0, 2, 1, 3)) == pytest.approx(1.49, abs=0.02)


def test_waves_below_the_cutoff_are_magnified_less() -> None:
    shift = 0.25 * np.sin(2 * np.pi * 1.2 * TIMES)
    pictures = grating(shift, (48, 128))
    found = [displacement(magnified(pictures, replace(BAND, cutoff=cutoff))) for cutoff in (16, 100, 700)]
    assert found[0] - 0.3 > found[1] > found[2] + 0.3
    assert found[2] == pytest.approx(0.25, abs=0.02)


def test_motion_leaves_the_whole_pictures_brightness_as_it_is() -> None:
    assert amplitude(magnified(pulse(1.2), BAND), 1.2) == pytest.approx(0.01, rel=1e-3)
