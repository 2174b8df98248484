"""Key points as OpenPose writes them: a JSON file per frame, BODY_25 and 70 points of the face."""

from __future__ import annotations

import json

import numpy as np

from cltool_plugins.puppet.points import HEAD_OF_BODY, Points

VERSION = 1.3  # of OpenPose's format
MARK = "cltool va-puppet"  # OpenPose's own files have no such key, and its readers pass over it
CONFIDENCE = 1.0  # the points are known, not found


def file_name(film: str, frame: int) -> str:
    """What OpenPose calls the file of a frame, counted from 0.

    >>> file_name("synthetic-000", 41)
    'synthetic-000_000000000041_keypoints.json'
    """
    return f"{film}_{frame:012d}_keypoints.json"


def keypoints(body: Points, face: Points, face_seen: bool = True) -> str:
    """A frame's file: one person with `body` [25, 2] and `face` [70, 2] in pixels; NaN is what is not to be seen.

    Of a person whose face is hidden only neck and limbs are told, as of one who turns away.

    >>> told = json.loads(keypoints(np.full((25, 2), np.nan), np.ones((70, 2))))
    >>> told["people"][0]["pose_keypoints_2d"][:3], told["people"][0]["face_keypoints_2d"][:3]
    ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0])
    """
    if not face_seen:
        face = np.full_like(face, np.nan)
        body = body.copy()
        body[list(HEAD_OF_BODY)] = np.nan
    person = {
        "person_id": [-1],
        "pose_keypoints_2d": _flat(body),
        "face_keypoints_2d": _flat(face),
        **{f"hand_{side}_keypoints_2d": [] for side in ("left", "right")},
        **{f"{part}_keypoints_3d": [] for part in ("pose", "face", "hand_left", "hand_right")},
    }
    return json.dumps({"version": VERSION, "synthetic": MARK, "people": [person]}, separators=(",", ":"))


def _flat(points: Points) -> list[float]:
    """x, y, confidence of every point in a row; zeros for those not seen."""
    sure = np.where(np.isnan(points).any(1), 0.0, CONFIDENCE)
    return [float(n) for n in np.nan_to_num(np.column_stack([points, sure])).round(3).ravel()]
