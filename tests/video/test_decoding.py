"""Films as they come: any container, turned, of variable rate, late in sound, broken off, or numbered pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from cltool.video.decoding import probe, read_frames, read_sound

Make = Callable[..., Path]


def sound_of(path: Path, rate: int = 16_000) -> np.ndarray:
    return np.concatenate(list(read_sound(path, rate)) or [np.zeros(0, np.float32)])


def test_frames_come_in_order_with_their_times(film: Make, number_of: Callable) -> None:
    found = list(read_frames(film(frames=24)))
    assert [number_of(frame.picture) for frame in found] == list(range(24))
    assert [frame.time for frame in found] == pytest.approx([0.04 * number for number in range(24)])
    assert all(frame.picture is not None and frame.picture.flags.c_contiguous for frame in found)


@pytest.mark.parametrize(
    ("name", "codecs", "rate", "channels"),
    [
        ("a.mkv", ("libx264", "aac"), 48_000, "stereo"),
        ("a.mov", ("libx264", "aac"), 44_100, "stereo"),
        ("a.avi", ("mpeg4", "mp3"), 22_050, "mono"),
        ("a.mpg", ("mpeg2video", "mp2"), 44_100, "stereo"),
        ("a.webm", ("libvpx", "libopus"), 48_000, "mono"),
        ("a.wav.mkv", ("libx264", "pcm_s16le"), 8_000, "mono"),
    ],
)
def test_any_container_and_sound_rate(
    film: Make, number_of: Callable, name: str, codecs: tuple[str, str], rate: int, channels: str
) -> None:
    path = film(name, codecs=codecs, sound_rate=rate, channels=channels)
    assert [number_of(frame.picture) for frame in read_frames(path)] == list(range(24))
    facts = probe(path)
    assert (facts.width, facts.height, facts.sound_rate) == (96, 64, rate)
    assert facts.rate == pytest.approx(25, rel=0.05)
    heard = sound_of(path)
    assert len(heard) / 16_000 == pytest.approx(0.96, abs=0.1)
    middle = heard[4000:12_000] * np.hanning(8000)
    assert np.abs(np.fft.rfft(middle)).argmax() * 2 == pytest.approx(1000, abs=4)
    assert np.abs(heard[4000:12_000]).max() == pytest.approx(0.5, abs=0.08)


def test_a_variable_rate_is_kept(film: Make) -> None:
    times = [0, 40, 120, 140, 300, 640, 680]
    found = [frame.time for frame in read_frames(film(times=times))]
    assert found == pytest.approx([time / 1000 for time in times], abs=0.002)


def test_a_turned_film_is_shown_upright(film: Make, turned: Callable) -> None:
    path = turned(film())
    facts, frame = probe(path), next(read_frames(path))
    assert (facts.width, facts.height) == (64, 96)
    assert frame.picture.shape == (96, 64, 3)
    assert frame.picture[6, 58, 0] > 200  # what was upper left is now upper right
    assert frame.picture[6, 6].max() < 60


def test_a_silent_film_has_no_sound(film: Make) -> None:
    path = film(sound_rate=None)
    assert probe(path).sound_rate is None
    assert list(read_sound(path, 16_000)) == []


def test_sound_that_begins_late_waits_for_its_time(film: Make) -> None:
    heard = sound_of(film("late.mkv", codecs=("libx264", "pcm_s16le"), late=0.5))
    loud = (np.abs(heard) > 0.1).nonzero()[0]
    assert loud[0] / 16_000 == pytest.approx(0.5, abs=0.01)
    assert len(heard) / 16_000 == pytest.approx(0.96, abs=0.02)


def test_sound_from_before_the_first_frame_is_left_out(film: Make) -> None:
    heard = sound_of(film("early.mkv", codecs=("libx264", "pcm_s16le"), times=[500 + 40 * n for n in range(20)]))
    assert len(heard) / 16_000 == pytest.approx(0.8, abs=0.02)


def test_the_first_frame_is_time_zero(film: Make) -> None:
    assert next(read_frames(film("late.mkv", times=[500, 540, 580]))).time == 0


def test_avi_whose_times_are_out_of_order(film: Make, number_of: Callable) -> None:
    found = list(read_frames(film("b.avi", codecs=("libx264", "mp3"), sound_rate=22_050)))  # with B-frames
    assert [number_of(frame.picture) for frame in found] == list(range(24))
    assert [frame.time for frame in found] == pytest.approx([0.04 * number for number in range(24)])


def test_times_that_jump_back_go_on_and_are_told(film: Make, number_of: Callable, tmp_path: Path) -> None:
    part = film("part.ts", frames=20)
    joined, notes = tmp_path / "joined.ts", list[str]()
    joined.write_bytes(part.read_bytes() * 2)
    found = list(read_frames(joined, notes.append))
    assert [number_of(frame.picture) for frame in found][:20] == list(range(20))
    assert (np.diff([frame.time for frame in found]) > 0).all()
    assert found[-1].time == pytest.approx(0.04 * (len(found) - 1), abs=0.1)
    assert "times jump back" in notes[0]
    assert len(sound_of(joined)) / 16_000 == pytest.approx(0.04 * len(found), abs=0.15)


def test_a_damaged_middle_costs_what_is_damaged(film: Make, number_of: Callable, tmp_path: Path) -> None:
    path, notes = film("hurt.avi", codecs=("mjpeg", "mp3"), sound_rate=22_050, frames=30), list[str]()
    content = bytearray(path.read_bytes())
    starts = [place for place in range(len(content)) if content[place : place + 4] == b"00dc"][:30]
    content[starts[12] + 8 : starts[13]] = bytes(starts[13] - starts[12] - 8)
    path.write_bytes(content)
    found = [frame for frame in read_frames(path, notes.append) if frame.picture is not None]
    assert len(found) >= 28
    assert number_of(found[-1].picture) == 29
    assert any("is damaged" in note for note in notes)


def test_sound_may_change_on_the_way(film: Make, tmp_path: Path) -> None:
    mono = film("mono.ts", codecs=("libx264", "mp2"), sound_rate=32_000)
    stereo = film("stereo.ts", codecs=("libx264", "mp2"), sound_rate=48_000, channels="stereo")
    joined = tmp_path / "joined.ts"
    joined.write_bytes(mono.read_bytes() + stereo.read_bytes())
    heard = sound_of(joined)
    assert len(heard) / 16_000 == pytest.approx(2 * 0.96, abs=0.2)
    assert np.abs(heard[20_000:28_000]).max() == pytest.approx(0.5, abs=0.1)


def test_long_silence_comes_a_second_at_a_time(film: Make) -> None:
    path = film("late.mkv", codecs=("libx264", "pcm_s16le"), times=[0, 40, 8000, 8040], late=7.0)
    assert max(len(block) for block in read_sound(path, 16_000)) <= 16_000
    loud = (np.abs(sound_of(path)) > 0.1).nonzero()[0]
    assert loud[0] / 16_000 == pytest.approx(7, abs=0.02)


@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.mp4"])
def test_whatever_the_container_a_film_that_breaks_off_is_told(film: Make, name: str) -> None:
    codecs = ("libvpx", "libopus") if name == "a.webm" else ("libx264", "aac")
    path, notes = film(name, frames=60, codecs=codecs, sound_rate=48_000), list[str]()
    assert list(read_frames(path, notes.append))
    assert notes == []
    path.write_bytes(path.read_bytes()[: int(0.5 * path.stat().st_size)])
    assert list(read_frames(path, notes.append))
    assert any("breaks off" in note for note in notes), notes


def test_a_film_that_breaks_off_gives_what_there_is_and_says_so(film: Make, number_of: Callable) -> None:
    path, notes = film(frames=30), list[str]()
    whole = path.read_bytes()
    path.write_bytes(whole[: int(0.7 * len(whole))])
    found = list(read_frames(path, notes.append))
    assert 5 < len(found) < 30
    assert [number_of(frame.picture) for frame in found] == [round(25 * frame.time) for frame in found]
    assert f"breaks off: {len(found)} of 30 frames" in notes[-1]


def test_numbered_pictures_keep_their_places(tmp_path: Path) -> None:
    for number in (1, 2, 5):
        cv2.imwrite(str(tmp_path / f"{number:05}.png"), np.full((8, 6, 3), (0, 0, 10 * number), np.uint8))
    (tmp_path / "note.txt").write_text("not a picture")
    found = list(read_frames(tmp_path, rate=20))
    assert [frame.picture is not None for frame in found] == [True, True, False, False, True]
    assert [frame.time for frame in found] == pytest.approx([0, 0.05, 0.1, 0.15, 0.2])
    assert found[4].picture[0, 0].tolist() == [50, 0, 0]  # RGB
    facts = probe(tmp_path, 20)
    assert (facts.width, facts.height, facts.frames, facts.rate) == (6, 8, 5, 20)


def test_pictures_numbered_from_0_begin_there(tmp_path: Path) -> None:
    for number in (0, 2):
        cv2.imwrite(str(tmp_path / f"{number:05}.jpg"), np.zeros((8, 6, 3), np.uint8))
    assert [frame.picture is not None for frame in read_frames(tmp_path)] == [True, False, True]


def test_a_numbered_picture_that_cannot_be_read_is_left_empty(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "00001.png"), np.zeros((8, 6, 3), np.uint8))
    (tmp_path / "00002.png").write_text("no picture")
    (tmp_path / "00003.png").write_bytes(b"")
    (tmp_path / "00004.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "00005.png").mkdir()
    (tmp_path / "20220131.jpg").touch()  # a date, no frame
    notes = list[str]()
    found = list(read_frames(tmp_path, notes.append))
    assert [frame.picture is not None for frame in found] == [True, False, False, False, False]
    assert [f"0000{number}.png cannot be read" in note for number, note in enumerate(notes, 2)] == [True] * 4
