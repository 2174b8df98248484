"""The circle of emotion words and what moves on it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cltool.report.emotion_circle import FIELD, RADIUS, WORD_GAP, EmotionCircle, Moment, word_places

BLUE, ORANGE = (0, 114, 178), (230, 159, 0)


def coloured(panel: NDArray[np.uint8], colour: tuple[int, int, int]) -> NDArray[np.bool_]:
    """bool [H, W]: where a panel's circle has about this colour; the table below is left out."""
    high = panel.shape[0]
    found: NDArray[np.bool_] = np.abs(panel[: int(0.72 * high)].astype(int) - colour).max(2) < 40
    return found


@pytest.mark.parametrize("height", [540, 1080])
@pytest.mark.parametrize("point", [(0.0, 0.0), (0.5, -0.7), (-0.9, 0.2)])
def test_points_stand_where_valence_and_arousal_say(height: int, point: tuple[float, float]) -> None:
    circle = EmotionCircle(height, annotated=True)
    panel = circle.draw(Moment(1.0, point, (-point[0], 0.9)))
    assert panel.shape == (height, circle.width, 3)
    for (valence, arousal), colour in ((point, BLUE), ((-point[0], 0.9), ORANGE)):
        right, down = circle.width / 2 + RADIUS * height * valence, 0.365 * height - RADIUS * height * arousal
        across, along = round(down), round(right)
        reach = height // 180
        disc = coloured(panel, colour)[across - reach : across + reach, along - reach : along + reach]
        assert disc.all()


def test_nothing_seen_is_said_and_no_point_drawn() -> None:
    circle = EmotionCircle(540, annotated=True)
    blank = circle.draw(Moment(1.0, None))
    assert not coloured(blank, BLUE).any()
    assert not coloured(blank, ORANGE).any()
    assert (blank[400:480] != EmotionCircle(540, annotated=True).draw(Moment(1.0, (0, 0)))[400:480]).any()


def test_a_trail_is_the_paler_the_older_and_is_broken_where_nothing_was_seen() -> None:
    trail = np.stack([np.linspace(-0.8, 0.8, 25), np.full(25, 0.2)], 1).astype(np.float32)
    trail[10:14] = np.nan
    circle = EmotionCircle(540)
    panel = circle.draw(Moment(1.0, None, trail=trail))
    bare = circle.draw(Moment(1.0, None))
    drawn = (panel != bare).any(2)
    line = round(circle.place((0, 0.2))[1])

    def paleness(valence: float) -> int:
        return int(panel[line, round(circle.place((valence, 0.2))[0]), 0])

    assert paleness(0.75) < paleness(0.4) < paleness(-0.7)
    gap = slice(round(circle.place((float(trail[9, 0]) + 0.03, 0))[0]), round(circle.place((0.1, 0))[0]))
    assert not drawn[:, gap].any()


def test_what_is_far_outside_is_drawn_at_the_rim() -> None:
    circle = EmotionCircle(540)
    assert circle.place((7, -9)) == circle.place((FIELD, -FIELD))
    assert coloured(circle.draw(Moment(1.0, (7, -9))), BLUE).any()


def test_words_lie_outside_the_circle_near_their_places_and_apart() -> None:
    gap = WORD_GAP / RADIUS
    places = word_places(gap)
    assert len(places) == 28
    for side in (1, -1):
        lines = sorted(up for right, up in places.values() if right * side > 0)
        assert len(lines) == 14
        assert min(np.diff(lines)) > gap - 1e-9
    for word, (right, up) in places.items():
        assert np.hypot(right, up) > 1.05
        assert np.hypot(right - word.valence, up - word.arousal) < 0.4


def test_a_synthetic_film_is_called_so_in_the_panel() -> None:
    moment = Moment(1.0, (0, 0))
    bare, marked = (EmotionCircle(540, foot=foot).draw(moment) for foot in ("", "synthetic film"))
    changed = (bare != marked).any(2)
    assert changed[500:].sum() > 100
    assert not changed[:500].any()
