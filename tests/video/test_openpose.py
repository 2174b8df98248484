"""OpenPose's files as OpenPose writes them: both models of the body, every scale, people who come and go."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cltool.errors import CallError
from cltool.video.openpose import BODY, FACE, Keypoints, Person, read_people

SIZE = 640, 480
# OpenPose's doc/02_output.md
BODY_25 = (
    *("Nose", "Neck", "RShoulder", "RElbow", "RWrist", "LShoulder", "LElbow", "LWrist", "MidHip"),
    *("RHip", "RKnee", "RAnkle", "LHip", "LKnee", "LAnkle", "REye", "LEye", "REar", "LEar"),
    *("LBigToe", "LSmallToe", "LHeel", "RBigToe", "RSmallToe", "RHeel"),
)
Points = NDArray[np.float64]


def person(body: Points | None, face: Points | None) -> dict[str, Any]:
    """Somebody as OpenPose 1.7 writes: six digits, hands and 3-D points empty, parts not asked for too."""
    return {
        "person_id": [-1],
        "pose_keypoints_2d": written(body),
        "face_keypoints_2d": written(face),
        **{f"{part}_keypoints_2d": [] for part in ("hand_left", "hand_right")},
        **{f"{part}_keypoints_3d": [] for part in ("pose", "face", "hand_left", "hand_right")},
    }


def written(points: Points | None) -> list[float]:
    return [] if points is None else [float(f"{value:.6g}") for value in points.ravel()]


def write(folder: Path, number: int, people: Sequence[dict[str, Any]], name: str = "film_{:012d}") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name.format(number)}_keypoints.json"
    path.write_text(json.dumps({"version": 1.3, "people": list(people)}, separators=(",", ":")) + "\n")
    return path


def around(x: float, y: float, width: float, count: int = FACE) -> Points:
    """Points on a spiral about a place, all of them seen."""
    angle, reach = np.linspace(0, 12, count), np.linspace(0.2, 0.5, count) * width
    return np.stack([x + reach * np.cos(angle), y + reach * np.sin(angle), np.full(count, 0.8)], 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "film"


# --- a file ---


def test_both_models_of_the_body_give_the_same_eighteen_points(folder: Path) -> None:
    of_25 = np.array([(10 * i + 1, 7 * i + 2, 0.5 + i / 100) for i in range(25)])
    sides = {"R": "right ", "L": "left "}
    names = [sides.get(name[0], "") + (name[1:] if name[0] in sides else name).lower() for name in BODY_25]
    of_18 = of_25[[names.index(name) for name in BODY]]
    one, other = (
        read_people(write(folder, number, [person(points, None)]))[0].body
        for number, points in enumerate((of_25, of_18))
    )
    assert one == pytest.approx(of_18, abs=1e-4)
    assert other == pytest.approx(of_18, abs=1e-4)


def test_the_first_versions_called_points_otherwise(folder: Path) -> None:
    body, face = around(300, 200, 90, 18), around(300, 100, 50)
    path = write(folder, 0, [])
    told = {"version": 1.0, "people": [{"pose_keypoints": written(body), "face_keypoints": written(face)}]}
    path.write_text(json.dumps(told))
    (found,) = read_people(path)
    assert found.body == pytest.approx(body, abs=1e-2)
    assert found.face == pytest.approx(face, abs=1e-2)


def test_a_point_that_is_not_seen_is_zeros(folder: Path) -> None:
    body, face = around(300, 200, 90, 25), around(300, 100, 50)
    body[3] = 0  # right elbow
    face[7] = 5, 5, 0  # no confidence, whatever its place
    face[9, 0] = np.nan
    (found,) = read_people(write(folder, 0, [person(body, face)]))
    assert found.body is not None
    assert found.face is not None
    assert (found.body == 0).all(1).tolist() == [point == 3 for point in range(18)]
    assert (found.face == 0).all(1).tolist() == [point in (7, 9) for point in range(FACE)]
    assert len(found.seen) == FACE - 2


def test_confidence_stays_below_one(folder: Path) -> None:
    face = around(300, 100, 50)
    face[:, 2] = 1.04
    (found,) = read_people(write(folder, 0, [person(None, face)]))
    assert found.face is not None
    assert (found.face[:, 2] == 1).all()


def test_whoever_shows_no_point_is_nobody(folder: Path) -> None:
    nobody = person(np.zeros((25, 3)), np.zeros((FACE, 3)))
    assert read_people(write(folder, 0, [nobody])) == []
    assert read_people(write(folder, 1, [])) == []


# --- a film ---


def seen_at(found: Person | None) -> tuple[float, float] | None:
    """Middle of the face in pixels."""
    if found is None:
        return None
    assert found.face is not None
    x, y = found.face[:, :2].mean(0) * SIZE
    return round(float(x)), round(float(y))


def middle(face: Points) -> tuple[float, float]:
    x, y = face[:, :2].mean(0)
    return round(float(x)), round(float(y))


def test_each_frame_has_its_file_and_missing_ones_are_none(folder: Path) -> None:
    for number in (0, 2, 11):
        write(folder, number, [person(None, around(100 + 10 * number, 100, 200))])
    write(folder, 3, [])
    read = Keypoints(folder)
    found = [seen_at(read(frame, SIZE)) for frame in range(14)]
    wanted = {number: middle(around(100 + 10 * number, 100, 200)) for number in (0, 2, 11)}
    assert found == [wanted.get(frame) for frame in range(14)]


def test_a_file_is_read_no_earlier_than_its_frame(folder: Path) -> None:
    for number in range(3):
        path = write(folder, number, [person(None, around(200, 100, 80))])
    path.write_text(path.read_text()[:-20])
    read = Keypoints(folder)
    assert [read(frame, SIZE) is not None for frame in range(2)] == [True, True]
    with pytest.raises(CallError, match=path.name):
        read(2, SIZE)


@pytest.mark.parametrize(
    ("name", "of_pictures", "numbers", "frames"),
    [
        ("film_{:012d}", False, (1, 2), (1, 2)),  # OpenPose counts a film's frames from 0
        ("film2_{:012d}", False, (0, 3), (0, 3)),
        ("{:05d}", True, (1, 3), (0, 2)),  # it calls the file of 00001.jpg 00001
        ("{:05d}", True, (0, 3), (0, 3)),
        ("{:012d}", True, (0, 1), (0, 1)),
    ],
)
def test_which_frame_a_number_means(
    folder: Path, name: str, of_pictures: bool, numbers: Sequence[int], frames: Sequence[int]
) -> None:
    for number in numbers:
        write(folder, number, [person(None, around(200, 100, 80))], name)
        (folder / f"._{name.format(number)}_keypoints.json").touch()  # as some systems leave beside a file
    (folder / "notes.txt").touch()
    read = Keypoints(folder, of_pictures)
    assert [frame for frame in range(5) if read(frame, SIZE)] == list(frames)


SCALES: dict[str, Callable[[Points], Points]] = {
    "pixels": lambda places: places,
    "unit": lambda places: places / SIZE,
    "signed": lambda places: 2 * places / SIZE - 1,
}


@pytest.mark.parametrize("given", ["told", "auto"])
@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_gives_the_same_shares(folder: Path, scale: Any, given: str) -> None:
    body, face = around(300, 200, 350, 25), around(250, 120, 120)
    body[10] = 0
    wanted = [points[:, :2] / SIZE for points in (np.delete(body, 8, 0)[:18], face)]
    for points in (body, face):
        shown = points[:, 2] > 0
        points[shown, :2] = SCALES[scale](points[shown, :2])
    write(folder, 0, [])
    write(folder, 1, [person(body, face)])
    read = Keypoints(folder, scale=scale if given == "told" else "auto")
    assert read.scale == scale
    found = read(1, SIZE if scale == "pixels" else None)
    assert found is not None
    assert found.body is not None
    assert found.face is not None
    assert found.body[:, :2] == pytest.approx(wanted[0], abs=1e-5)
    assert found.face[:, :2] == pytest.approx(wanted[1], abs=1e-5)
    assert found.body[9].tolist() == [0, 0, 0]  # it is missing, not in the middle of [-1, 1]


def test_signed_is_told_by_whoever_is_above_the_middle(folder: Path) -> None:
    face = around(0.5, 0.6, 0.1)
    write(folder, 0, [person(None, face)])
    assert Keypoints(folder).scale == "unit"
    write(folder, 1, [person(None, face * (1, -1, 1))])
    assert Keypoints(folder).scale == "signed"


def test_a_few_points_beyond_the_edge_do_not_make_it_signed(folder: Path) -> None:
    write(folder, 0, [person(None, around(0.1, 0.6, 0.3))])
    assert Keypoints(folder).scale == "unit"


def test_without_a_size_pixels_mean_nothing_but_are_followed(folder: Path) -> None:
    one, other = around(100, 100, 60), around(400, 100, 50)
    write(folder, 0, [person(None, other), person(None, one)])
    write(folder, 1, [person(None, other), person(None, one)])
    read = Keypoints(folder)
    assert read(0, None) is None
    assert seen_at(read(1, SIZE)) == middle(one)


# --- people ---


def test_the_largest_face_is_followed_in_whatever_order_people_are_told(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(20):
        one, other = around(100 + 8 * number, 200, 60), around(500 - 8 * number, 300, 40 + 3 * number)
        people = [person(around(face[0, 0], 350, 150, 25), face) for face in (one, other)]
        write(folder, number, [people[i] for i in rng.permutation(2)])
    read = Keypoints(folder)
    assert [seen_at(read(frame, SIZE)) for frame in range(20)] == [
        middle(around(100 + 8 * number, 200, 60)) for number in range(20)
    ]


def test_a_face_goes_before_a_larger_body_that_shows_none(folder: Path) -> None:
    face = around(300, 100, 60)
    from_behind = person(around(500, 250, 400, 25), np.zeros((FACE, 3)))
    write(folder, 0, [from_behind, person(around(300, 250, 300, 25), face)])
    assert seen_at(Keypoints(folder)(0, SIZE)) == middle(face)


def test_a_body_without_a_face_is_followed_too(folder: Path) -> None:
    """Somebody who turns away has a body still; a face elsewhere does not take the place."""
    face, body = around(300, 100, 60), around(300, 250, 300, 25)
    stranger = person(around(600, 400, 60, 25), around(600, 380, 30))
    write(folder, 0, [stranger, person(body, face)])
    write(folder, 1, [stranger, person(body, np.zeros((FACE, 3)))])
    read = Keypoints(folder)
    for frame in range(2):
        found = read(frame, SIZE)
        assert found is not None
        assert found.body is not None
        assert found.body[0, 0] * SIZE[0] == pytest.approx(body[0, 0], abs=0.1)


def test_a_part_that_was_not_asked_for_is_lacking(folder: Path) -> None:
    write(folder, 0, [])
    assert not Keypoints(folder).lacks("face")  # nobody has been there to show one
    write(folder, 1, [person(around(300, 200, 90, 25), None)])
    assert Keypoints(folder).lacks("face")
    assert not Keypoints(folder).lacks("body")
    write(folder, 1, [person(around(300, 200, 90, 25), np.zeros((FACE, 3)))])
    assert not Keypoints(folder).lacks("face")
