"""OpenFace's CSV as its RecorderCSV writes it: all its columns, fixed digits, spaces before names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cltool.video.openface import COLUMNS, Faces, read_faces

PRESENT = (
    "AU01",
    "AU02",
    "AU04",
    "AU05",
    "AU06",
    "AU07",
    "AU09",
    "AU10",
    "AU12",
    "AU14",
    "AU15",
    "AU17",
    "AU20",
    "AU23",
)
HEADER = (
    *("frame", "face_id", "timestamp", "confidence", "success"),
    *("gaze_0_x", "gaze_0_y", "gaze_0_z", "gaze_1_x", "gaze_1_y", "gaze_1_z", "gaze_angle_x", "gaze_angle_y"),
    *(f"eye_lmk_{axis}_{i}" for axis in "xyXYZ" for i in range(56)),
    *("pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz"),
    *(f"{axis}_{i}" for axis in "xyXYZ" for i in range(68)),
    *("p_scale", "p_rx", "p_ry", "p_rz", "p_tx", "p_ty"),
    *(f"p_{i}" for i in range(34)),
    *(f"{unit}_r" for unit in (*PRESENT, "AU25", "AU26", "AU45")),
    *(f"{unit}_c" for unit in (*PRESENT, "AU25", "AU26", "AU28", "AU45")),
)
ACTIONS = np.linspace(0, 5, 17)


def face(x: float, width: float = 80) -> NDArray[np.float64]:
    angle = np.linspace(0, 6, 68)
    return np.stack([x + width / 2 * np.cos(angle), 120 + width / 2 * np.sin(angle)], 1)


def row(
    frame: int,
    landmarks: NDArray[np.float64],
    face_id: int = 0,
    confidence: float = 0.98,
    success: int = 1,
    actions: Sequence[float] = tuple(ACTIONS),
) -> dict[str, str]:
    """A row by the name of its columns; everything that is not read is filled with its own number."""
    told = {name: f"{number}.5" for number, name in enumerate(HEADER)}
    told |= {"frame": f"{frame}", "face_id": f"{face_id}", "timestamp": f"{(frame - 1) / 25:.3f}"}
    told |= {"confidence": f"{confidence:.2f}", "success": f"{success}"}
    told |= {f"{axis}_{i}": f"{landmarks[i, n]:.1f}" for n, axis in enumerate("xy") for i in range(68)}
    return told | {name: f"{value:.2f}" for name, value in zip(COLUMNS, actions, strict=True)}


def write(path: Path, rows: Sequence[dict[str, str]], header: Sequence[str] = HEADER, between: str = ", ") -> Path:
    lines = [between.join(header), *(between.join(told[name] for name in header) for told in rows)]
    path.write_text("\n".join(lines) + "\n\n")  # some editors leave an empty line
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "film.csv"


@pytest.mark.parametrize("between", [", ", ","])  # 2.0 and 2.1 write spaces, 2.2 none
def test_what_a_row_says(path: Path, between: str) -> None:
    (found,) = read_faces(write(path, [row(3, face(200))], between=between))
    assert (found.frame, found.success) == (2, True)
    assert found.confidence == pytest.approx(0.98)
    assert found.landmarks == pytest.approx(face(200), abs=0.051)
    assert found.actions == pytest.approx(ACTIONS, abs=0.0051)


def test_columns_may_stand_in_any_order(path: Path) -> None:
    header = [HEADER[i] for i in np.random.default_rng(0).permutation(len(HEADER))]
    (found,) = read_faces(write(path, [row(1, face(200))], header))
    assert found.landmarks == pytest.approx(face(200), abs=0.051)
    assert found.actions == pytest.approx(ACTIONS, abs=0.0051)


def test_frames_without_success_or_row_have_no_face(path: Path) -> None:
    lost = row(2, 0 * face(200), confidence=0.0, success=0, actions=[0] * 17)
    faces = Faces(write(path, [row(1, face(200)), lost, row(5, face(210))]))
    assert [faces(frame) is not None for frame in range(7)] == [True, False, False, False, True, False, False]


def test_a_row_of_no_numbers_is_no_face(path: Path) -> None:
    odd = row(1, face(200)) | {"x_30": "-nan"}
    assert [face.success for face in read_faces(write(path, [odd, row(2, face(200))]))] == [False, True]


def test_faces_of_little_confidence_can_be_left_out(path: Path) -> None:
    write(path, [row(1, face(200), confidence=0.6), row(2, face(200), confidence=0.9)])
    faces = Faces(path, confidence=0.8)
    assert [faces(frame) is not None for frame in range(2)] == [False, True]


def test_of_several_faces_the_largest_is_followed(path: Path) -> None:
    rows = []
    for frame in range(1, 11):
        pair = [row(frame, face(150, 70), face_id=1), row(frame, face(400, 40 + 8 * frame), face_id=0)]
        rows += pair[:: 1 if frame % 2 else -1]
    faces = Faces(write(path, rows))
    found = [faces(frame) for frame in range(10)]
    assert [face and round(float(face.landmarks[:, 0].min())) for face in found] == [115] * 10


def test_frames_may_be_skipped(path: Path) -> None:
    faces = Faces(write(path, [row(frame, face(100 + frame)) for frame in range(1, 9)]))
    found = faces(5)
    assert found is not None
    assert found.frame == 5


def test_it_can_be_closed_midway(path: Path) -> None:
    faces = Faces(write(path, [row(frame, face(100 + frame)) for frame in range(1, 9)]))
    assert faces(0) is not None
    faces.close()
    assert faces(3) is None
