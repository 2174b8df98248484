"""Face points, from OpenPose's files and from the mesh; a real face's against annotated ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cltool.video.films import Film
from cltool.video.modalities import Rows
from cltool_plugins.modalities.face70 import FACE70
from cltool_plugins.modalities.landmarks import landmarks
from cltool_plugins.modalities.mesh import face_landmarker

SIZE = 640, 480
BARE = Film("bare", Path("bare.mp4"))
FACE = np.random.default_rng(0).uniform((200, 100, 0.3), (300, 220, 0.9), (70, 3))
BODY = np.random.default_rng(1).uniform((100, 100, 0.3), (400, 480, 0.9), (25, 3))


def mesh_rows(count: int) -> Rows:
    rng = np.random.default_rng(2)
    valid = np.arange(count) != 1
    return Rows(rng.random((count, 478, 3), np.float32) * valid[:, None, None], valid)


def test_the_meshs_points_in_openposes_order(frames: Callable) -> None:
    mesh = mesh_rows(3)
    found = landmarks(BARE)(frames(3, rows={"mesh": mesh}))
    places, sure = found["landmarks"], found["landmarks_confidence"]
    assert places.values.shape == (3, 70, 2)
    assert places.valid.tolist() == sure.valid.tolist() == [True, False, True]
    assert np.array_equal(places.values[2, 68], mesh.values[2, 468, :2])  # right pupil
    assert np.array_equal(places.values[0, 8], mesh.values[0, 152, :2])  # chin
    assert sure.values.tolist() == [[1.0] * 70, [0.0] * 70, [1.0] * 70]


def test_openposes_points_as_shares_of_the_picture(openpose_film: Callable, frames: Callable) -> None:
    part = FACE.copy()
    part[12] = 0
    film = openpose_film({0: [(BODY, FACE)], 1: [(BODY, np.zeros((70, 3)))], 3: [(BODY, part)]})
    found = landmarks(film)(frames(4, rows={"mesh": mesh_rows(4)}))
    places, sure = found["landmarks"], found["landmarks_confidence"]
    assert places.valid.tolist() == sure.valid.tolist() == [True, False, False, True]
    assert places.values[0] == pytest.approx(FACE[:, :2] / SIZE, abs=1e-6)
    assert sure.values[3] == pytest.approx(part[:, 2])
    assert sure.values[3, 12] == 0
    assert not places.values[1:3].any()


def test_auto_takes_the_mesh_where_openpose_was_run_without_faces(openpose_film: Callable, frames: Callable) -> None:
    film = openpose_film({0: [], 1: [(BODY, None)]})
    rows = landmarks(film)
    assert rows.origin == "mesh"
    assert rows(frames(1, rows={"mesh": mesh_rows(1)}))["landmarks"].valid.all()


def test_the_mesh_can_be_asked_for(openpose_film: Callable) -> None:
    film = openpose_film({0: [(BODY, FACE)]})
    assert landmarks(film).origin == "openpose"
    assert landmarks(film, source="mesh").origin == "mesh"


# --- the seventy points of a real face ---


@pytest.fixture(scope="module")
def astronaut(shared_data: Path) -> NDArray[np.float64]:
    """FACE70 of scikit-image's astronaut, [70, 3], x, y and depth in pixels."""
    from skimage.data import astronaut

    model = shared_data.parent / "models" / "face_landmarker.task"
    if not model.is_file():
        pytest.skip("MediaPipe's face landmarker not found beside the data folder, in ../models")
    landmarker = face_landmarker(model)
    (face,) = landmarker(astronaut(), 0).face_landmarks
    landmarker.close()
    return 512 * np.array([(face[i].x, face[i].y, face[i].z) for i in FACE70])


def test_parts_of_the_face_lie_where_they_belong(astronaut: NDArray[np.float64]) -> None:
    x, y, _ = astronaut.T
    jaw, right_brow, left_brow, bridge, nostrils = (
        slice(*pair) for pair in ((0, 17), (17, 22), (22, 27), (27, 31), (31, 36))
    )
    right_eye, left_eye, outer, inner = (slice(*pair) for pair in ((36, 42), (42, 48), (48, 60), (60, 68)))
    assert (np.diff(y[:9]) > 0).all()  # down to the chin
    assert (np.diff(y[8:17]) < 0).all()  # and up again
    assert (x[17:68] > x[jaw].min()).all()
    assert (x[17:68] < x[jaw].max()).all()
    assert y[8] == y.max()
    assert (np.diff(x[17:27]) > 0).all()  # brows from the picture's left to its right
    assert y[right_brow].max() < y[right_eye].min()
    assert y[left_brow].max() < y[left_eye].min()
    assert x[right_eye].max() < x[bridge].min() < x[bridge].max() < x[left_eye].min()
    assert (np.diff(y[bridge]) > 0).all()
    assert (np.diff(x[nostrils]) > 0).all()
    assert y[bridge].max() < y[nostrils].max() < y[outer].min()
    for ring in (right_eye, left_eye, outer, inner):
        assert clockwise(astronaut[ring, :2])
    assert x[outer].min() < x[inner].min() < x[inner].max() < x[outer].max()
    assert y[outer].min() < y[inner].min() < y[inner].max() < y[outer].max()
    for pupil, eye in ((68, right_eye), (69, left_eye)):
        assert x[eye].min() < x[pupil] < x[eye].max()
        assert y[eye].min() < y[pupil] < y[eye].max()


def clockwise(ring: NDArray[np.float64]) -> bool:
    """As seen, y downwards: the ring's signed area."""
    x, y = ring.T
    return bool((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() > 0)


def test_the_order_is_that_of_annotated_faces(astronaut: NDArray[np.float64], shared_data: Path) -> None:
    """Seen as AFEW-VA's turned head is, they lie where its 68 points do; any two exchanged lie there less well."""
    told = json.loads((shared_data / "afew_va" / "01" / "001" / "001.json").read_text())["frames"]
    annotated = np.array([frame["landmarks"] for _, frame in sorted(told.items())][::14])
    ours = astronaut[:68]
    apart, towards = seen_as(ours, annotated)
    assert apart < 0.2
    assert (towards > 0).all()  # not mirrored, nor upside down
    for one, other in combinations(range(17, 68), 2):  # half the jaw is hidden there, and guessed
        exchanged = ours.copy()
        exchanged[[one, other]] = ours[[other, one]]
        assert seen_as(exchanged, annotated)[0] > apart, (one, other)


def seen_as(points: NDArray[np.float64], faces: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """How far points [68, 3] lie from those of faces [n, 68, 2] if each looks at them from its own side, by an affine
    camera: root mean square in deviations of a face's points. Also how far x moves with x, and y with y, there."""
    places = np.concatenate([points, np.ones((68, 1))], 1)
    cameras = np.linalg.pinv(places) @ faces
    sizes = faces.std(1).mean(1)
    distances = np.linalg.norm(places @ cameras - faces, axis=2) / sizes[:, None]
    return float(np.sqrt((distances**2).mean())), cameras[:, [0, 1], [0, 1]]
