"""The body's 18 points: OpenPose's where it was run, else those of MediaPipe's pose landmarker."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cltool import modality
from cltool.progress import Progress
from cltool.video.films import Film
from cltool.video.following import Follower
from cltool.video.modalities import Extractor, Frames, Picture, Rows
from cltool.video.openpose import BODY
from cltool_plugins.modalities.body18 import body18
from cltool_plugins.modalities.keypoints import Files, Scaled, openpose_rows
from cltool_plugins.modalities.mediapipe_tasks import Landmarker
from cltool_plugins.modalities.models import POSE, model_file


@modality(source="Cao et al. 2017; Bazarevsky et al. 2020; Orgil 2022, §3.2.2")
def body(
    film: Film,
    pose_model: Path | None,
    progress: Progress,
    *,
    source: Annotated[
        Literal["auto", "openpose", "mediapipe"], Field(description="auto: OpenPose's files where the film has them")
    ] = "auto",
    files: Files = None,
    scale: Scaled = "auto",
    people: Annotated[
        int, Field(ge=1, description="people that MediaPipe looks for; the largest is taken and followed")
    ] = 3,
    confidence: Annotated[float, Field(gt=0, lt=1, description="from which somebody is there, to MediaPipe")] = 0.5,
) -> Extractor:
    """Eighteen points of the body, from OpenPose's files or by MediaPipe.

    Gives `body` [18, 2], x and y as shares of the picture's width and height, and `body_confidence` [18], in OpenPose's
    order (model COCO). A point that is not seen is zeros, its confidence too; a frame with nobody is masked. Raises
    CallError: no such source, files that are not OpenPose's, no model.
    """
    found = openpose_rows(film, "body", "body", source, scale, files)
    if found is not None:
        return found
    options = {
        "num_poses": people,
        "min_pose_detection_confidence": confidence,
        "min_pose_presence_confidence": confidence,
        "min_tracking_confidence": confidence,
    }
    return PoseRows(Landmarker("PoseLandmarker", model_file(POSE, pose_model, progress), options))


class PoseRows(Extractor):
    """MediaPipe's pose landmarker on one film."""

    origin = "mediapipe"

    def __init__(self, landmarker: Landmarker) -> None:
        self.shapes = {"body": (len(BODY), 2), "body_confidence": (len(BODY),)}
        self.columns = {"body_confidence": BODY}
        self.about = landmarker.about
        self._landmarker = landmarker
        self._follow = Follower()

    def __call__(self, frames: Frames) -> Mapping[str, Rows]:
        """Rows of these frames, at once."""
        places, confidences = (Rows.none(len(frames), shape) for shape in self.shapes.values())
        for row, (picture, time) in enumerate(zip(frames.pictures, frames.times, strict=True)):
            points = None if picture is None else self._seen(picture, float(time))
            if points is not None:
                places.values[row], confidences.values[row] = points[:, :2], points[:, 2]
                places.valid[row] = confidences.valid[row] = True
        return {"body": places, "body_confidence": confidences}

    def _seen(self, picture: Picture, time: float) -> NDArray[np.float32] | None:
        told = self._landmarker(picture, time).pose_landmarks
        bodies = [body18(np.array([(p.x, p.y, p.visibility) for p in pose], np.float32)) for pose in told]
        bodies = [points for points in bodies if points[:, 2].any()]
        size = picture.shape[1], picture.shape[0]
        chosen = self._follow([points[points[:, 2] > 0, :2] * size for points in bodies])
        return None if chosen is None else bodies[chosen]

    def close(self) -> None:
        """Close the landmarker."""
        self._landmarker.close()
