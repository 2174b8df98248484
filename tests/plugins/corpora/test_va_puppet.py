"""va-puppet: Aff-Wild2's layout, and what its maker knows beyond it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cltool.contract import check
from cltool_plugins.corpora.affwild2 import affwild2
from cltool_plugins.corpora.va_puppet import va_puppet


@pytest.fixture
def data(shelf: Any) -> Any:
    for split, name in (("Train_Set", "a"), ("Validation_Set", "b")):
        shelf.pairs(f"VA_Estimation_Challenge/{split}/{name}.txt", [(0, 0)] * 3)
        shelf.video(f"videos/{name}.mp4")
        shelf.pictures(f"cropped_aligned/{name}", (1, 2))
    shelf.text("openpose/a/a_000000000000_keypoints.json", "{}")
    shelf.text("synthetic.json", json.dumps({"synthetic": True, "films": {"a": {"subject": "s1"}, "b": {}}}))
    return shelf


def test_films_are_synthetic_and_their_videos_are_read(data: Any) -> None:
    found = va_puppet(data.root)
    one, two = found.films
    assert [film.pictures for film in found.films] == [data.root / "videos/a.mp4", data.root / "videos/b.mp4"]
    assert one.synthetic
    assert two.synthetic
    assert (one.split, one.subject, one.keypoints) == ("train", "s1", data.root / "openpose/a")
    assert (two.split, two.subject, two.keypoints) == ("validation", None, None)
    assert found.missing == ("no keypoints of: 1 (b)",)
    assert "synthetic" in found.licence


def test_they_are_synthetic_for_whoever_reads_the_layout(data: Any) -> None:
    found = affwild2(data.root)
    assert all(film.synthetic for film in found.films)
    assert found.licence == ""


def test_cropped_faces_if_asked_for(data: Any) -> None:
    films = va_puppet(data.root, pictures="cropped").films
    assert [film.pictures.parent.name for film in films] == ["cropped_aligned", "cropped_aligned"]
    assert [film.rate for film in films] == [25, 25]


def test_the_contract_is_kept(data: Any) -> None:
    report = check(va_puppet, data_root=data.root)
    assert all(finding.kept for finding in report.findings), str(report)
