"""A store's films as blocks: what a row holds, what is left out, and what tells films and models apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from cltool.errors import CallError, DataGone
from cltool.features import FeatureBank
from cltool.tasks import TaskStream
from cltool.video.blocks import FilmRows, Layout, film_block, last_seen
from cltool.video.store import FeatureStore
from cltool_plugins.backbones.frames import frames


def test_a_row_holds_all_tensors_and_what_was_seen_last(puppet_store: Path) -> None:
    store = FeatureStore(puppet_store)
    film = next(film for film in store.values() if not film.valid("landmarks").all() or film.entry.labelled)
    layout = Layout(store.index)
    assert dict(layout.widths) == {"landmarks": 140, "body": 36, "mel": 128}
    block = film_block(film, layout, "ann")
    assert block is not None
    counted = np.isfinite(film.labels).all(1)
    assert len(block) == counted.sum() == film.entry.labelled < len(film)
    assert block.targets is not None
    assert np.array_equal(block.targets.numpy(), film.labels[counted])
    at = np.flatnonzero(counted)[7]
    row = block.picture(7).flatten().numpy()
    shown = last_seen(film.valid("landmarks"))[at]
    assert np.array_equal(row[layout.columns(["landmarks"])], film["landmarks"][shown].ravel())
    assert np.array_equal(row[layout.columns(["mel"])], film["mel"][at])
    assert block.names[7] == f"{film.name}, frame {at}"


def test_masked_frames_are_held_and_not_zero() -> None:
    assert last_seen(np.array([False, False, True, False, True, False])).tolist() == [2, 2, 2, 2, 4, 4]
    assert last_seen(np.zeros(3, bool)).tolist() == [0, 0, 0]


def test_a_block_of_films_refuses_after_its_turn_whoever_holds_it(puppets: TaskStream) -> None:
    backbone, bank = frames(puppets), FeatureBank()
    tasks = puppets.tasks()
    first = next(tasks)
    held, film = first.train[0], first.train[0].films[0]
    bank.features(first.train, backbone)  # whether or not their features lie in the bank
    next(tasks)
    for read in (
        lambda: held.picture(0),
        lambda: film.picture(0),
        lambda: film.digest,
        lambda: bank.features([held], backbone),
        lambda: bank.features([film], backbone),
    ):
        with pytest.raises(DataGone, match="turn is over"):
            read()
    assert len(bank.features(first.test, backbone)) == len(first.test[0])


def test_films_are_kept_one_by_one_and_found_however_they_are_grouped(puppets: TaskStream) -> None:
    backbone, bank = frames(puppets), FeatureBank()
    unit = puppets.pictures.train[puppets.pictures.outputs[0]]
    found = bank.features([unit], backbone)
    assert len(list(bank.entries())) == len(unit.films) > 1
    assert all(bank.has(film, backbone) for film in unit.films)
    assert torch.equal(found, torch.stack(unit.pictures(range(len(unit)))).flatten(1))
    alone = bank.features([unit.films[1]], backbone)
    start = len(unit.films[0])
    assert torch.equal(alone, found[start : start + len(alone)])


def test_digest_and_fingerprint_follow_file_and_models(puppet_store: Path) -> None:
    store = FeatureStore(puppet_store)
    film = next(iter(store.values()))
    rows = FilmRows(film, np.arange(5), Layout(store.index))
    other = store.index.model_copy(update={"about": {**store.index.about, "mel": {"librosa": "another"}}})
    before, after = Layout(store.index), Layout(other)
    assert before.fingerprint(["mel"]) != after.fingerprint(["mel"])
    assert before.fingerprint(["body"]) == after.fingerprint(["body"])
    written_anew = type(film)(film.name, film.path, film.entry.model_copy(update={"sha256": "0"}))
    digests = {rows.digest, FilmRows(film, np.arange(4), rows.layout).digest}
    assert len(digests | {FilmRows(written_anew, np.arange(5), rows.layout).digest}) == 3


def test_labels_out_of_range_are_named(puppet_store: Path) -> None:
    film = next(iter(FeatureStore(puppet_store).values()))
    tensors, facts = film._content
    labels = film.labels.copy()
    labels[3] = (1.5, 0)
    film.__dict__["_content"] = ({**tensors, "labels": labels}, facts)
    with pytest.raises(CallError, match=rf"{film.name}, frame 3: valence 1\.5"):
        film_block(film, Layout(FeatureStore(puppet_store).index), "")
