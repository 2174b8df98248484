"""Whom a film is about, where frames do not tell who is who."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from cltool.video.following import PATIENCE, Follower


def square(x: float, y: float, side: float) -> NDArray[np.float64]:
    """Somebody around a place."""
    return np.array([(x - side / 2, y - side / 2), (x + side / 2, y + side / 2), (x, y)])


def test_the_largest_is_taken_first_and_kept_when_others_grow() -> None:
    follow = Follower()
    assert follow([square(0, 0, 4), square(100, 0, 10)]) == 1
    assert follow([square(0, 0, 50), square(102, 0, 9)]) == 1


def test_whoever_shows_the_face_goes_before_a_larger_body() -> None:
    assert Follower()([square(0, 0, 90), square(100, 0, 10)], [False, True]) == 1


def test_the_nearest_is_followed_across_the_frame() -> None:
    follow = Follower()
    follow([square(0, 0, 10), square(60, 0, 8)])
    for x in range(0, 120, 6):  # passes the other, who stands still, below
        assert follow([square(60, 30, 8), square(x, 0, 10)]) == 1


def test_whoever_is_away_for_a_while_is_waited_for() -> None:
    follow = Follower()
    one, other = square(0, 0, 10), square(100, 0, 8)
    follow([one, other])
    assert [follow([other]) for _ in range(PATIENCE)] == [None] * PATIENCE
    assert follow([other, one]) == 1
    assert [follow([other]) for _ in range(PATIENCE)] == [None] * PATIENCE  # anew, and as long


def test_after_that_another_is_taken() -> None:
    follow = Follower()
    follow([square(0, 0, 10), square(100, 0, 8)])
    assert [follow([square(100, 0, 8)]) for _ in range(PATIENCE + 1)] == [None] * PATIENCE + [0]


def test_frames_with_nobody_count_as_waiting() -> None:
    follow = Follower()
    follow([square(0, 0, 10), square(100, 0, 8)])
    assert [follow([]) for _ in range(PATIENCE)] == [None] * PATIENCE
    assert follow([square(100, 0, 8)]) == 0


def test_whoever_was_alone_may_leap() -> None:
    """A cut, or few frames a second: there was nobody to take for another."""
    follow = Follower()
    assert [follow([square(x, 0, 10)]) for x in (0, 300, 20)] == [0, 0, 0]


@given(st.integers(2, 4), st.integers(0, 2**31))
def test_the_order_in_which_people_are_told_does_not_matter(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    places, sides = rng.uniform(0, 300, (count, 2)), rng.uniform(5, 60, count)
    plain, mixed = Follower(), Follower()
    for _ in range(12):
        places += rng.normal(0, 15, places.shape)
        there = np.flatnonzero(rng.random(count) < 0.8)
        people = [square(*places[i], sides[i]) for i in there]
        order = rng.permutation(len(people))
        one, other = plain(people), mixed([people[i] for i in order])
        assert one == (None if other is None else order[other])
