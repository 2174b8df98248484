"""All wrong calls of the modalities together: each is answered by one line that says what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cltool.errors import CallError
from cltool.plugin import Plugin
from cltool.progress import Silent
from cltool.video.facs import BLENDSHAPES, action_units
from cltool.video.films import Film
from cltool.video.modalities import Extractor
from cltool_plugins.modalities.body import body
from cltool_plugins.modalities.landmarks import landmarks
from cltool_plugins.modalities.openface import openface

FACE = np.full((70, 3), 100.0)
BODY = np.full((25, 3), 100.0)
BARE = Film("bare", Path("bare.mp4"))


def one_line(error: pytest.ExceptionInfo[CallError]) -> bool:
    return "\n" not in str(error.value)


def of_body(film: Film, model: Path | None = None, **options: Any) -> Extractor:
    return body(film, model, Silent(), **options)


# --- OpenPose's files ---


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is no JSON, or not all of it"),
        ("frame 12", "is no JSON, or not all of it"),
        ("\x00\xff", "is no JSON, or not all of it"),
        ("[]", "has no list of people"),
        ("{}", "has no list of people"),
        ('{"version":1.3,"people":{}}', "has no list of people"),
        ('{"version":1.3,"people":[[1,2,3]]}', "has no list of people"),
        ('{"people":[{"pose_keypoints_2d":[1,2,3]}]}', "has 3 numbers where 54 .* or 75"),
        (json.dumps({"people": [{"pose_keypoints_2d": [1.0] * 45}]}), "has 45 numbers where 54 .* or 75"),  # model MPI
        (json.dumps({"people": [{"face_keypoints_2d": [1.0] * 204}]}), "has 204 numbers where 210 numbers"),
        (json.dumps({"people": [{"face_keypoints_2d": [1.0] * 209}]}), "has 209 numbers where 210 numbers"),
        (json.dumps({"people": [{"face_keypoints_2d": ["x"] * 210}]}), "has something else where 210"),
        (json.dumps({"people": [{"face_keypoints_2d": [[1.0] * 210]}]}), "has something else where 210"),
        (json.dumps({"people": [{"face_keypoints_2d": 7}]}), "has something else where 210"),
        (json.dumps({"people": [{"face_keypoints_2d": None}]}), "has something else where 210"),
    ],
)
@pytest.mark.parametrize("extractor", [of_body, landmarks])
def test_a_file_that_is_not_openposes(
    openpose_film: Callable, extractor: Callable[..., Extractor], content: str, told: str
) -> None:
    film = openpose_film({0: [], 1: []})
    path = film.keypoints / "film_000000000001_keypoints.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(CallError, match=told) as error:
        extractor(film)
    assert str(path) in str(error.value)
    assert one_line(error)


def test_a_file_that_was_cut_off(openpose_film: Callable, frames: Callable) -> None:
    film = openpose_film({number: [(BODY, FACE)] for number in range(3)})
    path = film.keypoints / "film_000000000002_keypoints.json"
    path.write_text(path.read_text()[:700])
    rows = landmarks(film)
    with pytest.raises(CallError, match=r"is no JSON, or not all of it .* have OpenPose write it again") as error:
        rows(frames(3))
    assert str(path) in str(error.value)
    assert one_line(error)


def test_a_folder_without_such_files(tmp_path: Path) -> None:
    folder = tmp_path / "openpose"
    film = Film("film", Path("film.mp4"), keypoints=folder)
    with pytest.raises(CallError, match=r"openpose: there is no such folder; .* --write_json"):
        landmarks(film)
    folder.mkdir()
    for name in ("notes.txt", "film_000000000000.json", "film_000000000000_pose.yml", "film_keypoints.json"):
        (folder / name).write_text("{}")
    with pytest.raises(CallError, match=r"openpose holds no file such as film_000000000000_keypoints\.json"):
        landmarks(film)


def test_files_of_two_films_in_one_folder(openpose_film: Callable) -> None:
    film = openpose_film({0: []})
    (film.keypoints / "other_000000000000_keypoints.json").write_text("{}")
    with pytest.raises(CallError, match=r"film_0+_keypoints.json and other_0+_keypoints.json tell of one frame"):
        landmarks(film)


# --- landmarks ---


def test_landmarks_of_openpose_that_has_none(openpose_film: Callable) -> None:
    with pytest.raises(CallError, match="bare has no files of OpenPose; give landmarks:files=FOLDER, or take another"):
        landmarks(BARE, source="openpose")
    with pytest.raises(CallError, match="has no points of the face; run OpenPose with --face"):
        landmarks(openpose_film({0: [(BODY, None)]}), source="openpose")


def test_a_film_that_a_folder_of_files_lacks(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="bare: there is no such folder"):
        landmarks(BARE, files=tmp_path)


# --- body ---


def test_a_body_of_openpose_that_has_none(openpose_film: Callable) -> None:
    with pytest.raises(CallError, match="bare has no files of OpenPose; give body:files=FOLDER"):
        of_body(BARE, source="openpose")
    with pytest.raises(CallError, match="has no points of the body; run OpenPose with --body 1"):
        of_body(openpose_film({0: [(None, FACE)]}), source="openpose")


def test_a_pose_model_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="there is no such file"):
        of_body(BARE, tmp_path / "pose.task")


def test_another_model_than_that_of_poses(face_model: Path, tmp_path: Path) -> None:
    with pytest.raises(CallError, match=r"is no model of MediaPipe's PoseLandmarker .*; give another") as error:
        of_body(BARE, face_model)
    assert one_line(error)
    broken = tmp_path / "broken.task"
    broken.write_text("no model")
    with pytest.raises(CallError, match=r"broken\.task is no model of MediaPipe's PoseLandmarker"):
        of_body(BARE, broken)


# --- OpenFace's CSV ---

POINTS, ACTIONS = np.full((68, 2), 50.0), np.ones(17)


def rows_of(path: Path) -> Extractor:
    return openface(Film("film", Path("film.mp4"), actions=path))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is not OpenFace 2's CSV of a film: it has no column frame"),
        ("a text\nof lines\n", "it has no column frame"),
        ("\x00\xff\xfe", "it has no column frame"),
        ("face, confidence, x_0\n0, 0.98, 5\n", "it has no column frame"),  # of single pictures
        ("frame, timestamp, confidence\n", "it has no column success"),
        ("frame, face_id, timestamp, confidence, success, gaze_0_x\n", "has no column AU01_r; .* with -2Dfp and -aus"),
    ],
)
def test_a_csv_that_is_not_openfaces(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "given.csv"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(CallError, match=told) as error:
        rows_of(path)
    assert str(path) in str(error.value)
    assert one_line(error)


def test_a_csv_without_landmarks(openface_csv: Callable) -> None:
    path = openface_csv([(1, 1, POINTS, ACTIONS)])
    path.write_text(path.read_text().replace(" y_67", " Y_67"))
    with pytest.raises(CallError, match="has no column y_67; run OpenFace's FeatureExtraction with -2Dfp"):
        rows_of(path)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (lambda row: row[: len(row) // 2], "line 3 is not 159 numbers; have OpenFace write the file again"),
        (lambda row: row.replace("50.0", "fifty", 1), "line 3 is not 159 numbers"),
        (lambda row: "nan" + row[1:], "line 3 is not 159 numbers"),
        (lambda row: row.rpartition(",")[0], "line 3 is not 159 numbers"),
        (lambda row: '"' + row, "line 3 is not 159 numbers"),
        (lambda row: "\0" * 200_000, "line 3 is not 159 numbers"),
        (lambda row: "0" + row[1:], "line 3: frame 0 comes after 1; sort the rows by frame"),
    ],
)
def test_a_row_that_is_not_whole(
    openface_csv: Callable, frames: Callable, broken: Callable[[str], str], told: str
) -> None:
    path = openface_csv([(1, 1, POINTS, ACTIONS), (2, 1, POINTS, ACTIONS)])
    *lines, last = path.read_text().splitlines()
    path.write_text("\n".join([*lines, broken(last)]))
    rows = rows_of(path)
    with pytest.raises(CallError, match=told) as error:
        rows(frames(2))
    assert str(path) in str(error.value)
    assert one_line(error)


def test_a_film_without_openface(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="bare has no CSV of OpenFace; give openface:files=FOLDER"):
        openface(BARE)
    with pytest.raises(CallError, match=r"bare.csv cannot be read: No such file or directory; give the CSV"):
        openface(BARE, files=tmp_path)


# --- action units ---


def test_blendshapes_that_are_not_all_there() -> None:
    names = [name for parts in BLENDSHAPES.values() for name in parts if name != "jawOpen"]
    with pytest.raises(CallError, match="jawOpen is not among the names"):
        action_units(np.zeros((1, len(names)), np.float32), names)


# --- options ---


@pytest.mark.parametrize(
    ("extractor", "options", "told"),
    [
        (body, {"source": "alphapose"}, "source=alphapose.*'auto', 'openpose' or 'mediapipe'"),
        (body, {"people": "0"}, "people=0"),
        (body, {"confidence": "1"}, "confidence=1"),
        (landmarks, {"source": "mediapipe"}, "source=mediapipe.*'auto', 'openpose' or 'mesh'"),
        (landmarks, {"scale": "metres"}, "scale=metres.*'pixels', 'unit' or 'signed'"),
        (openface, {"confidence": "2"}, "confidence=2"),
    ],
)
def test_options_are_checked_before_anything_runs(extractor: Any, options: dict[str, str], told: str) -> None:
    plugin: Plugin = extractor.__cltool_plugin__
    with pytest.raises(CallError, match=told):
        plugin.configure(options)
