"""Emotion words on the circle of valence and arousal (Russell 1980; the thesis' figure 1.14)."""

from __future__ import annotations

from collections.abc import Mapping
from math import cos, hypot, radians, sin
from typing import NamedTuple

# degrees from pleasure (0) by way of arousal (90), from Russell's circular scaling of 28 words
DEGREES: Mapping[str, float] = {
    "happy": 7.8,
    "delighted": 24.9,
    "excited": 48.6,
    "astonished": 69.8,
    "aroused": 73.8,
    "tense": 92.8,
    "alarmed": 96.5,
    "angry": 99.0,
    "afraid": 116.0,
    "annoyed": 123.0,
    "distressed": 138.0,
    "frustrated": 141.0,
    "miserable": 188.7,
    "sad": 207.5,
    "gloomy": 209.0,
    "depressed": 211.0,
    "bored": 242.0,
    "droopy": 256.0,
    "tired": 267.7,
    "sleepy": 271.9,
    "calm": 316.2,
    "relaxed": 318.0,
    "satisfied": 319.0,
    "at ease": 321.0,
    "content": 323.0,
    "serene": 328.6,
    "glad": 349.0,
    "pleased": 353.2,
}


class EmotionWord(NamedTuple):
    """An emotion word and where it stands: on the unit circle, valence to the right, arousal upwards."""

    word: str
    valence: float
    arousal: float


WORDS: tuple[EmotionWord, ...] = tuple(
    EmotionWord(word, cos(radians(angle)), sin(radians(angle))) for word, angle in DEGREES.items()
)


def nearest_words(valence: float, arousal: float, count: int = 1) -> list[tuple[EmotionWord, float]]:
    """The `count` words nearest to a point, nearest first, each with its Euclidean distance.

    `valence` and `arousal` as they are predicted or annotated, mostly in [-1, 1]. Russell, J. A. (1980). A circumplex
    model of affect. Journal of Personality and Social Psychology 39(6), 1161-1178.

    >>> [(found.word, round(distance, 2)) for found, distance in nearest_words(0.9, 0.2, count=2)]
    [('happy', 0.11), ('delighted', 0.22)]
    """
    found = [(word, hypot(word.valence - valence, word.arousal - arousal)) for word in WORDS]
    return sorted(found, key=lambda pair: pair[1])[:count]
