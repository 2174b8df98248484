"""Aff-Wild: a file for each of the two numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cltool.contract import check
from cltool_plugins.corpora.affwild import affwild


@pytest.fixture
def data(shelf: Any) -> Any:
    for name, numbers in (("valence", "0.5\n-0.25\n-5\n"), ("arousal", "0.125\n1\n0.5\n")):
        for film in ("105", "97", "gone"):
            shelf.text(f"annotations/train/{name}/{film}.txt", numbers)
    shelf.text("annotations/train/valence/half.txt", "0\n")
    shelf.video("videos/train/105.avi", sound_rate=16_000)
    shelf.video("videos/train/97.mp4")
    shelf.video("videos/train/bare.mp4")
    shelf.video("videos/test/3.mp4")
    return shelf


def test_films_and_their_labels(data: Any) -> None:
    found = affwild(data.root)
    assert [(film.name, film.pictures.name, film.split) for film in found.films] == [
        ("105", "105.avi", "train"),
        ("97", "97.mp4", "train"),
    ]
    film = found.films[0]
    assert film.sound == film.pictures
    expected = np.array([[0.5, 0.125], [-0.25, 1], [np.nan, np.nan]], np.float32)
    np.testing.assert_array_equal(film.labels().values, expected)


def test_what_is_missing_is_told(data: Any) -> None:
    found = affwild(data.root)
    assert found.missing == (
        "no video of annotated films: 1 (gone)",
        "valence or arousal alone of films: 1 (half)",
        "no annotation of films: 1 (bare); unlabelled=true reads them too",
    )
    assert [film.name for film in found.unseen] == ["gone"]


def test_films_without_annotation_if_asked_for(data: Any) -> None:
    others = affwild(data.root, unlabelled=True).films[2:]
    assert [(film.name, film.split, film.labels) for film in others] == [("bare", None, None), ("3", "test", None)]


def test_the_contract_is_kept(data: Any) -> None:
    report = check(affwild, data_root=data.root)
    assert all(finding.kept for finding in report.findings), str(report)
