"""Streams of valence and arousal: how films become tasks, and films that are made where there are none."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from cltool import PictureSet
from cltool.catalogue import discover
from cltool.errors import CallError
from cltool.plugin import Spec
from cltool.progress import Silent
from cltool.video.blocks import rows_of
from cltool.video.store import FeatureStore
from cltool_plugins.streams.va_puppet import va_puppet


def films(pictures: PictureSet, name: str, split: str) -> list[str]:
    block = (pictures.train if split == "train" else pictures.test)[name]
    return [rows_of(film).film.name for film in block.films]


def people(store: Path, names: list[str]) -> set[str | None]:
    entries = FeatureStore(store).index.films
    return {entries[name].subject for name in names}


def test_nobody_is_in_two_groups_of_videos_nor_on_both_sides_of_one(puppet_store: Path) -> None:
    found = va_puppet(puppet_store, Silent(), groups=3)
    assert found.outputs == ("videos 1", "videos 2", "videos 3")
    assert found.values == ("valence", "arousal")
    sides = [people(puppet_store, films(found, name, split)) for name in found.outputs for split in ("train", "test")]
    assert Counter(person for side in sides for person in side) == dict.fromkeys(
        people(puppet_store, list_all(found)), 1
    )
    assert sorted(list_all(found)) == sorted(FeatureStore(puppet_store))


def list_all(found: PictureSet) -> list[str]:
    return [film for name in found.outputs for split in ("train", "test") for film in films(found, name, split)]


def test_a_task_of_a_person_has_another_of_their_videos_held_out(puppet_store: Path) -> None:
    found = va_puppet(puppet_store, Silent(), by="subject")
    assert len(found.outputs) == 5
    for name in found.outputs:
        train, test = films(found, name, "train"), films(found, name, "test")
        assert people(puppet_store, train + test) == {name}
        assert len(train) == len(test) == 1
        assert train != test


@pytest.mark.parametrize(("share", "held"), [(0.01, 1), (0.5, 2), (0.99, 2)])
def test_at_least_one_video_is_held_out_and_one_is_not(puppet_store: Path, share: float, held: int) -> None:
    found = va_puppet(puppet_store, Silent(), groups=2, held_out=share)
    for name in found.outputs:
        own = [people(puppet_store, films(found, name, split)) for split in ("train", "test")]
        assert len(own[0]) >= 1
        assert len(own[1]) >= min(held, sum(map(len, own)) - 1) >= 1


def test_the_holdout_for_settings_takes_people_and_leaves_the_test_films_alone(puppet_store: Path) -> None:
    found = va_puppet(puppet_store, Silent(), groups=2)
    tried = found.held_out(0.4)
    for name in found.outputs:
        train, test = (people(puppet_store, films(tried, name, split)) for split in ("train", "test"))
        assert not train & test
        assert {*films(tried, name, "train"), *films(tried, name, "test")} == {*films(found, name, "train")}
    with pytest.raises(CallError, match="videos or people to learn from, too few"):
        va_puppet(puppet_store, Silent(), by="subject").held_out(0.5)


@pytest.mark.slow
def test_films_are_made_once_and_without_a_model(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.delenv("CLTOOL_FACE_MODEL", raising=False)
    asked = {"films": 6, "seconds": 1.0, "groups": 2}
    stream = discover().configure("stream", Spec("va-puppet", asked))
    first = stream(data_root=None, progress=Silent())
    (store,) = (cache / "stores").iterdir()  # and nothing else: the films are gone
    when = (store / "index.json").stat().st_mtime_ns
    again = stream(data_root=None, progress=Silent())
    assert (store / "index.json").stat().st_mtime_ns == when
    assert [first.train[n].digest for n in first.outputs] == [again.train[n].digest for n in again.outputs]
    assert first.note.startswith("synthetic")
    assert {f"{name}" for name in FeatureStore(store).index.tensors} >= {"landmarks", "body", "mel"}
    assert "mesh" not in FeatureStore(store).index.tensors
