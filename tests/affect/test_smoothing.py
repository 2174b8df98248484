"""Predictions smoothed over time."""

from __future__ import annotations

import numpy as np
import pytest

from cltool.affect.smoothing import smoothed

RATE = 25.0


@pytest.mark.parametrize("seconds", [0, 1e-200, 0.004])
def test_nothing_is_smoothed_by_zero_seconds_or_far_less_than_a_frame(seconds: float) -> None:
    values = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    assert smoothed(values, RATE, seconds) is values


def test_each_frame_is_the_gaussian_mean_of_those_seen() -> None:
    values = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    values[[3, 30, 31, 59]] = np.nan
    found = smoothed(values, RATE, 0.1)
    times = np.arange(60) / RATE
    seen = np.isfinite(values[:, 0])
    for frame in (0, 2, 29, 33, 58):
        weights = np.exp(-((times - times[frame]) ** 2) / (2 * 0.1**2)) * seen
        wanted = weights[seen] @ values[seen] / weights.sum()
        assert found[frame] == pytest.approx(wanted, abs=1e-3)  # the filter ends at four deviations
    assert np.isnan(found[~seen]).all()


def test_a_constant_stays_and_a_wave_does_not_lag() -> None:
    times = np.arange(250) / RATE
    wave = np.stack([np.full(250, 0.4), np.sin(times)], 1).astype(np.float32)
    found = smoothed(wave, RATE, 0.2)
    assert found[:, 0] == pytest.approx(0.4)
    inside = slice(25, -25)
    assert found[inside, 1] == pytest.approx(wave[inside, 1] * np.exp(-(0.2**2) / 2), abs=1e-3)


@pytest.mark.parametrize("seconds", [1e4, 1e308])
def test_more_seconds_than_there_are_give_the_mean(seconds: float) -> None:
    values = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
    assert smoothed(values, RATE, seconds) == pytest.approx(np.broadcast_to(values.mean(0), values.shape), abs=1e-4)
