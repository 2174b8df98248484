"""Face Mesh: MediaPipe's face landmarks, frame by frame, and its blendshapes as action units."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cltool import modality
from cltool.progress import Progress
from cltool.video.facs import UNITS, action_units
from cltool.video.following import Follower
from cltool.video.modalities import Extractor, Frames, Picture, Rows
from cltool_plugins.modalities.mediapipe_tasks import Landmarker
from cltool_plugins.modalities.models import FACE, model_file

POINTS = 478  # Face Mesh's 468 first, then five of each iris
BLENDSHAPES = 52


@modality(source="Kartynnik et al. 2019; Orgil 2022, §1.2.3")
def mesh(
    face_model: Path | None,
    progress: Progress,
    *,
    blendshapes: Annotated[
        bool, Field(description="also `blendshapes` [52] and `action_units`, their FACS numbers' means")
    ] = False,
    faces: Annotated[int, Field(ge=1, description="faces looked for; the largest is taken and followed")] = 3,
    confidence: Annotated[float, Field(gt=0, lt=1, description="from which a face is one")] = 0.5,
) -> Extractor:
    """Face Mesh's 468 points and 10 of the irises; on request blendshapes and action units.

    Gives `mesh` [478, 3]: x and y as shares of the picture's width and height, z on the scale of x, smaller nearer. The
    largest face is taken and then followed. Frames without a face are masked. Raises CallError without the model.
    """
    path = model_file(FACE, face_model, progress)
    return MeshExtractor(face_landmarker(path, faces, confidence, blendshapes), blendshapes)


class MeshExtractor(Extractor):
    """MediaPipe's face landmarker on one film."""

    def __init__(self, landmarker: Landmarker, blendshapes: bool) -> None:
        self.shapes = {"mesh": (POINTS, 3)}
        self.about = landmarker.about
        if blendshapes:
            self.shapes |= {"blendshapes": (BLENDSHAPES,), "action_units": (len(UNITS),)}
            self.columns = {"action_units": [f"AU{unit}" for unit in UNITS]}
        self._landmarker = landmarker
        self._follow = Follower()

    def __call__(self, frames: Frames) -> Mapping[str, Rows]:
        """Rows of these frames, at once."""
        found = {name: Rows.none(len(frames), shape) for name, shape in self.shapes.items()}
        for row, (picture, time) in enumerate(zip(frames.pictures, frames.times, strict=True)):
            given = {} if picture is None else self._seen(picture, float(time))
            for name, values in given.items():
                found[name].values[row], found[name].valid[row] = values, True
        return found

    def _seen(self, picture: Picture, time: float) -> dict[str, NDArray[np.float32]]:
        """The followed face's numbers by name; none without it."""
        told = self._landmarker(picture, time)
        meshes = [np.array([(p.x, p.y, p.z) for p in face], np.float32) for face in told.face_landmarks]
        size = picture.shape[1], picture.shape[0]
        chosen = self._follow([face[:, :2] * size for face in meshes])
        if chosen is None:
            return {}
        if "blendshapes" not in self.shapes:
            return {"mesh": meshes[chosen]}
        shapes = told.face_blendshapes[chosen]
        names = [shape.category_name for shape in shapes]
        scores = np.array([shape.score for shape in shapes], np.float32)
        self.columns = {**self.columns, "blendshapes": names}
        return {"mesh": meshes[chosen], "blendshapes": scores, "action_units": action_units(scores[None], names)[0]}

    def close(self) -> None:
        """Close the landmarker."""
        self._landmarker.close()


def face_landmarker(model: Path, faces: int = 1, confidence: float = 0.5, blendshapes: bool = False) -> Landmarker:
    """MediaPipe's face landmarker for one film; raises CallError where the model is none."""
    options = {
        "num_faces": faces,
        "min_face_detection_confidence": confidence,
        "min_face_presence_confidence": confidence,
        "min_tracking_confidence": confidence,
        "output_face_blendshapes": blendshapes,
    }
    return Landmarker("FaceLandmarker", model, options)
