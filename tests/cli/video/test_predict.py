"""`cltool video predict`: from a film and a trained network to numbers, curves and an overlay film."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cltool.video.decoding import probe, read_frames
from cltool.video.encoding import film_writer

PREDICT = ("video", "predict")


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "predictions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_a_film_becomes_numbers_curves_and_a_film(
    cltool: Callable, talk: Callable, trained_on: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    film, model = talk(), trained_on(tmp_path / "talk.mp4")
    found = cltool(*PREDICT, film, "--model", model)
    assert found.code == 0, found.err
    assert "12 frames, 0.5 s at 25 per second; 100% of the frames seen" in found.out
    out = tmp_path / "talk-affect"
    assert {path.name for path in out.iterdir()} == {"predictions.csv", "curves.png", "overlay.mp4"}
    rows = rows_of(out)
    assert list(rows[0]) == ["frame", "time", "valence", "arousal", "face_found", "confidence"]
    assert [row["frame"] for row in rows] == [str(number) for number in range(12)]
    assert [float(row["time"]) for row in rows] == pytest.approx(np.arange(12) / 25)
    assert {row["face_found"] for row in rows} == {""}
    facts = probe(out / "overlay.mp4")
    assert (facts.frames, facts.rate, facts.height, facts.sound_rate) == (12, 25, 540, 16_000)
    with Image.open(out / "curves.png") as picture:
        assert picture.width > 1000


def test_json_is_one_object_and_nothing_else(
    cltool: Callable, talk: Callable, trained_on: Callable, tmp_path: Path
) -> None:
    film, out = talk(), tmp_path / "out"
    model = trained_on(film, synthetic=True)
    labels = tmp_path / "talk.txt"
    labels.write_text("valence,arousal\n" + "".join(f"{number / 12},-0.5\n" for number in range(12)))
    call = (*PREDICT, film, "--model", model / "best.safetensors", "--labels", labels, "--smooth", 0.1, "--no-overlay")
    found = cltool(*call, "--out", out, "--json")
    assert found.code == 0, found.err
    told = json.loads(found.out)
    assert set(told.pop("scores")) == {"ccc_valence", "ccc_arousal", "ccc_mean"}
    assert told == {
        "schema": 1,
        "film": str(film),
        "model": str(model / "best.safetensors"),
        "network": "audio:hidden=8",
        "out": str(out),
        "files": {"predictions": str(out / "predictions.csv"), "curves": str(out / "curves.png")},
        "frames": 12,
        "rate": 25,
        "seen": 12,
        "faces": None,
        "smooth": 0.1,
        "synthetic": {"film": False, "model": True},
    }
    assert {path.name for path in out.iterdir()} == {"predictions.csv", "curves.png"}


@pytest.mark.slow
def test_a_silent_film_is_all_masked_and_says_so(
    cltool: Callable, talk: Callable, trained_on: Callable, tmp_path: Path
) -> None:
    model = trained_on(talk())
    found = cltool(*PREDICT, talk("silent.mp4", sound=False), "--model", model, "--out", tmp_path / "out")
    assert found.code == 0, found.err
    assert "0% of the frames seen" in found.out
    assert "nothing that the model reads was found in any frame" in " ".join(found.err.split())
    rows = rows_of(tmp_path / "out")
    assert {(row["valence"], row["arousal"], row["confidence"]) for row in rows} == {("", "", "0.0000")}
    assert probe(tmp_path / "out" / "overlay.mp4").sound_rate is None


@pytest.mark.slow
def test_a_face_that_goes_away_leaves_empty_rows(
    cltool: Callable, talk: Callable, trained_on: Callable, tmp_path: Path, face_model: Path
) -> None:
    seen, blank = talk("seen.mp4", frames=6), talk("blank.mp4", frames=6, shown=False)
    both = tmp_path / "both.mp4"
    with film_writer(both, 256, 256, 25) as writer:
        for frame in (*read_frames(seen), *read_frames(blank)):
            writer.write(frame.picture)
    model = trained_on(both, "mesh:width=8,heads=2,layers=1,longest=8", ("mesh:blendshapes=true",))
    found = cltool(*PREDICT, both, "--model", model, "--out", tmp_path / "out", "--json")
    assert found.code == 0, found.err
    told, rows = json.loads(found.out), rows_of(tmp_path / "out")
    faces = [row["face_found"] for row in rows]
    assert faces[:6] == ["1"] * 6
    assert faces[-3:] == ["0"] * 3
    assert told["faces"] == told["seen"] == faces.count("1")
    assert [bool(row["valence"]) for row in rows] == [face == "1" for face in faces]


@pytest.mark.slow
def test_a_backbone_is_the_same_wherever_its_weights_lie(
    cltool: Callable, talk: Callable, trained_on: Callable, tmp_path: Path, face_model: Path, squeezenet: Path
) -> None:
    here, there = tmp_path / "here.safetensors", f"squeezenet1_0:weights={squeezenet}"
    shutil.copy(squeezenet, here)
    film = talk(frames=4)
    network = "feature:width=8,heads=2,layers=1,longest=8"
    model = trained_on(film, network, ("face",), f"squeezenet1_0:weights={here}")
    call = (*PREDICT, film, "--model", model, "--no-overlay")
    here.unlink()
    found = cltool(*call, "--out", tmp_path / "out")
    assert (found.code, "here.safetensors" in found.err) == (2, True)
    found = cltool(*call, "--backbone", "squeezenet1_0:weights=none", "--out", tmp_path / "out")
    assert found.code == 2
    assert "features of another version: face's" in found.err
    found = cltool(*call, "--backbone", there, "--out", tmp_path / "out")
    assert found.code == 0, found.err
    assert {row["face_found"] for row in rows_of(tmp_path / "out")} == {"1"}


def test_numbered_pictures_have_the_rate_that_is_given_and_go_on_to_the_last_label(
    cltool: Callable, talk: Callable, trained_on: Callable, tmp_path: Path
) -> None:
    model = trained_on(talk(), rate=10)
    folder = tmp_path / "faces"
    folder.mkdir()
    for number in (1, 2, 4):
        Image.new("RGB", (32, 32), (60 * number,) * 3).save(folder / f"{number:05}.jpg")
    labels = tmp_path / "labels.txt"
    labels.write_text("valence,arousal\n" + "0,0\n" * 6)
    call = (*PREDICT, folder, "--model", model, "--rate", 10, "--labels", labels, "--out", tmp_path / "out")
    found = cltool(*call)
    assert found.code == 0, found.err
    assert [float(row["time"]) for row in rows_of(tmp_path / "out")] == pytest.approx(np.arange(6) / 10)
    assert probe(tmp_path / "out" / "overlay.mp4").rate == 10
    assert "a second; the model has learnt" not in found.err


@pytest.mark.slow
def test_another_rate_than_the_training_had_is_told(
    cltool: Callable, talk: Callable, trained_on: Callable, tmp_path: Path
) -> None:
    model = trained_on(talk(), rate=10)
    found = cltool(*PREDICT, talk(), "--model", model, "--out", tmp_path / "out", "--no-overlay")
    assert found.code == 0, found.err
    assert "25 frames a second; the model has learnt from 10" in " ".join(found.err.split())


@pytest.mark.slow
def test_force_writes_over_what_is_there_and_leaves_the_rest(
    cltool: Callable, talk: Callable, trained_on: Callable, tmp_path: Path
) -> None:
    model, out = trained_on(talk()), tmp_path / "out"
    out.mkdir()
    (out / "predictions.csv").write_text("old")
    (out / "mine.txt").write_text("mine")
    found = cltool(*PREDICT, talk(), "--model", model, "--out", out, "--no-overlay", "--force")
    assert found.code == 0, found.err
    assert len(rows_of(out)) == 12
    assert (out / "mine.txt").read_text() == "mine"


@pytest.mark.slow
def test_what_is_read_is_not_written_over(
    cltool: Callable, talk: Callable, trained_on: Callable, tmp_path: Path
) -> None:
    model, out = trained_on(talk()), tmp_path / "out"
    assert cltool(*PREDICT, talk(), "--model", model, "--out", out).code == 0
    before = {path: path.read_bytes() for path in out.iterdir()}
    labels = ("--labels", out / "predictions.csv")
    for called in ((out / "overlay.mp4",), (talk(), *labels)):
        found = cltool(*PREDICT, *called, "--model", model, "--out", out, "--force")
        assert (found.code, "is what is read, and --out" in found.err) == (2, True), found.err
    assert {path: path.read_bytes() for path in out.iterdir()} == before


def test_the_help_names_every_option(cltool: Callable) -> None:
    found = cltool(*PREDICT, "--help")
    told = " ".join(re.sub(r"[│╭╮╰╯─]", " ", found.out).split())
    for words in ("--model", "--labels", "--smooth", "--no-overlay", "--force", "FILM-affect", "Examples:"):
        assert words in told
