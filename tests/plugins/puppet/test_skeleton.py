"""Files as OpenPose writes them."""

from __future__ import annotations

import json

import numpy as np

from cltool_plugins.puppet.points import HEAD_OF_BODY, NECK
from cltool_plugins.puppet.skeleton import keypoints

BODY = np.column_stack([np.arange(25.0), 100 + np.arange(25.0)])
FACE = np.column_stack([np.arange(70.0), 200 + np.arange(70.0)])


def test_a_file_has_what_openpose_gives() -> None:
    told = json.loads(keypoints(BODY, FACE))
    assert told["version"] == 1.3
    (person,) = told["people"]
    assert set(person) == {
        "person_id", "pose_keypoints_2d", "face_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d",
        "pose_keypoints_3d", "face_keypoints_3d", "hand_left_keypoints_3d", "hand_right_keypoints_3d",
    }  # fmt: skip
    assert np.array(person["pose_keypoints_2d"]).reshape(25, 3)[7].tolist() == [7, 107, 1]
    assert np.array(person["face_keypoints_2d"]).reshape(70, 3)[68].tolist() == [68, 268, 1]


def test_what_is_not_seen_is_zero() -> None:
    body = BODY.copy()
    body[3] = np.nan
    points = np.array(json.loads(keypoints(body, FACE))["people"][0]["pose_keypoints_2d"]).reshape(25, 3)
    assert points[3].tolist() == [0, 0, 0]
    assert points[:, 2].sum() == 24


def test_of_a_hidden_face_the_body_is_left() -> None:
    (person,) = json.loads(keypoints(BODY, FACE, face_seen=False))["people"]
    body = np.array(person["pose_keypoints_2d"]).reshape(25, 3)
    assert not body[list(HEAD_OF_BODY)].any()
    assert body[NECK].tolist() == [1, 101, 1]
    assert not any(person["face_keypoints_2d"])
