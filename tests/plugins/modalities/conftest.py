"""Films with what other programs found in them, as those programs write it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cltool.video.films import Film
from cltool.video.modalities import Frames, Picture

SIZE = 640, 480


@pytest.fixture
def frames() -> Callable[..., Frames]:
    """Makes consecutive frames of 640 × 480; `empty`: which of them have no picture."""

    def make(count: int, first: int = 0, empty: Sequence[int] = (), rows: Mapping[str, Any] | None = None) -> Frames:
        black: Picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        pictures = [None if number in empty else black for number in range(count)]
        return Frames(first, (first + np.arange(count)) / 25, pictures, rows or {})

    return make


@pytest.fixture
def openpose_film(tmp_path: Path) -> Callable[..., Film]:
    """Makes a film with OpenPose's files: by frame, points [k, 3] of the body and of the face of everybody."""

    def make(people: Mapping[int, Sequence[tuple[NDArray | None, NDArray | None]]], name: str = "film") -> Film:
        folder = tmp_path / "openpose" / name
        folder.mkdir(parents=True)
        for number, everybody in people.items():
            told = [
                {
                    "person_id": [-1],
                    "pose_keypoints_2d": [] if body is None else body.ravel().tolist(),
                    "face_keypoints_2d": [] if face is None else face.ravel().tolist(),
                }
                for body, face in everybody
            ]
            path = folder / f"{name}_{number:012d}_keypoints.json"
            path.write_text(json.dumps({"version": 1.3, "people": told}, separators=(",", ":")))
        return Film(name, tmp_path / f"{name}.mp4", keypoints=folder)

    return make


@pytest.fixture
def openface_csv(tmp_path: Path) -> Callable[..., Path]:
    """Writes OpenFace's CSV, without gaze and head: rows of frame (from 1), success, points [68, 2], actions [17]."""

    def write(rows: Sequence[tuple[int, int, NDArray, NDArray]], name: str = "film.csv") -> Path:
        units = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
        header = [
            *("frame", "face_id", "timestamp", "confidence", "success"),
            *(f"{axis}_{point}" for axis in "xy" for point in range(68)),
            *(f"AU{unit:02d}_r" for unit in units),
            "AU28_c",
        ]
        lines = [", ".join(header)]
        for frame, success, points, actions in rows:
            places = [f"{value:.1f}" for value in points.T.ravel()]
            told = [f"{frame}", "0", f"{(frame - 1) / 25:.3f}", "0.98", f"{success}", *places]
            lines.append(", ".join([*told, *(f"{value:.2f}" for value in actions), "0.0"]))
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n")
        return path

    return write
