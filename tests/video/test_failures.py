"""Wrong films: one line that says what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import pytest

from cltool import maker
from cltool.errors import CallError
from cltool.video.decoding import probe, read_frames, read_sound
from cltool.video.films import Film
from cltool.video.making import make
from cltool.video.splits import split


def empty_film(path: Path) -> None:
    """An mp4 with a track of pictures and none in it."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        container.start_encoding()


def only_sound(path: Path, film: Callable[..., Path]) -> None:
    source = film()
    with av.open(str(source)) as given, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(given.streams.audio[0])
        for packet in given.demux(given.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("nothing", "there is no such film"),
        ("text", "cannot be read as a film"),
        ("no bytes", "cannot be read as a film"),
        ("no frames", "holds no frame that can be read"),
        ("only sound", "holds no frame that can be read"),
        ("a header alone", "holds no frame that can be read"),
        ("empty folder", "holds no numbered pictures such as 00001.jpg"),
        ("broken pictures", "none of the 1 pictures in"),
    ],
)
def test_what_is_no_film(tmp_path: Path, film: Callable[..., Path], content: str, told: str) -> None:
    path = tmp_path / "given.mp4"
    match content:
        case "text":
            path.write_text("This is a text file called .mp4.\n" * 40)
        case "no bytes":
            path.write_bytes(b"")
        case "no frames":
            empty_film(path)
        case "only sound":
            only_sound(path, film)
        case "a header alone":
            path.write_bytes(film().read_bytes()[:200])
        case "empty folder":
            path.mkdir()
        case "broken pictures":
            path.mkdir()
            (path / "00001.jpg").write_text("no picture")
    with pytest.raises(CallError, match=told) as raised:
        probe(path)
    assert "given.mp4" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_frames_and_sound_of_what_is_no_film(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="there is no such film"):
        next(read_frames(tmp_path / "nowhere.mp4"))
    with pytest.raises(CallError, match="there is no such film"):
        next(read_sound(tmp_path / "nowhere.mp4", 16_000))


def films(count: int, **changes: object) -> list[Film]:
    return [Film(f"video{number}", Path(f"{number}.mp4"), **changes) for number in range(count)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "how", "told"),
    [
        (films(10), "70-30", "there is no split '70-30'; did you mean '70/30'?"),
        (films(10), "5-fold", "there is no split '5-fold'; there are: 5-fold:1"),
        (films(10), "5-fold:6", "there is no split '5-fold:6'; did you mean '5-fold:"),
        (films(10), "5-fold:0", "there is no split '5-fold:0'"),
        (films(10), "given", "the data set has no training films of its own; take 70/30, 90/10, 5-fold:1"),
        (films(3, split="train"), "given", "the data set has no validation films of its own"),
        (films(1), "70/30", "split 70/30 needs at least 2 different videos or people; found 1 (films: 1)"),
        (films(0), "90/10", "needs at least 2 different videos or people; found 0"),
        (films(9, subject="Ann"), "70/30", "found 1 (films: 9)"),
        (films(4), "5-fold:1", "needs at least 5 different videos or people; found 4"),
    ],
)
def test_splits_that_cannot_be(given: list[Film], how: str, told: str) -> None:
    with pytest.raises(CallError) as caught:
        split(given, how)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@maker
def scribble(out: Path) -> None:
    """Make a file."""
    (out / "a.txt").write_text("made")


def test_nothing_is_made_over_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious").touch()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    scribbler = scribble.__cltool_plugin__.configure()  # type: ignore[attr-defined]
    for place, told in (
        (tmp_path / "out", "is not empty; take another folder"),
        (Path(), "is the folder you are in"),
        (tmp_path / "out" / "precious" / "in", "no folder one can write to"),
    ):
        with pytest.raises(CallError, match=told):
            make(scribbler, place, 1, 1)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["here", "out", "precious"]
