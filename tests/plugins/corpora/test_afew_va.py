"""AFEW-VA: a JSON file beside the pictures of each clip."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cltool.contract import check
from cltool_plugins.corpora.afew_va import afew_va


def annotation(frames: dict[str, tuple[float, float]], actor: str = "Ann") -> str:
    told = {number: {"landmarks": [[0, 0]] * 68, "valence": v, "arousal": a} for number, (v, a) in frames.items()}
    return json.dumps({"actor": actor, "video_id": "001", "frames": told})


@pytest.fixture
def data(shelf: Any) -> Any:
    shelf.text("01/001/001.json", annotation({"00000": (-10, 10), "00001": (5, -5), "00003": (0, 2)}))
    shelf.pictures("01/001", (0, 1, 3), "png")
    shelf.text("12/600/600.json", annotation({"00000": (0, 0)}, "Bob"))
    shelf.pictures("12/600", (1,), "png")
    shelf.text("12/599/599.json", annotation({"00000": (0, 0)}, "Bob"))
    return shelf


def test_clips_and_their_labels(data: Any) -> None:
    clip, other = afew_va(data.root).films
    assert (clip.name, clip.subject, clip.rate, clip.split, clip.sound) == ("001", "Ann", 25, None, None)
    assert (other.name, other.subject) == ("600", "Bob")
    assert clip.pictures == data.root / "01/001"
    labels = clip.labels()
    expected = np.array([[-1, 1], [0.5, -0.5], [np.nan, np.nan], [0, 0.2]], np.float32)
    np.testing.assert_array_equal(labels.values, expected)  # −5 is a label of its own here
    assert (labels.rate, labels.notes) == (25, ())


def test_what_is_missing_is_told(data: Any) -> None:
    found = afew_va(data.root)
    assert found.missing == (
        "no pictures of annotated clips: 1 (599)",
        "no picture 00000 of clips: 1 (600); their frames are counted from 00001 on",
    )
    assert [clip.name for clip in found.unseen] == ["599"]


def test_an_annotator_beyond_the_scale_is_told(shelf: Any) -> None:
    path = shelf.text("01/001/001.json", annotation({"00000": (0, 0), "00001": (0, 11), "00002": (-12, 0)}))
    shelf.pictures("01/001", (0, 1, 2), "png")
    labels = afew_va(shelf.root).films[0].labels()
    assert labels.given.tolist() == [True, False, False]
    assert labels.notes == (
        f"{path}, frame 00001: arousal 1.1 is not in [-1, 1]; the frame is taken for unlabelled, and 1 more like it",
    )


def test_the_contract_is_kept(data: Any) -> None:
    report = check(afew_va, data_root=data.root)
    assert all(finding.kept for finding in report.findings), str(report)


def test_a_real_annotation(shared_data: Path, shelf: Any) -> None:
    """42 frames, valence 0 and arousal 5 in all of them; its pictures are not there, so some are drawn."""
    (unseen,) = afew_va(shared_data / "afew_va").unseen
    assert (unseen.name, unseen.subject) == ("001", "Bruce Campbell")
    shutil.copytree(shared_data / "afew_va" / "01", shelf.root / "01")
    shelf.pictures("01/001", range(42), "png")
    (clip,) = afew_va(shelf.root).films
    np.testing.assert_array_equal(clip.labels().values, np.tile(np.float32([0, 0.5]), (42, 1)))
