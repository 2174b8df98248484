"""The voice: what arousal does to it, and that it is the same however it is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from cltool_plugins.puppet.noise import lot
from cltool_plugins.puppet.voice import CONTROL, VOWELS, Speech, Voice, syllables

RATE = 16000
STEADY = Voice(pitch=140.0, formants=1.0, breath=0.0)
LEVELS = (-1.0, -0.5, 0.0, 0.5, 1.0)


def said(arousal: float, valence: float = 0.0, voice: Voice = STEADY, seconds: int = 4, film: int = 0) -> np.ndarray:
    frames = np.full(seconds * 25, 1.0)
    return Speech(voice, valence * frames, arousal * frames, 25, 0, film).samples(0, seconds * RATE, RATE)


@pytest.fixture(scope="module")
def levels() -> list[np.ndarray]:
    return [said(arousal) for arousal in LEVELS]


def spectrum(sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.fft.rfftfreq(len(sound), 1 / RATE), abs(np.fft.rfft(sound)) ** 2


def pitch(sound: np.ndarray) -> float:
    """By the median lag at which half-second pieces are most like themselves, 70 to 350 Hz."""
    lags = []
    for piece in sound.reshape(-1, RATE // 2):
        alike = np.fft.irfft(abs(np.fft.rfft(piece, 2 * len(piece))) ** 2)
        first, last = RATE // 350, RATE // 70
        lags.append(first + alike[first:last].argmax())
    return RATE / float(np.median(lags))


def test_it_is_louder_with_arousal_and_never_too_loud(levels: list[np.ndarray]) -> None:
    loudness = [10 * np.log10((sound**2).mean()) for sound in levels]
    assert (np.diff(loudness) > 2).all()
    assert all(abs(sound).max() < 0.99 for sound in levels)


def test_it_is_higher_with_arousal(levels: list[np.ndarray]) -> None:
    pitches = [pitch(sound) for sound in levels]
    assert (np.diff(pitches) > 4).all()
    assert pitches[-1] / pitches[0] == pytest.approx(2 ** (10 / 12), rel=0.12)


def test_it_is_brighter_with_arousal(levels: list[np.ndarray]) -> None:
    shares = []
    for sound in levels:
        hertz, power = spectrum(sound)
        shares.append(power[hertz > 1000].sum() / power.sum())
    assert (np.diff(shares) > 0).all()


def test_it_is_quicker_with_arousal() -> None:
    counts = [len(list(syllables(lot(0, "said"), np.full(20 * CONTROL, roused), 20.0))) for roused in (0, 0.5, 1)]
    assert (np.diff(counts) > 15).all()


def test_a_smile_raises_the_formants() -> None:
    """By as much on a scale of ratios: the whole spectrum of a low voice, whose harmonics lie close, shifts."""
    low = Voice(pitch=50.0, formants=1.0, breath=0.0)
    steps = np.exp(np.linspace(np.log(300), np.log(3500), 400))
    sad, happy = (
        np.log([power[(hertz > f / 1.08) & (hertz < f * 1.08)].mean() for f in steps])
        for hertz, power in (spectrum(said(-1.0, valence, low)) for valence in (-1.0, 1.0))
    )
    shifts = range(-20, 40)
    alike = [np.corrcoef(sad[60:-60], np.roll(happy, -shift)[60:-60])[0, 1] for shift in shifts]
    shift = shifts[int(np.argmax(alike))] * np.log(3500 / 300) / 399
    assert shift == pytest.approx(np.log(1.05 / 0.95), abs=0.05)


def test_the_sound_does_not_depend_on_how_it_is_cut() -> None:
    speech = Speech(STEADY, np.zeros(50), np.linspace(-1, 1, 50), 25, 0, 0)
    pieces = [speech.samples(first, first + 800, RATE) for first in range(0, 24000, 800)]
    breathless = Speech(STEADY, np.zeros(50), np.linspace(-1, 1, 50), 25, 0, 0).samples(0, 24000, RATE)
    joined = np.concatenate(pieces)
    assert joined.dtype == np.float32
    voiced = speech._sounding[(np.arange(24000) / RATE * CONTROL).astype(int)] > 0.95
    np.testing.assert_allclose(joined[voiced], breathless[voiced], atol=0.02)
    seams = abs(np.diff(joined))[799::800]
    assert seams.mean() < 2 * abs(np.diff(joined)).mean()  # no clicks between pieces


def test_the_mouth_opens_where_it_sounds_and_most_for_open_vowels() -> None:
    speech = Speech(STEADY, np.zeros(250), np.zeros(250), 25, 0, 0)
    times = np.arange(250) / 25
    wide = speech.opening(times)
    sound = speech.samples(0, 10 * RATE, RATE).reshape(250, -1)
    loud = np.sqrt((sound**2).mean(1))
    assert 0 <= wide.min() < wide.max() <= 1
    assert np.corrcoef(wide, loud)[0, 1] > 0.5
    first = np.interp(times, speech._times, speech._formants[:, 0])
    assert wide[first > 600].max() > wide[first < 320].max()


def test_voices_differ_in_pitch_and_timbre() -> None:
    voices = [Voice.drawn(lot(0, number)) for number in range(30)]
    assert min(voice.pitch for voice in voices) < 125
    assert max(voice.pitch for voice in voices) > 185
    low, high = (Voice(140.0, formants, 0.0) for formants in (0.9, 1.15))
    assert not np.allclose(said(0.0, voice=low), said(0.0, voice=high))
    assert VOWELS.shape == (6, 3)


def test_films_say_other_things() -> None:
    assert not np.allclose(said(0.0, film=0), said(0.0, film=1))
