"""Russell's circle of emotion words."""

from __future__ import annotations

from math import hypot

import pytest

from cltool.affect.emotion_words import WORDS, nearest_words


def test_twenty_eight_words_stand_on_the_unit_circle() -> None:
    assert len({word.word for word in WORDS}) == 28
    for word in WORDS:
        assert hypot(word.valence, word.arousal) == pytest.approx(1)


@pytest.mark.parametrize(
    ("point", "nearest"),
    [
        ((1, 0), "pleased"),
        ((0, 1), "tense"),
        ((-1, 0), "miserable"),
        ((0, -1), "sleepy"),
        ((-0.7, 0.6), "distressed"),
        ((-0.7, 0.5), "frustrated"),
    ],
)
def test_pleasure_lies_right_and_arousal_above(point: tuple[float, float], nearest: str) -> None:
    ((word, distance),) = nearest_words(*point)
    assert word.word == nearest
    assert distance == pytest.approx(hypot(word.valence - point[0], word.arousal - point[1]))


def test_nearer_words_come_first_and_none_is_left_out() -> None:
    found = nearest_words(0.2, 0.1, count=28)
    assert {word for word, _ in found} == set(WORDS)
    distances = [distance for _, distance in found]
    assert distances == sorted(distances)
