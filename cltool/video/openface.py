"""OpenFace 2's CSV: a row per frame and face, with 68 landmarks and the intensities of 17 action units."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cltool.errors import CallError
from cltool.video.following import Follower

POINTS = 68  # iBUG's scheme
UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)  # 45 is the blink; names: cltool.video.facs
COLUMNS = tuple(f"AU{unit:02d}_r" for unit in UNITS)
STRONGEST = 5.0  # FACS's intensity E

_TOLD = ("frame", "confidence", "success")
_PLACES = tuple(f"{axis}_{point}" for axis in "xy" for point in range(POINTS))


@dataclass(frozen=True, eq=False)
class Face:
    """What OpenFace says of a face in a frame.

    `frame` counted from 0. `confidence` in [0, 1]. `success`: whether it was found. `landmarks` float32 [68, 2], x and
    y in pixels. `actions` float32 [17], intensities of `UNITS` in [0, 5].
    """

    frame: int
    confidence: float
    success: bool
    landmarks: NDArray[np.float32]
    actions: NDArray[np.float32]


def read_faces(path: Path) -> Generator[Face]:
    """A film's faces, row by row, as OpenFace's FeatureExtraction or FaceLandmarkVidMulti wrote them.

    Columns may stand in any order and have spaces before their names, as they do in OpenFace's files. The header is
    read at once. Raises CallError: no such file, none of OpenFace's, columns that are missing, a row that is not whole,
    frames that are not in order.
    """
    places = _columns(path)
    return _rows(path, places)


def _columns(path: Path) -> list[int]:
    """Where frame, confidence, success, 17 units, 68 x and 68 y stand in a row."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            names = [name.strip() for name in file.readline().split(",")]
    except OSError as error:
        raise CallError(f"{path} cannot be read: {error.strerror}; give the CSV that OpenFace wrote") from None
    if missing := [name for name in _TOLD if name not in names]:
        raise CallError(f"{path} is not OpenFace 2's CSV of a film: it has no column {missing[0]}")
    if missing := [name for name in (*COLUMNS, *_PLACES) if name not in names]:
        raise CallError(f"{path} has no column {missing[0]}; run OpenFace's FeatureExtraction with -2Dfp and -aus")
    return [names.index(name) for name in (*_TOLD, *COLUMNS, *_PLACES)]


def _rows(path: Path, places: list[int]) -> Generator[Face]:
    last = 0
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        width = file.readline().count(",") + 1
        for number, line in enumerate(file, 2):
            cells = line.split(",")  # OpenFace quotes nothing
            face = _face([cells[place] for place in places]) if len(cells) == width else None
            if face is None and line.strip():
                raise CallError(f"{path}, line {number} is not {width} numbers; have OpenFace write the file again")
            if face is None:
                continue
            if face.frame < last:
                told = f"frame {face.frame + 1} comes after {last + 1}"
                raise CallError(f"{path}, line {number}: {told}; sort the rows by frame")
            last = face.frame
            yield face


def _face(cells: Sequence[str]) -> Face | None:
    try:
        values = np.array([float(cell) for cell in cells], np.float32)
        frame = int(values[0]) - 1
    except (ValueError, OverflowError):
        return None
    _, confidence, success = values[: len(_TOLD)]
    actions, places = np.split(values[len(_TOLD) :], [len(UNITS)])
    whole = bool(np.isfinite(values).all())  # it has been seen to write -nan
    return Face(frame, float(confidence), whole and success == 1, places.reshape(2, POINTS).T, actions)


class Faces:
    """The one face of each frame that a film's CSV tells of: the largest of the first, followed from there on."""

    def __init__(self, path: Path, confidence: float = 0.0) -> None:
        """`confidence`: below which a face counts as not found. Raises as `read_faces`; `close` when done."""
        self._faces = read_faces(path)
        self._frames = groupby(self._faces, lambda face: face.frame)
        self._next = next(self._frames, None)
        self._confidence = confidence
        self._follow = Follower()

    def __call__(self, frame: int) -> Face | None:
        """The face in frame 0, 1, …, one after another; None where none was found."""
        while self._next is not None and self._next[0] < frame:
            self._next = next(self._frames, None)
        here = self._next[1] if self._next is not None and self._next[0] == frame else ()
        found = [face for face in here if face.success and face.confidence >= self._confidence]
        chosen = self._follow([face.landmarks for face in found])
        return None if chosen is None else found[chosen]

    def close(self) -> None:
        """Close the file."""
        self._faces.close()
