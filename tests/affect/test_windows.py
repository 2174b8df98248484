"""Every frame comes once an epoch, in an order that seed and epoch decide."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cltool.affect.recipes import AffectRecipe
from cltool.affect.windows import Window, epoch_batches, share_of, windows_of


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(["none", "state", "overlap"]))
def test_windows_cover_a_film_and_none_is_longer_than_asked(frames: int, sequence: int, context: str) -> None:
    windows = windows_of(3, frames, sequence, context)  # type: ignore[arg-type]
    covered = Counter(frame for w in windows for frame in range(w.start, w.stop))
    assert set(covered) == set(range(frames))
    assert max(w.stop - w.start for w in windows) <= sequence
    if context != "overlap":
        assert set(covered.values()) == {1}


def test_only_the_first_window_is_fresh_where_memory_goes_on() -> None:
    assert [w.fresh for w in windows_of(0, 10, 4, "state")] == [True, False, False]
    assert [w.fresh for w in windows_of(0, 10, 4, "none")] == [True, True, True]


def recipe(**changes: object) -> AffectRecipe:
    return AffectRecipe.of({"store": "s", "network": "audio", "sequence": 4, "batch": 3, **changes})


@pytest.mark.parametrize(
    "settings", [{}, {"order": "windows"}, {"context": "state"}, {"context": "state", "batch": 50}]
)
def test_an_epoch_shows_every_frame_once(settings: dict[str, object]) -> None:
    frames = [9, 4, 13, 1]
    batches = epoch_batches(frames, recipe(**settings), 1)
    shown = Counter((w.film, frame) for batch in batches for w in batch if w for frame in range(w.start, w.stop))
    assert shown == Counter((film, frame) for film, count in enumerate(frames) for frame in range(count))
    assert max(map(len, batches)) <= recipe(**settings).batch


def test_films_come_in_another_order_in_another_epoch_and_under_another_seed() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return [w.film for batch in epoch_batches([4] * 8, recipe(seed=seed), epoch) for w in batch if w]

    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2)
    assert order(0, 1) != order(1, 1)


def test_film_by_film_windows_stay_in_order_and_by_lot_they_do_not() -> None:
    frames = [40, 40]
    by_film = [w for batch in epoch_batches(frames, recipe(), 1) for w in batch if w]
    assert [w.start for w in by_film if w.film == 0] == list(range(0, 40, 4))
    by_lot = [w for batch in epoch_batches(frames, recipe(order="windows"), 1) for w in batch if w]
    assert [w.start for w in by_lot if w.film == 0] != list(range(0, 40, 4))


def test_where_memory_goes_on_a_film_keeps_its_place_in_the_batches() -> None:
    batches = epoch_batches([12, 8, 4, 4], recipe(context="state", batch=2), 1)
    for before, after in pairwise(batches):
        for one, next_one in zip(before, after, strict=True):
            if next_one is not None and not next_one.fresh:
                assert one is not None
                assert (one.film, one.stop) == (next_one.film, next_one.start)


@given(st.integers(1, 9), st.integers(1, 4))
def test_processes_share_a_batch_without_rest(places: int, processes: int) -> None:
    batch = [Window(film, 0, 4) for film in range(places)]
    parts = [share_of(batch, process, processes) for process in range(processes)]
    assert len({len(part) for part in parts}) == 1
    assert sorted(w.film for part in parts for w in part if w) == list(range(places))
