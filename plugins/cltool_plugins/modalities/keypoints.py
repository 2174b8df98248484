"""Rows of the points that OpenPose found in a film."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field

from cltool.errors import Lacking
from cltool.video.films import Film
from cltool.video.modalities import Extractor, Frames, Rows
from cltool.video.openpose import BODY, FACE, Keypoints, Part, Scale
from cltool_plugins.modalities.sizes import PictureSize

Files = Annotated[
    Path | None,
    Field(
        description="a folder in which each film has a folder of its name, with OpenPose's files; else the data set's"
    ),
]
Scaled = Annotated[
    Scale, Field(description="of OpenPose's x and y: its --keypoint_scale 0, 3 or 4; auto looks at them")
]

FLAGS: Mapping[Part, str] = {"body": "--body 1", "face": "--face"}


def openpose_rows(
    film: Film, part: Part, name: str, source: str, scale: Scale, files: Path | None
) -> KeypointRows | None:
    """A part's rows, called `name`; None where `source` is neither "openpose" nor "auto", or this finds none.

    Raises CallError where it is "openpose", and there are none, and for files that are not OpenPose's.
    """
    folder = film.keypoints if files is None else files / film.name
    if source not in ("auto", "openpose") or (folder is None and source == "auto"):
        return None
    if folder is None:
        raise Lacking(f"{film.name} has no files of OpenPose; give {name}:files=FOLDER, or take another source")
    found = Keypoints(folder, film.pictures.is_dir(), scale)
    if not found.lacks(part):
        return KeypointRows(found, part, name)
    if source == "openpose":
        raise Lacking(f"{folder} has no points of the {part}; run OpenPose with {FLAGS[part]}")
    return None


class KeypointRows(Extractor):
    """One person's points of body or face, frame by frame, and OpenPose's confidence in each."""

    origin = "openpose"

    def __init__(self, found: Keypoints, part: Part, name: str) -> None:
        count = {"body": len(BODY), "face": FACE}[part]
        self.shapes = {name: (count, 2), f"{name}_confidence": (count,)}
        self.columns = {f"{name}_confidence": BODY} if part == "body" else {}
        self._found, self._part, self._name = found, part, name
        self._size = PictureSize()

    def __call__(self, frames: Frames) -> Mapping[str, Rows]:
        """Rows of these frames, at once; masked where no point of the part is seen."""
        places, confidences = (Rows.none(len(frames), shape) for shape in self.shapes.values())
        for row, picture in enumerate(frames.pictures):
            person = self._found(frames.first + row, self._size(picture))
            points = None if person is None else getattr(person, self._part)
            if points is not None and points.any():
                places.values[row], confidences.values[row] = points[:, :2], points[:, 2]
                places.valid[row] = confidences.valid[row] = True
        return {self._name: places, f"{self._name}_confidence": confidences}
