"""The Mel spectrogram: librosa's own columns, each at its frame's time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import pytest
from numpy.typing import NDArray

from cltool.progress import Silent
from cltool.video.decoding import read_frames, read_sound
from cltool.video.encoding import film_writer
from cltool.video.films import Film
from cltool.video.modalities import Frames, Rows
from cltool_plugins.modalities.mel import COLUMNS, HOP, RATE, mel, spectrogram


@pytest.fixture
def sounding(tmp_path: Path) -> Callable[..., Film]:
    """Writes a grey film of 25 frames a second with the given samples at 44.1 kHz."""

    def make(samples: NDArray, seconds: float) -> Film:
        path = tmp_path / "film.mp4"
        with film_writer(path, 32, 32, 25, 44_100) as writer:
            for _ in range(round(25 * seconds)):
                writer.write(np.full((32, 32, 3), 128, np.uint8))
            writer.hear(samples.astype(np.float32))
        return Film("film", path, sound=path)

    return make


def rows_of(film: Film, count: int, rate: float = 25, **options: object) -> Rows:
    extractor = mel(film, Silent(), **options)
    parts = [
        extractor(Frames(first, np.arange(first, min(count, first + 32)) / rate, [None] * min(32, count - first)))
        for first in range(0, count, 32)
    ]
    extractor.close()
    rows = [part["mel"] for part in parts]
    return Rows(np.concatenate([r.values for r in rows]), np.concatenate([r.valid for r in rows]))


@pytest.mark.parametrize("htk", [True, False])
def test_columns_are_librosas(sounding: Callable, htk: bool) -> None:
    seconds = 2.5 * COLUMNS * HOP / RATE  # over the border of two parts
    film = sounding(np.random.default_rng(0).normal(0, 0.1, round(44_100 * seconds)), seconds)
    whole = np.concatenate(list(read_sound(film.sound, RATE)))
    options = {"sr": RATE, "n_fft": 2048, "hop_length": 512, "n_mels": 128, "window": "hann", "htk": htk}
    expected = librosa.feature.melspectrogram(y=whole, **options, center=True, pad_mode="constant").T
    found = np.concatenate(list(spectrogram(film.sound, htk)))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)


def test_htks_scale_is_the_thesis_equation() -> None:
    hertz = np.array([100.0, 700, 4000, 11_025])
    assert librosa.hz_to_mel(hertz, htk=True) == pytest.approx(2595 * np.log10(1 + hertz / 700))


def test_a_click_is_heard_in_its_own_frame(sounding: Callable) -> None:
    samples = np.zeros(44_100 * 2)
    for time in (0.2, 1.0, 1.52):
        samples[round(44_100 * time) : round(44_100 * time) + 200] = 0.9
    rows = rows_of(sounding(samples, 2), 50)
    power = rows.values.mean(1)
    for frame in (5, 25, 38):
        assert abs(int(np.argmax(power[frame - 3 : frame + 4])) - 3) * 0.04 <= HOP / RATE, frame


def test_a_higher_tone_is_in_a_higher_band(sounding: Callable) -> None:
    times = np.arange(44_100) / 44_100
    bands = [
        int(rows_of(sounding(np.sin(2 * np.pi * hertz * times) / 2, 1), 20).values[10].argmax())
        for hertz in (200, 800, 3200)
    ]
    centres = librosa.mel_frequencies(130, fmin=0, fmax=RATE / 2, htk=True)[1:-1]
    expected = [int(np.abs(centres - hertz).argmin()) for hertz in (200, 800, 3200)]
    assert bands == pytest.approx(expected, abs=1)


def test_decibels_keep_how_loud_a_film_is(sounding: Callable) -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(44_100) / 44_100)
    loud, soft = (
        rows_of(sounding(tone * amplitude, 1), 20, scaled=False).values[10].max() for amplitude in (0.5, 0.05)
    )
    assert loud - soft == pytest.approx(20, abs=0.5)
    assert rows_of(sounding(tone, 1), 20, scaled=False).values.max() < 40  # what `ceiling` says of the loudest
    scaled = rows_of(sounding(tone * 0.5, 1), 20).values[10].max()
    assert scaled == pytest.approx((loud + 60) / 100, abs=1e-3)
    power = rows_of(sounding(tone * 0.5, 1), 20, decibel=False, scaled=False).values[10].max()
    assert 10 * np.log10(power) == pytest.approx(loud, abs=1e-3)


def test_frames_after_the_sounds_end_are_masked(sounding: Callable) -> None:
    rows = rows_of(sounding(np.random.default_rng(0).normal(0, 0.1, 44_100), 2), 50)
    assert rows.valid[:25].all()
    assert not rows.valid[29:].any()  # the encoder's last block may go on for a little
    assert not rows.values[~rows.valid].any()


def test_a_film_without_sound_is_masked(tmp_path: Path) -> None:
    path = tmp_path / "silent.mp4"
    with film_writer(path, 32, 32, 25) as writer:
        writer.write(np.zeros((32, 32, 3), np.uint8))
    for film in (Film("silent", path, sound=path), Film("silent", path)):
        assert not rows_of(film, 3).valid.any()


def test_every_frame_of_a_real_film_is_heard(grid: list[Path]) -> None:
    path = grid[0]
    count = sum(1 for _ in read_frames(path))
    rows = rows_of(Film("talk", path, sound=path), count)
    assert (len(rows), int(rows.valid.sum())) == (75, 75)
    loud = rows.values.mean(1)
    assert loud[30:55].mean() > loud[:8].mean() + 0.1  # somebody speaks in the middle
