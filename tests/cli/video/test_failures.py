"""Wrong calls of `cltool video`: one line, exit code 2, and nothing made or lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

MEL = ("--modality", "mel")


def contents(folder: Path) -> dict[Path, int]:
    """When each file below a folder was last written, the cache's left out."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if "cache" not in path.parts}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("extract",), "give films, or a data set by --corpus NAME --data-root FOLDER"),
        (("extract", "talk.mp4"), "--out is missing; give the folder of the new store"),
        (("extract", "nowhere.mp4", "--out", "store"), "nowhere.mp4: there is no such film or folder"),
        (("extract", "text.mp4", *MEL, "--out", "store"), "text.mp4 cannot be read as a film"),
        (("extract", "talk.mp4", "text.mp4", *MEL, "--out", "store"), "--skip-broken leaves out what cannot be read"),
        (("extract", "folder", "--out", "store"), "folder holds neither films nor numbered pictures"),
        (("extract", "talk.mp4", "--modality", "mle", "--out", "store"), "did you mean 'mel'"),
        (("extract", "talk.mp4", "--modality", "mel:ceiling=-70", "--out", "store"), "must lie above floor"),
        (("extract", "talk.mp4", "--modality", "mel:decibel=false", "--out", "store"), "add scaled=false"),
        (("extract", "talk.mp4", *MEL, "--out", "full"), "--out full is not empty; take another, or --resume full"),
        (("extract", "talk.mp4", *MEL, "--out", "talk.mp4"), "is no folder one can write to"),
        (("extract", "talk.mp4", *MEL, "--rate", "0", "--out", "store"), "rate: Input should be greater than 0"),
        (("extract", "talk.mp4", *MEL, "--rate", "inf", "--out", "store"), "rate: Input should be a finite number"),
        (("extract", "talk.mp4", *MEL, "--rate", "10", "--out", "store"), "--rate 10 is for folders of numbered"),
        (("extract", "talk.mp4", *MEL, "--data-root", ".", "--out", "store"), "--data-root is for --corpus"),
        (("extract", "talk.mp4", *MEL, "--device", "gpu", "--out", "store"), "device"),
        (("extract", "talk.mp4", *MEL, "--backbone", "resnet81", "--out", "store"), "did you mean 'resnet18'"),
        (("extract", "talk.mp4", "--corpus", "affwild2", "--data-root", ".", "--out", "store"), "one of the two"),
        (("extract", "--corpus", "affwild2", "--out", "store"), "--corpus affwild2 lies below --data-root"),
        (("extract", "--corpus", "affwlid2", "--data-root", ".", "--out", "store"), "did you mean 'affwild2'"),
        (("extract", "--resume", "nowhere"), "--resume nowhere: there is no recipe.yaml, so no extraction to take up"),
        (("extract", "talk.mp4", "--resume", "full"), "takes everything from there; leave out IN"),
        (("extract", "--resume", "full", *MEL), "takes everything from there; leave out --modality"),
        (("extract", "--resume", "full", "--out", "store"), "takes everything from there; leave out --out"),
        (
            ("extract", "talk.mp4", "--modality", "mesh", "--face-model", "nowhere.task", "--out", "store"),
            "nowhere.task: there is no such file; give MediaPipe's face_landmarker.task",
        ),
        (
            ("extract", "talk.mp4", "--modality", "mesh", "--face-model", "text.mp4", "--out", "store"),
            "text.mp4 is no model of MediaPipe's FaceLandmarker",
        ),
        (("show", "nowhere"), "nowhere is no feature store: index.json: No such file"),
        (("show", "full"), "full is no feature store"),
    ],
)
def test_wrong_calls(
    cltool: Callable,
    talk: Callable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLTOOL_FACE_MODEL", raising=False)
    talk()
    (tmp_path / "text.mp4").write_text("text")
    (tmp_path / "folder").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    before = contents(tmp_path)
    found = cltool("video", *arguments)
    assert (found.code, found.out) == (2, ""), found.err
    lines = [line for line in found.err.splitlines() if line.startswith("cltool: ")]
    assert len(lines) == 1
    assert told in lines[0]
    assert contents(tmp_path) == before


def test_weights_that_are_not_there(
    cltool: Callable, talk: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, face_model: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    face = ("--modality", "face", "--backbone", "resnet50:weights=no.pth")
    found = cltool("video", "extract", talk(), *face, "--out", "store")
    assert (found.code, found.out) == (2, "")
    assert "no.pth: No such file" in found.err
    assert not (tmp_path / "store").exists()


def test_what_a_store_does_not_hold(cltool: Callable, talk: Callable, tmp_path: Path) -> None:
    store = tmp_path / "store"
    assert cltool("video", "extract", talk(), *MEL, "--out", store).code == 0
    assert "did you mean 'talk'" in cltool("video", "show", store, "tlak").err
    assert "a picture must end in .png" in cltool("video", "show", store, "-o", tmp_path / "talk.gif").err
    (tmp_path / "there.png").write_bytes(b"mine")
    assert (
        "there.png is there already; give --force" in cltool("video", "show", store, "-o", tmp_path / "there.png").err
    )
    assert (tmp_path / "there.png").read_bytes() == b"mine"
    (store / "index.json").write_text('{"schema": 2, "films": {}}')
    found = cltool("video", "show", store)
    assert (found.code, "schema" in found.err) == (2, True)
