"""What OpenFace 2 found in a film: landmarks and the intensities of action units, from its CSV."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field

from cltool import modality
from cltool.errors import Lacking
from cltool.video.films import Film
from cltool.video.modalities import Extractor, Frames, Rows
from cltool.video.openface import COLUMNS, POINTS, STRONGEST, Faces
from cltool_plugins.modalities.sizes import PictureSize


@modality(source="Baltrušaitis et al. 2018; Orgil 2022, §1.2.1")
def openface(
    film: Film,
    *,
    files: Annotated[
        Path | None, Field(description="a folder of OpenFace's CSVs, named as the films are; else the data set's own")
    ] = None,
    confidence: Annotated[float, Field(ge=0, le=1, description="OpenFace's own, below which a face is masked")] = 0.0,
) -> Extractor:
    """OpenFace's 68 landmarks and 17 action units, from its CSV.

    Gives `openface_landmarks` [68, 2], x and y as shares of the picture's width and height, and `openface_actions`
    [17], intensities from 0 to 1 (OpenFace's, from 0 to 5, over 5). Frames in which OpenFace had no success are masked.
    Raises CallError: a film without such a file, a file that is not OpenFace's.
    """
    path = film.actions if files is None else files / f"{film.name}.csv"
    if path is None:
        raise Lacking(f"{film.name} has no CSV of OpenFace; give openface:files=FOLDER")
    return OpenFaceRows(path, confidence)


class OpenFaceRows(Extractor):
    """One face's rows of a film's CSV, frame by frame."""

    def __init__(self, path: Path, confidence: float) -> None:
        self.shapes = {"openface_landmarks": (POINTS, 2), "openface_actions": (len(COLUMNS),)}
        self.columns = {"openface_actions": COLUMNS}
        self._faces = Faces(path, confidence)
        self._size = PictureSize()

    def __call__(self, frames: Frames) -> Mapping[str, Rows]:
        """Rows of these frames, at once; landmarks also masked where no picture has told its size yet."""
        landmarks, actions = (Rows.none(len(frames), shape) for shape in self.shapes.values())
        for row, picture in enumerate(frames.pictures):
            size, face = self._size(picture), self._faces(frames.first + row)
            if face is None:
                continue
            actions.values[row], actions.valid[row] = face.actions / STRONGEST, True
            if size is not None:
                landmarks.values[row], landmarks.valid[row] = face.landmarks / size, True
        return {"openface_landmarks": landmarks, "openface_actions": actions}

    def close(self) -> None:
        """Close the CSV."""
        self._faces.close()
