"""Film files magnified: frames, rate and sound kept; folders of pictures with gaps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from cltool.progress import Silent
from cltool.video.decoding import probe, read_frames, read_sound
from cltool.video.encoding import film_writer
from cltool.video.magnification import COLOUR, Settings, magnify_film
from cltool.video.magnification.films import _wanted

RATE = 10.0
PULSE = replace(COLOUR, high=4.0)


class Heard(Silent):
    """A Progress that remembers what it was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)


def pulsing(frames: int) -> list[np.ndarray]:
    """Grey pictures that get lighter and darker at 1.25 Hz by 4 levels."""
    grey = 120 + 4 * np.sin(2 * np.pi * 1.25 * np.arange(frames) / RATE)
    return [np.full((48, 64, 3), round(value), np.uint8) for value in grey]


def write(path: Path, frames: int = 40, sound_rate: int | None = 16_000) -> Path:
    with film_writer(path, 64, 48, RATE, sound_rate) as film:
        for picture in pulsing(frames):
            film.write(picture)
        if sound_rate:
            film.hear(0.5 * np.sin(2 * np.pi * 440 * np.arange(round(frames / RATE * sound_rate)) / sound_rate))
    return path


def means(path: Path) -> np.ndarray:
    return np.array([frame.picture.mean() for frame in read_frames(path) if frame.picture is not None])


def test_a_film_keeps_its_frames_rate_size_and_sound(tmp_path: Path) -> None:
    source = write(tmp_path / "in.mp4")
    done = magnify_film(source, tmp_path / "out.mp4", PULSE)
    assert (done.frames, done.rate, done.seconds, done.width, done.height) == (40, RATE, 4.0, 64, 48)
    before, after = probe(source), probe(done.out)
    assert (after.width, after.height, after.rate, after.frames, after.sound_rate) == (64, 48, RATE, 40, 16_000)
    assert (before.frames, done.shown) == (40, ())
    assert means(done.out).std() == pytest.approx(6 * means(source).std(), rel=0.1)
    old, new = (np.concatenate(list(read_sound(path, 16_000))) for path in (source, done.out))
    assert len(new) == pytest.approx(len(old), abs=4000)
    assert np.abs(new[8000:40000]).max() > 0.3


def test_sound_of_an_uncommon_rate_is_resampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cltool.video.magnification import films

    source = write(tmp_path / "in.mp4")
    strange = replace(probe(source), sound_rate=17_000)
    monkeypatch.setattr(films, "probe", lambda path, rate: strange)
    assert probe(magnify_film(source, tmp_path / "out.mp4", PULSE).out).sound_rate == 16_000


def test_side_by_side_the_film_is_on_the_left(tmp_path: Path) -> None:
    source = write(tmp_path / "in.mp4", sound_rate=None)
    done = magnify_film(source, tmp_path / "out.mp4", PULSE, side_by_side=True)
    facts = probe(done.out)
    assert (facts.width, facts.height, facts.sound_rate) == (128, 48, None)
    pictures = np.stack([frame.picture for frame in read_frames(done.out) if frame.picture is not None])
    left, right = pictures[:, :, :60].mean((1, 2, 3)), pictures[:, :, 68:].mean((1, 2, 3))
    assert left == pytest.approx(means(source), abs=1.5)
    assert right.std() == pytest.approx(6 * left.std(), rel=0.1)


def test_missing_pictures_are_those_before_them(tmp_path: Path) -> None:
    folder, heard = tmp_path / "frames", Heard()
    folder.mkdir()
    for number, picture in enumerate(pulsing(30), 1):
        if number not in (1, 2, 10, 11):
            Image.fromarray(picture).save(folder / f"{number:05}.png")
    still = replace(PULSE, alpha=0)
    done = magnify_film(folder, tmp_path / "out.mp4", still, rate=RATE, progress=heard)
    wanted = np.array([picture.mean() for picture in pulsing(30)])
    wanted[[0, 1]], wanted[[9, 10]] = wanted[2], wanted[8]
    assert (done.frames, done.rate) == (30, RATE)
    assert means(done.out) == pytest.approx(wanted, abs=1.5)
    assert heard.lines == [f"{folder}: 4 frames are missing; the ones before were magnified in their place"]


def test_frames_that_come_unevenly_are_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cltool.video import copying

    source, heard = write(tmp_path / "in.mp4"), Heard()
    slow = (frame._replace(time=frame.time * 2) for frame in read_frames(source))
    monkeypatch.setattr(copying, "read_frames", lambda *_: slow)
    magnify_film(source, tmp_path / "out.mp4", PULSE, progress=heard)
    assert len(heard.lines) == 1
    assert "frames come unevenly and are written 10 per second" in heard.lines[0]


def words(path: Path) -> dict[str, str]:
    with av.open(str(path)) as film:
        return {key: value for key, value in film.metadata.items() if key in ("title", "comment")}


@pytest.mark.parametrize("name", ["in.mp4", "in.mkv"])
def test_a_film_keeps_its_title_and_comment(tmp_path: Path, name: str) -> None:
    told = {"title": "A film", "comment": "synthetic: made by a program"}
    with film_writer(tmp_path / "made.mp4", 64, 48, RATE, told=told) as film:
        for picture in pulsing(40):
            film.write(picture)
    with av.open(str(tmp_path / "made.mp4")) as made, av.open(str(tmp_path / name), "w") as copy:
        copy.metadata.update(told)
        stream = copy.add_stream_from_template(made.streams.video[0])
        for packet in made.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    done = magnify_film(tmp_path / name, tmp_path / "out.mp4", PULSE)
    assert words(done.out) == done.told == told
    assert done.synthetic
    plain = magnify_film(write(tmp_path / "plain.mp4"), tmp_path / "out2.mp4", PULSE)
    assert (words(plain.out), plain.told, plain.synthetic) == ({}, {}, False)


@pytest.mark.parametrize("broken", [False, True])
def test_the_first_pictures_comment_is_the_films(tmp_path: Path, broken: bool) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, picture in enumerate(pulsing(30), 1):
        Image.fromarray(picture).save(folder / f"{number:05}.jpg", comment=f"synthetic {number}".encode())
    if broken:
        (folder / "00001.jpg").write_bytes(b"no picture")
    done = magnify_film(folder, tmp_path / "out.mp4", PULSE, rate=RATE)
    assert words(done.out) == done.told == ({} if broken else {"comment": "synthetic 1"})


@pytest.mark.parametrize("settings", [PULSE, replace(PULSE, filter="butterworth")])
def test_frames_to_show_are_kept_when_asked_for(tmp_path: Path, settings: Settings) -> None:
    done = magnify_film(write(tmp_path / "in.mp4"), tmp_path / "out.mp4", settings, show=True)
    assert [round(seconds * RATE) for seconds, _, _ in done.shown] == list(range(10, 30, 2))
    for _, before, after in done.shown:
        assert before.shape == after.shape == (48, 64, 3)
    assert any((before != after).any() for _, before, after in done.shown)


def test_frames_to_show_lie_in_the_middle_as_far_as_that_is_known() -> None:
    assert _wanted(75, 25) == range(12, 62, 5)
    assert _wanted(0, 25) == range(0, 50, 5)
    assert list(_wanted(3, 25)) == list(range(10))  # all of them
