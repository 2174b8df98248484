"""A voice that says nothing: harmonics under wandering formants, in syllables of given pitch, loudness and pace.

Arousal raises pitch, loudness, pace and brightness, as it does in speech (Scherer 2003); valence raises the formants a
little, as a smile's wider lips do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cltool_plugins.puppet.noise import lot, smooth_noise

Curve = NDArray[np.float64]  # a number for each moment of a film

CONTROL = 100  # moments a second at which pitch, loudness and formants are set; linear in between
HARMONICS = 40
SEMITONES = 5.0  # by which arousal of ±1 raises or lowers the pitch
LOUDNESS = (-34.0, -16.0)  # dB of full scale, mean power of a syllable without and with full arousal
PACE = (2.8, 6.0)  # syllables a second
TILT = (1.5, 0.5)  # a harmonic's amplitude falls with its number to this power
SMILE = 0.05  # share by which valence of 1 raises formants
PAUSE = 0.12  # loudness between phrases, breath, as share of a syllable's
VOWELS = np.array([  # formants in Hz: a, e, i, o, u and the one in "the" (Peterson and Barney 1952)
    (730, 1090, 2440), (530, 1840, 2480), (270, 2290, 3010), (570, 840, 2410), (300, 870, 2240), (500, 1500, 2500),
], float)  # fmt: skip
BANDWIDTHS = np.array([80.0, 110.0, 160.0])


@dataclass(frozen=True)
class Voice:
    """A person's voice: `pitch` in Hz at rest, `formants` as shares of the usual ones, `breath` as one of its sound."""

    pitch: float
    formants: float
    breath: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Voice:
        """A voice by lot; low ones come from longer throats."""
        high = rng.random()
        pitch, size = 105 * 2 ** (1.05 * high), 0.9 + 0.22 * high
        return cls(round(pitch, 1), round(size * rng.uniform(0.97, 1.03), 3), round(rng.uniform(0.01, 0.03), 3))


@dataclass(frozen=True)
class Syllable:
    """When it begins and ends, in seconds, which of VOWELS it has, and how strong it is."""

    begin: float
    end: float
    vowel: int
    stress: float


def syllables(rng: np.random.Generator, roused: Curve, seconds: float) -> Iterator[Syllable]:
    """Phrases of three to eight syllables with pauses between them; `roused` 0 to 1, CONTROL times a second."""
    now, left = rng.uniform(0, 0.15), rng.integers(3, 9)
    while now < seconds:
        pace = np.interp(roused[min(int(now * CONTROL), len(roused) - 1)], (0, 1), PACE)
        end = now + rng.uniform(0.8, 1.2) / pace
        yield Syllable(now, end, int(rng.integers(len(VOWELS))), rng.uniform(0.75, 1.0))
        now, left = end, left - 1
        if left == 0:
            now, left = end + rng.uniform(0.5, 1.2) / pace, rng.integers(3, 9)


class Speech:
    """What a voice says in one film of given valence and arousal, [T] at `rate` a second; made as it is asked for."""

    def __init__(self, voice: Voice, valence: Curve, arousal: Curve, rate: float, seed: int, film: int) -> None:
        self._names = (seed, film)
        self._voice = voice
        seconds = len(arousal) / rate
        self._times = np.arange(int(seconds * CONTROL) + 2) / CONTROL
        own = np.arange(len(arousal)) / rate
        roused = (1 + np.interp(self._times, own, arousal)) / 2
        smile = 1 + SMILE * np.interp(self._times, own, valence)
        rng = lot(seed, "speech", film)
        said = list(syllables(rng, roused, seconds))
        self._sounding, stress, vowel = self._course(said)
        tune = smooth_noise(rng, len(self._times), 0.12 * CONTROL) * (0.6 + 0.9 * roused)
        tone = SEMITONES * (2 * roused - 1) + tune
        self._pitch = voice.pitch * 2 ** (tone / 12)
        self._phase = np.concatenate([[0], np.cumsum((self._pitch[1:] + self._pitch[:-1]) / 2)]) / CONTROL
        self._loudness = 10 ** (np.interp(roused, (0, 1), LOUDNESS) / 20) * stress
        self._tilt = np.interp(roused, (0, 1), TILT)
        self._formants = vowel * voice.formants * smile[:, None]
        self._turns = lot(seed, "phases", film).random(HARMONICS)

    def _course(self, said: list[Syllable]) -> tuple[Curve, Curve, Curve]:
        """How much each moment sounds, 0 to 1, its stress, and its formants in Hz [n, 3]."""
        sounding, stress = np.zeros(len(self._times)), np.full(len(self._times), PAUSE)
        for syllable in said:
            first, last = round(syllable.begin * CONTROL), round(syllable.end * CONTROL)
            window = np.sin(np.pi * (np.arange(first, last) - first + 0.5) / max(last - first, 1)) ** 0.5
            window = window[: max(len(sounding) - first, 0)]
            sounding[first : first + len(window)] = window
            stress[first : first + len(window)] = syllable.stress
        middles = [(s.begin + s.end) / 2 for s in said]
        formants = [np.interp(self._times, middles, VOWELS[[s.vowel for s in said], k]) for k in range(3)]
        return sounding, stress, np.stack(formants, 1)

    def opening(self, times: Curve) -> Curve:
        """How wide the mouth is open for what is said, 0 to 1, at times in seconds."""
        wide = self._sounding * (self._formants[:, 0] / self._formants[:, 0].max())
        return np.interp(times, self._times, wide)

    def samples(self, first: int, last: int, rate: int) -> NDArray[np.float32]:
        """The sound from one sample up to another, `rate` a second, float32 in [-1, 1].

        Whatever it is cut into, it is the same, but for the breath, which is drawn anew for each piece.
        """
        times = np.arange(first, last) / rate
        place = np.clip((times * CONTROL).astype(int), 0, len(self._times) - 2)
        low, high = place[0], place[-1] + 2
        loud, sounding = (np.interp(times, self._times, curve) for curve in (self._loudness, self._sounding))
        turns = np.interp(times, self._times, self._phase)
        number = np.arange(1, HARMONICS + 1)
        shares = self._shares(slice(low, high), rate)
        moments = self._times[low:high]
        tone = np.zeros(len(times))
        for h, offset, share in zip(number, self._turns, shares.T, strict=True):
            if share.any():
                tone += np.interp(times, moments, share) * np.sin(2 * np.pi * (h * turns + offset))
        breath = lot(*self._names, "breath", first).normal(size=len(times))
        sound = loud * (np.sqrt(2) * sounding * tone + (self._voice.breath + 0.1 * (1 - sounding)) * breath)
        return np.tanh(sound).astype(np.float32)

    def _shares(self, part: slice, rate: int) -> NDArray[np.float64]:
        """Amplitude of each harmonic at some moments, [n, HARMONICS], of power 1 together."""
        number = np.arange(1, HARMONICS + 1)
        hertz = self._pitch[part, None] * number
        shares = number ** -self._tilt[part, None]
        for k, width in enumerate(BANDWIDTHS):
            ratio = hertz / self._formants[part, k, None]
            damped = hertz * width / self._formants[part, k, None] ** 2
            shares = shares / np.hypot(1 - ratio**2, damped)
        shares[hertz > 0.45 * rate] = 0
        return shares / np.sqrt((shares**2).sum(1, keepdims=True))
