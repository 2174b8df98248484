"""OpenPose's JSON: a file per frame, the people in it, the points of each one's body and face."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cltool.errors import CallError
from cltool.video.following import Follower

Part = Literal["body", "face"]
Scale = Literal["auto", "pixels", "unit", "signed"]  # OpenPose's --keypoint_scale: 0 is pixels, 3 unit, 4 signed
Points = NDArray[np.float32]  # [k, 3]: x, y, confidence; zeros where a point is not seen

BODY = (
    *("nose", "neck", "right shoulder", "right elbow", "right wrist", "left shoulder", "left elbow", "left wrist"),
    *("right hip", "right knee", "right ankle", "left hip", "left knee", "left ankle"),
    *("right eye", "left eye", "right ear", "left ear"),
)  # the 18 points of OpenPose's model COCO, in its order
FACE = 70  # the 68 points of iBUG's scheme, then the right and the left pupil

_NAME = re.compile(r"(?!\.).*?(\d+)_keypoints\.json")
_MID_HIP = 8  # which BODY_25 has and COCO has not; feet follow from 19 on
_ORDERS: Mapping[Part, Mapping[int, list[int]]] = {  # by how many points a file has: where ours stand among them
    "body": {18: list(range(18)), 25: [point for point in range(19) if point != _MID_HIP]},
    "face": {FACE: list(range(FACE))},
}


@dataclass(frozen=True, eq=False)
class Person:
    """The points that OpenPose saw of somebody.

    `body` float32 [18, 3], in the order of `BODY`, and `face` float32 [70, 3]: x, y and confidence in [0, 1]; zeros
    where a point is not seen. None where OpenPose was not asked for the part.
    """

    body: Points | None
    face: Points | None

    @property
    def seen(self) -> NDArray[np.float32]:
        """float32 [k, 2]: the face's points that are seen, else the body's."""
        shown = _shown(self.face)
        return shown if len(shown) else _shown(self.body)


def read_people(path: Path) -> list[Person]:
    """Everybody of whom a file tells a point, in the file's own units.

    Reads what OpenPose 1.0 to 1.7 write, with 18 (COCO) or 25 (BODY_25) points of the body. Raises CallError: no JSON,
    a part of one, or none of OpenPose's.
    """
    try:
        told = json.loads(path.read_bytes())
    except OSError as error:
        raise CallError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise CallError(f"{path} is no JSON, or not all of it ({error}); have OpenPose write it again") from None
    people = told.get("people") if isinstance(told, dict) else None
    if not isinstance(people, list) or not all(isinstance(person, dict) for person in people):
        raise CallError(f"{path} is not OpenPose's: it has no list of people; give what --write_json writes")
    everybody = [Person(_points(path, person, "body"), _points(path, person, "face")) for person in people]
    return [person for person in everybody if len(person.seen)]


def _points(path: Path, person: Mapping[str, Any], part: Part) -> Points | None:
    key = {"body": "pose_keypoints", "face": "face_keypoints"}[part]
    numbers = person.get(f"{key}_2d", person.get(key, []))  # before version 1.2 without 2d
    if numbers == []:
        return None
    try:
        values = np.array(numbers, np.float32)
    except (TypeError, ValueError):
        values = np.zeros(0, np.float32)
    orders = {3 * count: order for count, order in _ORDERS[part].items()}
    if values.ndim != 1 or values.size not in orders:
        wanted = {"body": "54 numbers (OpenPose's COCO) or 75 (BODY_25)", "face": "210 numbers"}[part]
        has = f"{values.size} numbers" if values.ndim == 1 and values.size else "something else"
        raise CallError(f"{path}: {key} of somebody has {has} where {wanted} are read; have OpenPose write it again")
    points = values.reshape(-1, 3)[orders[values.size]]
    points[~(np.isfinite(points).all(1) & (points[:, 2] > 0))] = 0
    points[:, 2] = points[:, 2].clip(max=1)  # a heat map's peak may lie a little above
    return points


def _shown(points: Points | None) -> NDArray[np.float32]:
    return np.zeros((0, 2), np.float32) if points is None else points[points[:, 2] > 0, :2]


class Keypoints:
    """What OpenPose found in one film; each file is read when its frame's turn comes.

    Of several people it is the one whose face, or body where no face is seen, is largest, followed from there on.
    """

    def __init__(self, folder: Path, of_pictures: bool = False, scale: Scale = "auto") -> None:
        """`folder` of files such as `NAME_000000000012_keypoints.json`.

        A film's files are numbered from 0; those of numbered pictures (`of_pictures`) as the pictures are, from 0 or
        from 1. `scale` of x and y: pixels of the film; `unit`, [0, 1] of its width and height; `signed`, [-1, 1] of
        them; `auto` looks: at one file for pixels, else at as many as it takes to see somebody left of the middle or
        above it.

        Raises CallError: no folder, no such files in it, two of one frame, and what `read_people` raises.
        """
        files = _numbered(folder)
        first = 0 if 0 in files or not of_pictures else 1
        self._files = {number - first: path for number, path in sorted(files.items())}
        self.scale = self._looked_at() if scale == "auto" else scale
        self._follow = Follower()

    def lacks(self, part: Part) -> bool:
        """Whether OpenPose was not asked for a part: the first file with people has no points of it, seen or not."""
        people = next((people for path in self._files.values() if (people := read_people(path))), [])
        return bool(people) and all(getattr(person, part) is None for person in people)

    def __call__(self, frame: int, size: tuple[int, int] | None) -> Person | None:
        """Whoever is followed, in frame 0, 1, …, one after another; None where nobody is seen.

        x and y are shares of width and height; a point beyond the picture's edge lies outside [0, 1]. `size`: the
        frame's (width, height) in pixels, which files in pixels need: where it is None, so is the answer.
        """
        path = self._files.get(frame)
        people = read_people(path) if path else []
        front = [person.face is not None and bool(person.face.any()) for person in people]
        chosen = self._follow([person.seen for person in people], front)
        if chosen is None or (self.scale == "pixels" and size is None):
            return None
        whole = people[chosen]
        return Person(
            *(points if points is None else self._scaled(points, size) for points in (whole.body, whole.face))
        )

    def _scaled(self, points: Points, size: tuple[int, int] | None) -> Points:
        first, span = {"pixels": (0, size or 1), "unit": (0, 1), "signed": (-1, 2)}[self.scale]
        places = np.where(points[:, 2:] > 0, (points[:, :2] - first) / np.array(span), 0)
        return np.hstack([places, points[:, 2:]]).astype(np.float32)

    def _looked_at(self) -> Scale:
        for path in self._files.values():
            for person in read_people(path):
                if np.abs(person.seen).max() > 2:
                    return "pixels"
                if (np.median(person.seen, 0) < 0).any():  # single points may be guessed beyond the edge
                    return "signed"
        return "unit"


def _numbered(folder: Path) -> dict[int, Path]:
    """The folder's files by the number in their names."""
    if not folder.is_dir():
        raise CallError(f"{folder}: there is no such folder; give the one that OpenPose's --write_json wrote to")
    found: dict[int, Path] = {}
    for name in sorted(os.listdir(folder)):  # noqa: PTH208 (a path each, for names that are no frames, takes long)
        if match := _NAME.fullmatch(name):
            number = int(match[1])
            if number in found:
                raise CallError(f"{folder}: {found[number].name} and {name} tell of one frame; give each film a folder")
            found[number] = folder / name
    if not found:
        raise CallError(
            f"{folder} holds no file such as film_000000000000_keypoints.json; OpenPose's --write_json makes them"
        )
    return found
