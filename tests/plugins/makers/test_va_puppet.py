"""va-puppet's films: in Aff-Wild2's layout, marked, repeatable, and none depends on another."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cltool.contract import check
from cltool.video.decoding import probe, read_frames, read_sound
from cltool_plugins.corpora.va_puppet import va_puppet as corpus
from cltool_plugins.makers.va_puppet import va_puppet

FRAMES = 30  # of a film
NAMES = ("synthetic-000", "synthetic-001")
LABELS = {
    NAMES[0]: "VA_Estimation_Challenge/Train_Set/synthetic-000.txt",
    NAMES[1]: "VA_Estimation_Challenge/Validation_Set/synthetic-001.txt",
}


def about(root: Path) -> dict:
    return json.loads((root / "synthetic.json").read_text())


def labels(root: Path, name: str) -> np.ndarray:
    return np.loadtxt(root / LABELS[name], delimiter=",", skiprows=1)


def texts(root: Path, name: str) -> dict[str, str]:
    """Labels and points of a film."""
    found = {path.name: path.read_text() for path in (root / "openpose" / name).iterdir()}
    return {**found, "labels": (root / LABELS[name]).read_text()}


def crops(root: Path, name: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "cropped_aligned" / name).iterdir()}


def test_nothing_else_is_there(made: Path) -> None:
    assert {path.name for path in made.iterdir()} == {
        "README.txt", "synthetic.json", "videos", "VA_Estimation_Challenge", "cropped_aligned", "openpose",
    }  # fmt: skip
    assert {path.name for path in (made / "videos").iterdir()} == {f"{name}.mp4" for name in NAMES}
    assert {path.relative_to(made).as_posix() for path in made.rglob("*_Set/*")} == set(LABELS.values())


@pytest.mark.parametrize("name", NAMES)
def test_frames_labels_points_and_sound_belong_together(made: Path, name: str) -> None:
    film = made / "videos" / f"{name}.mp4"
    facts = probe(film)
    assert (facts.width, facts.height, facts.rate, facts.sound_rate) == (128, 128, 10, 22050)
    pictures = [frame.picture for frame in read_frames(film)]
    assert len(pictures) == FRAMES == len(labels(made, name))
    sound = np.concatenate(list(read_sound(film, 22050)))
    assert len(sound) / 22050 == pytest.approx(3.0, abs=0.1)
    assert abs(sound).max() > 0.02
    assert sorted(path.name for path in (made / "openpose" / name).iterdir()) == [
        f"{name}_{frame:012d}_keypoints.json" for frame in range(FRAMES)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_crops_are_missing_where_the_face_is_hidden(made: Path, name: str) -> None:
    hidden = about(made)["films"][name]["hidden"]
    assert (hidden is not None) == (name == NAMES[0])
    without = range(hidden[0], hidden[1] + 1) if hidden else ()
    assert set(crops(made, name)) == {f"{n + 1:05d}.jpg" for n in range(FRAMES) if n not in without}
    for n in without:
        (person,) = json.loads((made / "openpose" / name / f"{name}_{n:012d}_keypoints.json").read_text())["people"]
        assert not any(person["face_keypoints_2d"])
        assert any(person["pose_keypoints_2d"])


def test_crops_are_aligned(made: Path) -> None:
    """Eyes are darker than the skin below them, in every crop at the same place."""
    for name in NAMES:
        for path in (made / "cropped_aligned" / name).iterdir():
            crop = np.asarray(Image.open(path).convert("L"), float)
            assert crop.shape == (112, 112)
            for x in (38, 74):
                eye, cheek = crop[46:58, x - 8 : x + 8].min(), np.median(crop[66:74, x - 4 : x + 4])
                assert eye < 0.75 * cheek, path


@pytest.mark.parametrize("name", NAMES)
def test_some_frames_have_no_label(made: Path, name: str) -> None:
    text = (made / LABELS[name]).read_text().splitlines()
    first, last = about(made)["films"][name]["unlabelled"]
    assert text[0] == "valence,arousal"
    assert [n for n, line in enumerate(text[1:]) if line == "-5,-5"] == list(range(first, last + 1))
    given = labels(made, name)
    given = given[given[:, 0] != -5]
    assert abs(given).max() <= 1
    assert given.std(0).min() > 0.02


def test_the_corpus_reads_them(made: Path) -> None:
    films = {film.name: film for film in corpus(made).films}
    assert set(films) == set(NAMES)
    assert [films[name].split for name in NAMES] == ["train", "validation"]
    assert all(film.synthetic and film.sound and film.keypoints and film.labels for film in films.values())
    assert films[NAMES[0]].subject != films[NAMES[1]].subject
    assert corpus(made).missing == ()


def test_everything_says_that_it_is_synthetic(made: Path) -> None:
    import av

    told = about(made)
    assert told["synthetic"] is True
    assert "SYNTHETIC" in (made / "README.txt").read_text()
    assert told["portrait"] in (made / "README.txt").read_text()
    for name in NAMES:
        with av.open(str(made / "videos" / f"{name}.mp4")) as film:
            assert "synthetic" in film.metadata["comment"]
        crop = next((made / "cropped_aligned" / name).iterdir())
        assert b"synthetic" in Image.open(crop).info["comment"]
        points = next((made / "openpose" / name).iterdir())
        assert "va-puppet" in json.loads(points.read_text())["synthetic"]


def test_it_is_told_how_films_were_made(made: Path) -> None:
    told = about(made)
    assert told["settings"] == {"seed": 0, "seconds": 3.0, "rate": 10.0, "size": 128, "sound_rate": 22050}
    for name in NAMES:
        film = told["films"][name]
        assert set(film) >= {
            "subject",
            "split",
            "light",
            "temper",
            "voice",
            "heart_rate",
            "mirrored",
            "trace",
            "frames",
        }
        assert 45 < film["heart_rate"] < 120


def test_the_maker_counts_frames_and_tells_how_many(making: Callable, tmp_path: Path) -> None:
    told, counting = making(tmp_path / "out", videos=1, seconds=1.0)
    assert told == {"films": 1, "frames": 10, "seconds": 1.0, "synthetic": True}
    assert counting.bars == {"rendering": [10, 10]}


def test_the_same_seed_makes_the_same_films_however_many(made: Path, making: Callable, tmp_path: Path) -> None:
    making(tmp_path / "one", videos=1)
    making(tmp_path / "other", videos=1, seed=1)
    one = tmp_path / "one"
    assert texts(one, NAMES[0]) == texts(made, NAMES[0])
    assert crops(one, NAMES[0]) == crops(made, NAMES[0])
    assert about(one)["films"][NAMES[0]] == about(made)["films"][NAMES[0]]
    assert texts(tmp_path / "other", NAMES[0]) != texts(made, NAMES[0])


def test_every_other_subject_is_mirrored(making: Callable, tmp_path: Path) -> None:
    making(tmp_path / "out", videos=4, seconds=1.0)
    films = about(tmp_path / "out")["films"]
    sides = {name: film["mirrored"] for name, film in films.items()}
    assert set(sides.values()) == {False, True}
    wall = {}  # what is above the shoulders on either side: a flag on one, a shuttle on the other
    for name in films:
        first = next(read_frames(tmp_path / "out" / "videos" / f"{name}.mp4")).picture
        assert first is not None
        wall[name] = first[50:85, :, 0].astype(float) - first[50:85, :, 1]
    for name, redness in wall.items():
        assert (redness[:, :10].mean() < redness[:, -10:].mean()) == sides[name], name


def test_traces_are_shown_as_given(making: Callable, tmp_path: Path) -> None:
    rows = [f"{50 * n},{5 + 4 * np.sin(n / 9):.4f},{5 + 4 * np.cos(n / 9):.4f},1" for n in range(70)]
    (tmp_path / "trace.csv").write_text("\n".join(["jstime,valence,arousal,video", *rows]))
    making(tmp_path / "out", videos=1, traces=tmp_path / "trace.csv")
    origin = about(tmp_path / "out")["films"][NAMES[0]]["trace"]
    assert origin["from"] == "trace.csv"
    n = (origin["start_s"] + np.arange(FRAMES) / 10) * 20
    expected = 4 / 4.5 * np.column_stack([np.sin(n / 9), np.cos(n / 9)])
    found = labels(tmp_path / "out", NAMES[0])
    given = found[:, 0] != -5
    np.testing.assert_allclose(found[given], expected[given], atol=0.01)


def test_an_empty_folder_will_do(making: Callable, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    making(tmp_path / "out", videos=1, seconds=1.0)
    assert (tmp_path / "out" / "README.txt").is_file()


def test_it_keeps_to_its_contract() -> None:
    check(va_puppet)
