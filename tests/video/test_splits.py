"""Splits: whole videos, whole people, the same at every call."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cltool.video.films import Film
from cltool.video.splits import WAYS, Partition, split

DRAWN = [how for how in WAYS if how != "given"]


def film(name: str, subject: str | None = None, **changes: object) -> Film:
    return Film(name, **{"pictures": Path(f"{name}.mp4"), "subject": subject, **changes})  # type: ignore[arg-type]


def many(count: int) -> list[Film]:
    return [film(f"video{number}") for number in range(count)]


def names(films: tuple[Film, ...]) -> list[str]:
    return [one.name for one in films]


@pytest.mark.parametrize(("how", "held"), [("70/30", 30), ("90/10", 10), *((f"5-fold:{k}", 20) for k in range(1, 6))])
def test_shares_are_met(how: str, held: int) -> None:
    found = split(many(100), how)
    assert (len(found.train), len(found.validation)) == (100 - held, held)


def test_folds_divide_the_films() -> None:
    held = [name for k in range(1, 6) for name in names(split(many(23), f"5-fold:{k}", 7).validation)]
    assert sorted(held) == sorted(one.name for one in many(23))


@pytest.mark.parametrize("how", DRAWN)
def test_neither_order_nor_call_matters_and_the_seed_does(how: str) -> None:
    films = many(40)
    shuffled = random.Random(1).sample(films, 40)
    first = split(films, how, 3)
    assert set(names(split(shuffled, how, 3).validation)) == set(names(first.validation))
    assert names(first.train) == [one.name for one in films if one.name in names(first.train)]  # in the given order
    assert names(split(films, how, 4).validation) != names(first.validation)


def test_the_lot_is_a_fixed_one() -> None:
    """Whoever reads a result tomorrow must get the split it was made with."""
    assert names(split(many(10), "70/30", 0).validation) == ["video3", "video7", "video9"]


@given(st.lists(st.sampled_from([None, "Ann", "Bob", "Cem", "Dana"]), min_size=12, max_size=24), st.integers(0, 99))
def test_nobody_is_on_both_sides(subjects: list[str | None], seed: int) -> None:
    films = [film(f"video{n // 2}_{'left' if n % 2 else 'right'}", subject) for n, subject in enumerate(subjects)]
    films += [film(f"alone{n}") for n in range(5)]
    for how in DRAWN:
        found = split(films, how, seed)
        assert len(found.train) + len(found.validation) == len(films)
        assert found.train
        assert found.validation
        assert not keys(found.train) & keys(found.validation)


def keys(films: tuple[Film, ...]) -> set[str]:
    subjects = {one.subject for one in films if one.subject}
    return subjects | {one.name.removesuffix("_left").removesuffix("_right") for one in films}


def test_films_of_one_file_stay_together() -> None:
    films = [film(f"part{n}", sound=Path("whole.mp4")) for n in range(5)] + many(5)
    for seed in range(10):
        found = split(films, "70/30", seed)
        sides = {any(one.name.startswith("part") for one in side) for side in (found.train, found.validation)}
        assert sides == {True, False}


def test_links_reach_through_films_in_between() -> None:
    """Ann is in a and b_left, whose other side is Bob, who is in c."""
    films = [film("a", "Ann"), film("b_left", "Ann"), film("b_right", "Bob"), film("c", "Bob"), film("d")]
    found = split(films, "70/30")
    assert sorted(map(len, (found.train, found.validation))) == [1, 4]


def test_the_owners_split_leaves_others_out() -> None:
    films = [film("a", split="train"), film("b", split="validation"), film("c", split="test"), film("d")]
    found = split(films, "given")
    assert isinstance(found, Partition)
    assert (names(found.train), names(found.validation)) == (["a"], ["b"])
