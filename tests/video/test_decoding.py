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


def test_a_film_that_breaks_off_gives_what_there_is_and_says_so(film: Make, number_of: Callable) -> None:
    path, notes = film(frames=30), list[str]()
    whole = path.read_bytes()
    path.write_bytes(whole[: int(0.7 * len(whole))])
    found = list(read_frames(path, notes.append))
    assert 5 < len(found) < 30
    assert [number_of(frame.picture) for frame in found] == [round(25 * frame.time) for frame in found]
    assert len(notes) == 1
    assert "breaks off" in notes[0]
    assert f"{len(found)} of 30 frames" in notes[0]


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
    notes = list[str]()
    found = list(read_frames(tmp_path, notes.append))
    assert [frame.picture is not None for frame in found] == [True, False, False]
    assert ["00002.png" in note for note in notes] == [True, False]
    assert "00003.png cannot be read" in notes[1]
