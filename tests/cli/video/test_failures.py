"""Wrong calls of `cltool video`: one line, exit code 2, and nothing made or lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.affect.conftest import write_store

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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("talk.mp4",), "Missing option '--model'"),
        (("nowhere.mp4", "--model", "model"), "nowhere.mp4: there is no such film or folder"),
        (("text.mp4", "--model", "model"), "text.mp4 cannot be read as a film"),
        (("films", "--model", "model"), "films holds 2 films; give one of them"),
        (("talk.mp4", "--model", "nowhere"), "there is no trained network at nowhere"),
        (("talk.mp4", "--model", "text.mp4"), "text.mp4 is no trained valence–arousal network of cltool"),
        (("talk.mp4", "--model", "films"), "there is no trained network at films"),
        (("talk.mp4", "--model", "model", "--out", "full"), "--out full is not empty; take another folder, or --force"),
        (("talk.mp4", "--model", "model", "--out", "text.mp4"), "is no folder one can write to"),
        (("talk.mp4", "--model", "model", "--smooth", "-1"), "--smooth -1: give seconds, zero or more"),
        (("talk.mp4", "--model", "model", "--smooth", "nan"), "--smooth nan: give seconds"),
        (("talk.mp4", "--model", "model", "--rate", "25"), "--rate 25 is for folders of numbered pictures"),
        (("talk.mp4", "--model", "model", "--modality", "mesh"), "the model reads none of it"),
        (("talk.mp4", "--model", "model", "--modality", "mel:htk=false"), "was trained on mel; give folders alone"),
        (("talk.mp4", "--model", "model", "--device", "gpu"), "device: Input should be 'auto', 'cpu'"),
        (("talk.mp4", "--model", "old"), "features of another version: mel's librosa is"),
        (("talk.mp4", "--model", "elsewhere"), "would have mel, and the model was trained on mel (by ear)"),
        (("talk.mp4", "--model", "model", "--labels", "nowhere.txt"), "cannot read nowhere.txt: No such file"),
        (("talk.mp4", "--model", "model", "--labels", "talk.mp4"), "talk.mp4 is no text"),
        (("talk.mp4", "--model", "model", "--labels", "text.mp4"), "text.mp4 has no column 'valence'"),
        (("talk.mp4", "--model", "model", "--labels", "half.txt"), "half.txt: 6 labels for 12 frames; give the labels"),
        (("talk.mp4", "--model", "model", "--labels", "none.txt"), "none.txt holds no labels"),
        (("talk.mp4", "--model", "model", "--labels", "wide.txt"), "line 3: arousal 1.5 is not in [-1, 1]; −5 or"),
        (("talk.mp4", "--model", "model", "--labels", "word.txt"), "line 2: valence 'high' is no number"),
        (("talk.mp4", "--model", "model", "--labels", "cut.txt"), "line 3: 1 cells, where the first line has 2"),
        (("talk.mp4", "--model", "model", "--labels", "long.txt"), "long.txt is no table: field larger"),
    ],
)
def test_wrong_predictions(
    cltool: Callable,
    talk: Callable,
    trained_on: Callable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    trained_on(talk())
    if "old" in arguments:
        trained_on(talk(), name="old", about={"mel": {"librosa": "0.1", "scale": "htk"}})
    if "elsewhere" in arguments:
        trained_on(talk(), name="elsewhere", about={"mel (by ear)": {}})
    for folder in ("films", "full"):
        (tmp_path / folder).mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "text.mp4").write_text("text")
    for name in "ab":
        (tmp_path / "films" / f"{name}.mp4").write_bytes((tmp_path / "talk.mp4").read_bytes())
    for name, rows in {
        "half": ["0,0"] * 6,
        "none": [],
        "wide": ["0,0", "0,1.5"],
        "word": ["high,low"],
        "cut": ["0,0", "0"],
        "long": ["0" * 200_000 + ",0"],
    }.items():
        (tmp_path / f"{name}.txt").write_text("\n".join(["valence,arousal", *rows]))
    before = contents(tmp_path)
    found = cltool("video", "predict", *arguments)
    assert (found.code, found.out) == (2, ""), found.err
    lines = [line for line in found.err.splitlines() if line.startswith("cltool: ")]
    assert len(lines) == 1
    assert told in lines[0]
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("grid",), "STORE is missing"),
        (("grid", "store"), "--network is missing; there are: audio"),
        (("grid", "store", "--network", "audoi"), "did you mean 'audio'"),
        (("grid", "store", "--network", "audio", "--network", "audio"), "--network audio is given twice"),
        (("grid", "store", "--network", "audio", "--preset", "orgil"), "did you mean 'orgil-rnn'"),
        (("grid", "store", "--network", "audio", "--repeats", "0"), "--repeats"),
        (("grid", "store", "--network", "audio", "--sequence", "0"), "sequence"),
        (("grid", "store", "--network", "audio", "--epochs", "0"), "epochs"),
        (("grid", "store", "--network", "audio", "--sequence", "61"), "the longest training film"),
        (
            ("grid", "store", "--network", "audio", "--out", "full"),
            "--out full is not empty; take another, or --resume",
        ),
        (("grid", "--resume", "full"), "--resume full: there is no grid.yaml"),
        (("grid", "--resume", "full", "--epochs", "3"), "takes all else from full; leave out --epochs"),
        (("grid", "store", "--resume", "full"), "takes all else from full; leave out STORE"),
        (("grid", "--resume", "full", "--network", "audio"), "leave out --network"),
        (("grid", "--resume", "full", "--loss", "mse"), "leave out --loss"),
        (("grid", "--resume", "full", "--out", "other"), "leave out --out"),
        (("repeat", "store", "--network", "audio", "--repeats", "1"), "--repeats"),
        (("repeat", "--resume", "full"), "--resume full: there is no repeat.yaml"),
        (("evaluate",), "MODEL"),
        (("evaluate", "nowhere"), "there is no trained network at nowhere"),
        (("evaluate", "full/mine.txt", "--store", "store"), "full/mine.txt is no"),
        (("evaluate", "nowhere", "--device", "gpu"), "--device gpu: give auto, cpu or cuda"),
        (("evaluate", "nowhere", "--out", "full"), "--out full is not empty"),
    ],
)
def test_wrong_calls_about_trainings(
    cltool: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_store(tmp_path / "store")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    before = contents(tmp_path)
    found = cltool("video", *arguments)
    assert (found.code, found.out) == (2, ""), found.err
    lines = [line for line in found.err.splitlines() if line.startswith("cltool: ")]
    assert len(lines) == 1
    assert told in lines[0]
    assert contents(tmp_path) == before
