"""The face's 70 points: OpenPose's where it was run with faces, else those places of the mesh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from cltool import modality
from cltool.video.films import Film
from cltool.video.modalities import Extractor, Frames, Rows
from cltool.video.openpose import FACE
from cltool_plugins.modalities.face70 import FACE70
from cltool_plugins.modalities.keypoints import Files, Scaled, openpose_rows


def _mesh_unless_openpose(options: Mapping[str, Any]) -> tuple[str, ...]:
    return () if options["source"] == "openpose" else ("mesh",)


@modality(source="Cao et al. 2017; Sagonas et al. 2013; Orgil 2022, §3.2.2", after=_mesh_unless_openpose)
def landmarks(
    film: Film,
    *,
    source: Annotated[
        Literal["auto", "openpose", "mesh"], Field(description="auto: OpenPose's files where the film has them")
    ] = "auto",
    files: Files = None,
    scale: Scaled = "auto",
) -> Extractor:
    """Seventy points of the face, from OpenPose's files or taken out of Face Mesh.

    Gives `landmarks` [70, 2], x and y as shares of the picture's width and height: iBUG's 68 points, then the right and
    the left pupil; and `landmarks_confidence` [70], OpenPose's, 1 for the mesh, which knows none. Frames without a face
    are masked. Raises CallError: no such source, files that are not OpenPose's.
    """
    return openpose_rows(film, "face", "landmarks", source, scale, files) or MeshPoints()


class MeshPoints(Extractor):
    """OpenPose's face points, found in the mesh of the same frames."""

    shapes: Mapping[str, tuple[int, ...]] = {"landmarks": (FACE, 2), "landmarks_confidence": (FACE,)}
    origin = "mesh"

    def __call__(self, frames: Frames) -> Mapping[str, Rows]:
        """Rows of these frames, at once."""
        mesh = frames.rows["mesh"]
        sure = np.broadcast_to(mesh.valid[:, None], (len(mesh), FACE)).astype(np.float32)
        return {
            "landmarks": Rows(mesh.values[:, list(FACE70), :2], mesh.valid),
            "landmarks_confidence": Rows(sure, mesh.valid),
        }
