"""All wrong calls of makers together: each is answered by one line, before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cltool import CallError
from cltool_plugins.makers.va_puppet import va_puppet
from cltool_plugins.puppet.portrait import astronaut

ROWS = ["jstime,valence,arousal", *(f"{50 * n},5,5" for n in range(100))]  # five seconds


@pytest.fixture
def refused(making: Callable, tmp_path: Path) -> Callable[..., str]:
    """Make films where that must be refused; gives the message, and sees that nothing was written."""

    def call(**options: object) -> str:
        with pytest.raises(CallError) as told:
            making(tmp_path / "out", **options)
        assert not (tmp_path / "out").exists()
        assert "\n" not in str(told.value)
        return str(told.value)

    return call


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"videos": 0}, "0 videos: ask for at least one"),
        ({"videos": -3}, "-3 videos"),
        ({"seconds": 0.5}, "films of 0.5 s cannot be made; ask for 1 s or more"),
        ({"seconds": float("nan")}, "films of nan s"),
        ({"seconds": float("inf")}, "films of inf s"),
    ],
)
def test_films_that_cannot_be(refused: Callable, options: dict[str, float], told: str) -> None:
    assert told in refused(**options)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"size": "100"}, "option size=100: Input should be greater than or equal to 128"),
        ({"size": "129"}, "option size=129: Input should be a multiple of 2"),
        ({"size": "4000"}, "option size=4000"),
        ({"rate": "0"}, "option rate=0"),
        ({"rate": "1000"}, "option rate=1000"),
        ({"rate": "nan"}, "option rate=nan"),
        ({"sound_rate": "22000"}, "option sound_rate=22000: Input should be 16000, 22050"),
        ({"potrait": "me.png"}, "no option 'potrait'; its options: portrait"),
    ],
)
def test_options_out_of_range(options: dict[str, str], told: str) -> None:
    with pytest.raises(CallError, match=told):
        va_puppet.__cltool_plugin__.configure(options)  # type: ignore[attr-defined]


def test_a_folder_that_holds_something_is_left_alone(making: Callable, tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("mine")
    with pytest.raises(CallError, match="not an empty folder; give a new one"):
        making(tmp_path)
    with pytest.raises(CallError, match=r"own\.txt is there already"):
        making(tmp_path / "own.txt")
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == ["own.txt"]
    assert (tmp_path / "own.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["jstime,valence", "0,5", "50,5"], "have no column arousal; give CSV"),
        (["time,joy", "0,5"], "have no column valence and no arousal"),
        ([], "have no column valence"),
        ([*ROWS, "5000,happy,5"], "row 102: valence is 'happy', not a number"),
        ([*ROWS, "5000,5,"], "row 102: arousal is '', not a number"),
        ([*ROWS, "5000,nan,5"], "row 102: valence is not a number"),
        ([*ROWS, "5000"], "row 102: valence is None, not a number"),
        ([*ROWS, "5000,0.4,5"], "values run from 0.4 to 5; they must lie between 0.5 and 9.5"),
        ([*ROWS, "5000,5,9.6"], "values run from 5 to 9.6"),
        ([*ROWS, "4950,5,5"], "jstime must rise from row to row"),
        (ROWS[:21], "last 1.0 s, a film 3 s; give longer traces"),
        (ROWS, "last 5.0 s, 2 films 6 s; give longer traces, or ask for less"),
    ],
)
def test_traces_that_are_none(refused: Callable, tmp_path: Path, rows: list[str], told: str) -> None:
    (tmp_path / "trace.csv").write_text("\n".join(rows))
    message = refused(traces=tmp_path / "trace.csv")
    assert told in message
    assert "trace.csv" in message


def test_traces_that_cannot_be_read(refused: Callable, tmp_path: Path) -> None:
    assert "No such file" in refused(traces=tmp_path / "nowhere.csv")
    assert "Is a directory" in refused(traces=tmp_path)
    (tmp_path / "trace.csv").write_bytes(b"\xff\xfe\x00\x80")
    assert "cannot be read" in refused(traces=tmp_path / "trace.csv")


def test_portraits_that_are_no_pictures(refused: Callable, tmp_path: Path) -> None:
    assert "No such file" in refused(portrait=tmp_path / "nowhere.png")
    (tmp_path / "text.png").write_text("no picture")
    assert "is no picture; give a JPEG or PNG file" in refused(portrait=tmp_path / "text.png")
    Image.fromarray(astronaut().picture).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:20000])
    assert "cannot be read" in refused(portrait=tmp_path / "cut.png")
    assert "there is no such file" in refused(portrait=tmp_path / "whole.png", face_model=tmp_path / "nowhere.task")


@pytest.mark.usefixtures("face_model")
def test_portraits_without_one_face(refused: Callable, tmp_path: Path) -> None:
    path, picture = tmp_path / "portrait.png", astronaut().picture

    def told(pixels: np.ndarray) -> str:
        Image.fromarray(np.ascontiguousarray(pixels)).save(path)
        return refused(portrait=path)

    assert "shows no face; take one with a single face" in told(picture[300:, 300:])
    head = picture[:300, 80:380]
    assert "shows several faces" in told(np.hstack([head, head[:, ::-1]]))
    assert "pixels wide; take one of 40 or more" in told(picture[:300:3, 80:380:3])
