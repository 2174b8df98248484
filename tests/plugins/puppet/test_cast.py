"""Roles: who plays, and that no film depends on another."""

from __future__ import annotations

import json

import pytest

from cltool_plugins.puppet.cast import Role, role

ROLES = [role(number, 150, 25, 0) for number in range(40)]


def people(split: str) -> set[str]:
    return {own.subject.name for own in ROLES if own.split == split}


def test_a_fifth_is_for_validation_with_people_of_its_own() -> None:
    assert [own.split for own in ROLES].count("validation") == 8
    assert ROLES[1].split == "validation"  # so that two films have one
    assert not people("train") & people("validation")
    assert len(people("train")) == 16
    for split in ("train", "validation"):
        sides = {own.subject.mirrored for own in ROLES if own.split == split}
        assert sides == {False, True}


def test_a_person_looks_and_sounds_the_same_in_all_films() -> None:
    by_name: dict[str, set[object]] = {}
    for own in ROLES:
        by_name.setdefault(own.subject.name, set()).add(own.subject)
    assert all(len(same) == 1 for same in by_name.values())
    assert len({own.subject.voice for own in ROLES}) == 20


@pytest.mark.parametrize("what", ["light", "temper", "heart_rate", "unlabelled"])
def test_films_differ(what: str) -> None:
    assert len({repr(getattr(own, what)) for own in ROLES}) > 30


def test_another_seed_is_another_film() -> None:
    other = role(0, 150, 25, 1)
    assert other.light != ROLES[0].light
    assert other.subject.voice != ROLES[0].subject.voice


@pytest.mark.parametrize("frames", [5, 25, 74, 75, 1000])
def test_spans_lie_within_the_film(frames: int) -> None:
    for number in range(20):
        own = role(number, frames, 25, 0)
        assert 0 < own.unlabelled[0] <= own.unlabelled[1] < frames - 1
        assert (own.hidden is not None) == (frames >= 75 and number % 2 == 0)
        if own.hidden:
            assert 0 < own.hidden[0] < own.hidden[1] < frames - 1


def test_a_role_can_be_told_in_json() -> None:
    told = json.loads(json.dumps(ROLES[2].told))
    assert told["subject"] == ROLES[2].subject.name
    assert told["heart_rate"] == ROLES[2].heart_rate
    assert told["pulse"] == 0.01  # of the skin's green
    assert told["voice"]["pitch"] == ROLES[2].subject.voice.pitch
    assert set(told) >= {"split", "light", "temper", "mirrored", "unlabelled", "hidden"}
    assert isinstance(ROLES[2], Role)
