"""Body points, from OpenPose's files for real; MediaPipe's side of it on made-up poses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from mediapipe.tasks.python.components.containers.landmark import NormalizedLandmark
from mediapipe.tasks.python.vision.pose_landmarker import PoseLandmark
from numpy.typing import NDArray

from cltool.progress import Silent
from cltool.video.films import Film
from cltool.video.modalities import Extractor, Picture
from cltool.video.openpose import BODY
from cltool_plugins.modalities.body import PoseRows, body
from cltool_plugins.modalities.body18 import body18

SIZE = 640, 480


def standing(x: float, y: float, width: float = 100) -> NDArray[np.float32]:
    """BODY_25 of somebody, in pixels."""
    rng = np.random.default_rng(0)
    places = rng.uniform(-0.5, 0.5, (25, 2)) * width + (x, y)
    return np.concatenate([places, np.full((25, 1), 0.7)], 1).astype(np.float32)


def extractor(film: Film, **options: Any) -> Extractor:
    return body(film, None, Silent(), **options)


# --- OpenPose's files ---


def test_openpose_points_as_shares_of_the_picture(openpose_film: Callable, frames: Callable) -> None:
    points = standing(300, 200)
    points[4] = 0  # right wrist
    film = openpose_film({0: [(points, None)], 2: [(np.zeros((25, 3)), None)], 3: []})
    found = extractor(film)(frames(5))
    assert {name: rows.values.shape for name, rows in found.items()} == {
        "body": (5, 18, 2),
        "body_confidence": (5, 18),
    }
    for rows in found.values():
        assert rows.valid.tolist() == [True, False, False, False, False]
        assert not rows.values[1:].any()
        assert rows.values.dtype == np.float32
    wanted = np.delete(points, 8, 0)[:18]
    assert found["body"].values[0] == pytest.approx(wanted[:, :2] / SIZE, abs=1e-6)
    assert found["body_confidence"].values[0] == pytest.approx(wanted[:, 2])
    assert found["body_confidence"].values[0, 4] == 0


def test_batches_go_on_where_the_last_ended(openpose_film: Callable, frames: Callable) -> None:
    film = openpose_film({number: [(standing(100 + number, 200), None)] for number in range(7)})
    whole = extractor(film)(frames(7))
    parts, at = [], extractor(film)
    for first, count in ((0, 3), (3, 1), (4, 3)):
        parts.append(at(frames(count, first)))
    for name, rows in whole.items():
        assert np.array_equal(np.concatenate([part[name].values for part in parts]), rows.values)


def test_a_frame_without_picture_has_the_last_ones_size(openpose_film: Callable, frames: Callable) -> None:
    film = openpose_film({number: [(standing(300, 200), None)] for number in range(4)})
    found = extractor(film)(frames(4, empty=(0, 2)))["body"]
    assert found.valid.tolist() == [False, True, True, True]
    assert np.array_equal(found.values[2], found.values[1])


def test_files_of_numbered_pictures_are_called_as_these(
    openpose_film: Callable, frames: Callable, tmp_path: Path
) -> None:
    film = openpose_film({number: [(standing(300, 200), None)] for number in (1, 3)})
    assert extractor(film)(frames(4))["body"].valid.tolist() == [False, True, False, True]  # a film's, from 0
    for path in film.keypoints.iterdir():
        path.rename(path.with_name(path.name[-len("00001_keypoints.json") :]))
    (tmp_path / "pictures").mkdir()
    film = replace(film, pictures=tmp_path / "pictures")
    assert extractor(film)(frames(4))["body"].valid.tolist() == [True, False, True, False]


def test_files_may_lie_elsewhere(openpose_film: Callable, frames: Callable) -> None:
    film = openpose_film({0: [(standing(300, 200), None)]})
    files = film.keypoints.parent
    bare = Film(film.name, film.pictures)
    assert extractor(bare, files=files)(frames(1))["body"].valid.all()


# --- MediaPipe ---


def by_name(points: dict[str, tuple[float, float, float]]) -> NDArray[np.float32]:
    """A pose [33, 3] whose points are far outside unless named."""
    pose = np.full((33, 3), -9, np.float32)
    for name, point in points.items():
        pose[PoseLandmark[name.upper().replace(" ", "_")]] = point
    return pose


def test_each_point_is_the_one_of_its_name() -> None:
    places = {name: (0.1 + 0.04 * i, 0.9 - 0.04 * i, 0.3 + 0.02 * i) for i, name in enumerate(BODY) if name != "neck"}
    found = body18(by_name(places))
    for name, place in places.items():
        assert found[BODY.index(name)] == pytest.approx(place), name


def test_the_neck_lies_between_the_shoulders() -> None:
    found = body18(by_name({"right shoulder": (0.2, 0.6, 0.9), "left shoulder": (0.6, 0.8, 0.4)}))
    assert found[BODY.index("neck")] == pytest.approx((0.4, 0.7, 0.4))


def test_what_lies_outside_the_picture_is_not_seen() -> None:
    found = body18(by_name({"right shoulder": (-0.2, 0.6, 0.9), "left shoulder": (0.6, 0.8, 0.4)}))
    seen = {BODY[i] for i in found[:, 2].nonzero()[0]}
    assert seen == {"left shoulder", "neck"}
    assert not found[found[:, 2] == 0].any()


class FakeLandmarker:
    """A stand-in for MediaPipe's pose landmarker, whose model is not at hand: tells given poses."""

    def __init__(self, poses: list[list[NDArray[np.float32]]]) -> None:
        self.about = {"model": "none"}
        self.poses, self.times, self.closed = iter(poses), list[float](), False

    def __call__(self, picture: Picture, time: float) -> Any:
        self.times.append(time)
        return SimpleNamespace(
            pose_landmarks=[
                [NormalizedLandmark(x=x, y=y, z=0, visibility=v, presence=v) for x, y, v in pose.tolist()]
                for pose in next(self.poses)
            ]
        )

    def close(self) -> None:
        self.closed = True


def someone(x: float, width: float) -> NDArray[np.float32]:
    return by_name(
        {"right shoulder": (x - width, 0.5, 0.9), "left shoulder": (x + width, 0.6, 0.8), "nose": (x, 0.3, 1)}
    )


def test_frames_go_through_the_landmarker_one_by_one(frames: Callable) -> None:
    small, large = someone(0.2, 0.05), someone(0.7, 0.1)
    fake = FakeLandmarker([[small, large], [large, small], [], [by_name({})]])
    rows = PoseRows(fake)
    assert rows.about == fake.about
    found = rows(frames(5, empty=(1,)))
    assert found["body"].valid.tolist() == [True, False, True, False, False]
    assert found["body"].values[[0, 2], 0] == pytest.approx(np.array([(0.7, 0.3)] * 2))
    assert found["body_confidence"].values[0, :2] == pytest.approx([1, 0.8])
    assert fake.times == pytest.approx([0, 0.08, 0.12, 0.16])
    rows.close()
    assert fake.closed


def test_auto_takes_openpose_where_it_found_bodies(
    openpose_film: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[Path, int]] = []
    model = tmp_path / "pose.task"
    model.touch()

    def open_fake(task: str, path: Path, options: dict[str, Any]) -> FakeLandmarker:
        made.append((path, options["num_poses"]))
        return FakeLandmarker([])

    monkeypatch.setattr("cltool_plugins.modalities.body.Landmarker", open_fake)
    with_bodies = openpose_film({0: [(standing(300, 200), None)]})
    assert body(with_bodies, model, Silent()).origin == "openpose"
    assert made == []
    only_faces = openpose_film({0: [(None, np.ones((70, 3)))]}, "faces")
    for film, options in (
        (only_faces, {}),
        (Film("bare", tmp_path / "bare.mp4"), {}),
        (with_bodies, {"source": "mediapipe"}),
    ):
        assert body(film, model, Silent(), **options).origin == "mediapipe"
    assert made == [(model, 3)] * 3
