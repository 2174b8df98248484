"""`cltool video magnify`: on a real face, and what wrong calls are told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cltool.video.decoding import probe
from cltool.video.encoding import film_writer

MAGNIFY = ("video", "magnify")


@pytest.fixture
def face(shared_data: Path) -> Path:
    """Three seconds of a talking face, with sound."""
    return shared_data / "grid" / "bbaf2n.mpg"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: a film of two seconds, a picture, a text, and a film's name for a folder."""
    monkeypatch.chdir(tmp_path)
    with film_writer(tmp_path / "in.mp4", 32, 24, 10) as film:
        for number in range(20):
            film.write(np.full((24, 32, 3), 100 + number % 5, np.uint8))
    Image.new("RGB", (8, 8)).save("picture.png")
    Path("text.txt").write_text("no film")
    Path("folder.mp4").mkdir()
    Path("there.mp4").write_bytes(b"mine")
    Path("there.png").write_bytes(b"mine")
    return tmp_path


@pytest.mark.slow
def test_a_face_is_magnified_and_drawn(cltool: Callable, face: Path, tmp_path: Path) -> None:
    out, drawn = tmp_path / "out.mp4", tmp_path / "out.png"
    found = cltool(*MAGNIFY, face, "-o", out, "--method", "motion", "--side-by-side", "--picture", drawn)
    assert found.code == 0, found.err
    assert len(found.out.splitlines()) == 1
    for words in (str(out), "75 frames, 3.0 s at 25 per second", "motion, ideal 0.8 to 5 Hz, alpha 5", str(drawn)):
        assert words in found.out
    facts = probe(out)
    assert (facts.width, facts.height, facts.frames, facts.rate, facts.sound_rate) == (720, 288, 75, 25, 44_100)
    with Image.open(drawn) as picture:
        assert picture.width > 3 * picture.height


def test_json_says_what_was_done_and_nothing_else(cltool: Callable, folder: Path) -> None:
    options = ("--low", 1, "--high", 4, "--alpha", 7.5, "--chroma", 0.5, "--reference-compat")
    found = cltool(*MAGNIFY, "in.mp4", "-o", "out.mp4", *options, "--json")
    assert found.code == 0, found.err
    told = json.loads(found.out)
    assert told.pop("settings") == {
        "method": "colour",
        "filter": "ideal",
        "low": 1,
        "high": 4,
        "alpha": 7.5,
        "cutoff": 16,
        "chroma": 0.5,
        "levels": 4,
        "reference_compat": True,
    }
    assert told == {
        "schema": 1,
        "film": "in.mp4",
        "out": "out.mp4",
        "frames": 20,
        "rate": 10,
        "seconds": 2,
        "side_by_side": False,
        "synthetic": False,
        "picture": None,
    }
    assert probe(folder / "out.mp4").frames == 20


def test_a_synthetic_film_stays_marked(cltool: Callable, folder: Path) -> None:
    with film_writer(folder / "made.mp4", 32, 24, 10, told={"comment": "Synthetic: made by a program"}) as film:
        for number in range(20):
            film.write(np.full((24, 32, 3), 100 + number % 5, np.uint8))
    call = (*MAGNIFY, "made.mp4", "-o", "out.mp4")
    assert json.loads(cltool(*call, "--json").out)["synthetic"] is True
    assert "alpha 5, synthetic" in cltool(*call, "--force").out
    assert "synthetic" not in cltool(*MAGNIFY, "in.mp4", "-o", "out.mp4", "--force").out


def test_each_method_has_its_own_defaults(cltool: Callable, folder: Path) -> None:
    for options, wanted in (
        (("--method", "colour"), {"high": 3, "chroma": 1, "levels": 4}),
        (("--method", "motion", "--high", 4), {"high": 4, "chroma": 0.1, "levels": 5, "cutoff": 16}),
        (("--method", "motion", "--high", 4, "--cutoff", 8, "--levels", 3), {"cutoff": 8, "levels": 3}),
        (("--filter", "butterworth"), {"filter": "butterworth", "high": 3}),
    ):
        found = cltool(*MAGNIFY, "in.mp4", "-o", "out.mp4", *options, "--force", "--json")
        assert found.code == 0, found.err
        settings = json.loads(found.out)["settings"]
        assert {key: settings[key] for key in wanted} == wanted


@pytest.mark.slow
def test_a_folder_of_numbered_pictures_is_a_film(cltool: Callable, folder: Path) -> None:
    Path("frames").mkdir()
    for number in range(1, 31):
        Image.new("RGB", (32, 24), (number * 3,) * 3).save(f"frames/{number:05}.jpg")
    for options, rate in (((), 30), (("--rate", 12.5), 12.5)):
        found = cltool(*MAGNIFY, "frames", "-o", "out.mp4", *options, "--json", "--force")
        assert found.code == 0, found.err
        assert json.loads(found.out)["rate"] == rate
        assert probe(folder / "out.mp4").rate == rate


@pytest.mark.slow
def test_force_writes_over_what_is_there(cltool: Callable, folder: Path) -> None:
    found = cltool(*MAGNIFY, "in.mp4", "-o", "there.mp4", "--picture", "there.png", "--force")
    assert found.code == 0, found.err
    assert probe(folder / "there.mp4").frames == 20
    assert Image.open("there.png").format == "PNG"


def test_the_help_names_every_option_and_its_default(cltool: Callable) -> None:
    found = cltool(*MAGNIFY, "--help")
    told = " ".join(re.sub(r"[│╭╮╰╯─]", " ", found.out).split())
    for words in ("--side-by-side", "--reference-compat", "Default: 0.8", "Default: 16", "Default: 5", "Examples."):
        assert words in told


# wrong calls


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("-o", "out.mp4", "--low", 3), "low 3 Hz is not below high 3 Hz"),
        (("-o", "out.mp4", "--high", 5), "high 5 Hz needs more than 10 frames per second, and the film has 10"),
        (("-o", "out.mp4", "--method", "motion"), "take high below 5"),
        (("-o", "out.mp4", "--alpha", -1), "alpha -1: give zero or more"),
        (("-o", "out.mp4", "--alpha", "much"), "'--alpha'"),
        (("-o", "out.mp4", "--chroma", 2), "chroma 2"),
        (("-o", "out.mp4", "--levels", 6), "levels 6 are too many for 32×24 pixels; take 5 or fewer"),
        (("-o", "out.mp4", "--levels", 0), "levels 0: colour needs 1 or more"),
        (("-o", "out.mp4", "--method", "color"), "--method color: did you mean 'colour'"),
        (("-o", "out.mp4", "--filter", "iir"), "filter 'iir': give ideal or butterworth"),
        (("-o", "out.mp4", "--filter", "butterworth", "--reference-compat"), "a way of the ideal filter"),
        (("-o", "out.mp4", "--low", 0.8, "--high", 0.9), "2 s of film tell nothing of 0.8 to 0.9 Hz"),
        (("-o", "out.mp4", "--rate", 25), "rate 25 is for folders of pictures"),
        (("-o", "out.avi"), "out.avi must end in .mp4"),
        (("-o", "folder.mp4"), "folder.mp4 is a folder"),
        (("-o", "text.txt/out.mp4"), "text.txt is no folder one can write to"),
        (("-o", "in.mp4"), "in.mp4 is the film to be magnified"),
        (("-o", "in.mp4", "--force"), "in.mp4 is the film to be magnified"),
        (("-o", "there.mp4"), "there.mp4 is there already; give --force"),
        (("-o", "out.mp4", "--picture", "out.gif"), "a picture must end in .png"),
        (("-o", "out.mp4", "--picture", "there.png"), "there.png is there already; give --force"),
        (("-o", "out.mp4", "--picture", "picture.png/a.png"), "picture.png is no folder one can write to"),
        ((), "Missing option '--out'"),
        (("-o", "out.mp4", "--lvels", 3), "--lvels"),
    ],
)
def test_wrong_calls_are_told_in_a_line(cltool: Callable, folder: Path, arguments: tuple, told: str) -> None:
    assert told in refused(cltool, folder, "in.mp4", *arguments)


@pytest.mark.parametrize(
    ("film", "told"),
    [
        ("nowhere.mp4", "nowhere.mp4: there is no such film"),
        ("text.txt", "text.txt cannot be read as a film"),
        ("folder.mp4", "folder.mp4 holds no numbered pictures"),
        ("picture.png", "a film of a single frame has no changes"),
    ],
)
def test_what_is_no_film_is_told_in_a_line(cltool: Callable, folder: Path, film: str, told: str) -> None:
    assert told in refused(cltool, folder, film, "-o", "out.mp4")


def refused(cltool: Callable, folder: Path, *arguments: object) -> str:
    """The one line that a wrong call is answered with; nothing has changed."""

    def contents() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file() and "cache" not in p.parts}

    before = contents()
    found = cltool(*MAGNIFY, *arguments)
    assert found.code == 2, found.err
    assert len(found.err.splitlines()) == 1, found.err
    assert found.out == ""
    assert contents() == before
    return str(found.err)
