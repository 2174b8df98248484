from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cltool_plugins.streams.ferplus_votes import EMOTIONS, Mode, distribution

MODES: tuple[Mode, ...] = get_args(Mode)
ballots = st.lists(st.integers(0, 9), max_size=15).map(lambda cast: [cast.count(i) for i in range(10)])
modes = st.sampled_from(MODES)
emotion_counts = st.sampled_from([7, 8])


def by_hand(votes: Sequence[float], mode: Mode, emotions: int) -> list[float] | None:
    """What the data set's own reader does, in plain Python and whole numbers."""
    votes = [0 if vote <= 1 else vote for vote in votes]
    total, taken, ended = sum(votes), {}, False
    if mode == "majority":
        taken = {i: vote for i, vote in enumerate(votes) if 2 * vote > total}
    elif mode == "multi_target":
        taken = {i: vote for i, vote in enumerate(votes) if 10 * vote >= 3 * total}
    else:
        left = dict(enumerate(votes))
        while 4 * sum(taken.values()) < 3 * total and len(taken) < 3 and not ended:
            for i in [i for i in left if left[i] == max(left.values())]:
                ended = i >= 8
                if not (ended and taken):
                    taken[i] = left[i]
                if ended:
                    break
            left = {i: vote for i, vote in left.items() if i not in taken}
        if len(taken) > 3:
            return None
    if 2 * sum(taken.values()) <= total or max(taken, key=taken.__getitem__) >= emotions:
        return None
    shares = [taken.get(i, 0) for i in range(emotions)]
    return [share / sum(shares) for share in shares]


@given(ballots, modes, emotion_counts)
def test_distribution_is_the_official_readers(votes: list[int], mode: Mode, emotions: int) -> None:
    ours, theirs = distribution(votes, mode, emotions), by_hand(votes, mode, emotions)
    assert (ours is None) == (theirs is None)
    assert ours is None or np.allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_distribution_of_real_ballots_is_the_official_readers(vote_rows: list[list[str]], mode: Mode) -> None:
    real = sorted({tuple(map(int, row[2:])) for row in vote_rows})[::4]
    assert len(real) > 1000
    for votes in real:
        ours, theirs = distribution(votes, mode), by_hand(votes, mode, 8)
        assert ours is None if theirs is None else np.allclose(ours, theirs, rtol=1e-12), votes


@given(ballots, modes, emotion_counts)
def test_shares_sum_to_one_or_the_picture_is_discarded(votes: list[int], mode: Mode, emotions: int) -> None:
    shares = distribution(votes, mode, emotions)
    assert shares is None or (shares.shape == (emotions,) and shares.min() >= 0)
    assert shares is None or shares.sum() == pytest.approx(1, abs=1e-12)


@given(ballots, modes)
def test_single_votes_change_nothing(votes: list[int], mode: Mode) -> None:
    without = [0 if vote == 1 else vote for vote in votes]
    with_more = [1 if vote == 0 else vote for vote in votes]
    ours, fewer, more = (distribution(v, mode) for v in (votes, without, with_more))
    assert (ours is None) == (fewer is None) == (more is None)
    assert ours is None or (np.array_equal(ours, fewer) and np.array_equal(ours, more))


@pytest.mark.parametrize("mode", MODES)
def test_unanimous_picture_is_that_emotion_in_every_mode(mode: Mode) -> None:
    for label in range(8):
        shares = distribution([10.0 * (i == label) for i in range(10)], mode)
        assert shares is not None
        assert EMOTIONS[shares.argmax()] == EMOTIONS[label]
        assert shares.max() == 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "votes",
    [
        [0, 0, 0, 0, 0, 0, 0, 0, 10, 0],  # unknown
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 10],  # no face
        [1, 1, 1, 1, 1, 1, 1, 1, 1, 1],  # nothing that two agree on
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ],
)
def test_picture_without_an_emotion_is_discarded(votes: list[int], mode: Mode) -> None:
    assert distribution(votes, mode) is None


@pytest.mark.parametrize(
    ("votes", "mode", "expected"),
    [
        ([5, 5, 0, 0, 0, 0, 0, 0, 0, 0], "majority", None),  # half is no majority
        ([6, 4, 0, 0, 0, 0, 0, 0, 0, 0], "majority", [1, 0, 0, 0, 0, 0, 0, 0]),
        ([5, 0, 0, 0, 0, 0, 0, 0, 4, 0], "majority", [1, 0, 0, 0, 0, 0, 0, 0]),
        ([8, 2, 0, 0, 0, 0, 0, 0, 0, 0], "crossentropy", [1, 0, 0, 0, 0, 0, 0, 0]),  # 75 % reached at once
        ([6, 2, 2, 0, 0, 0, 0, 0, 0, 0], "crossentropy", [0.6, 0.2, 0.2, 0, 0, 0, 0, 0]),
        ([4, 0, 3, 0, 0, 0, 0, 0, 3, 0], "crossentropy", [4 / 7, 0, 3 / 7, 0, 0, 0, 0, 0]),
        ([3, 3, 2, 2, 0, 0, 0, 0, 0, 0], "crossentropy", None),  # four labels
        ([6, 4, 3, 2, 2, 2, 0, 0, 0, 0], "crossentropy", [6 / 13, 4 / 13, 3 / 13, 0, 0, 0, 0, 0]),  # three
        ([5, 0, 0, 0, 0, 0, 0, 0, 5, 0], "crossentropy", None),  # unknown ends it at half
        ([7, 3, 0, 0, 0, 0, 0, 0, 0, 0], "multi_target", [0.7, 0.3, 0, 0, 0, 0, 0, 0]),
        ([8, 2, 0, 0, 0, 0, 0, 0, 0, 0], "multi_target", [1, 0, 0, 0, 0, 0, 0, 0]),
        ([5, 0, 0, 0, 0, 0, 0, 0, 5, 0], "multi_target", [1, 0, 0, 0, 0, 0, 0, 0]),
        ([4, 0, 0, 0, 0, 0, 0, 0, 6, 0], "multi_target", None),  # unknown is the largest
    ],
)
def test_known_cases(votes: list[int], mode: Mode, expected: list[float] | None) -> None:
    shares = distribution(votes, mode)
    assert (shares is None) if expected is None else shares == pytest.approx(expected)


def test_seven_emotions_discard_contempt_and_share_out_the_rest() -> None:
    assert distribution([0, 0, 0, 0, 0, 0, 0, 10, 0, 0], "majority", 7) is None
    shares = distribution([6, 0, 0, 0, 0, 0, 0, 4, 0, 0], "crossentropy", 7)
    assert shares == pytest.approx([1, 0, 0, 0, 0, 0, 0])
