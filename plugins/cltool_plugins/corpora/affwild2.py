"""Aff-Wild2: films of faces from the web, valence and arousal in every frame, as the ABAW challenges hand them out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from cltool import corpus
from cltool.video.films import Corpus
from cltool_plugins.corpora.abaw import LAYOUT, Pictures, read_layout
from cltool_plugins.corpora.places import check_folder

LICENCE = "iBUG's, given for research on a signed licence; neither it nor models trained on it may be passed on"
ASK = (
    "Aff-Wild2 is never downloaded: its owners give it on a signed licence "
    f"(https://ibug.doc.ic.ac.uk/resources/aff-wild2/); wanted: {LAYOUT}"
)


@corpus(source="Kollias & Zafeiriou 2019; Kollias et al. 2022 (ABAW)")
def affwild2(
    data_root: Path,
    *,
    pictures: Annotated[
        Pictures | None,
        Field(description="cropped faces or whole videos; none: a film's faces where they are there, else its video"),
    ] = None,
    rate: Annotated[
        float, Field(gt=0, description="frames per second of faces whose video is not there to tell")
    ] = 30.0,
    unlabelled: Annotated[
        bool, Field(description="also films that have no annotation, such as the test set's")
    ] = False,
) -> Corpus:
    """Aff-Wild2 in the layout of ABAW's challenges: annotations, cropped faces and videos at any depth.

    The split is that of the folders Train_Set and Validation_Set. Two people in one video are two films, VIDEO_left and
    VIDEO_right, with its sound both. Raises CallError: no such folder, no annotations in it, two of one film.
    """
    check_folder(data_root, ASK)
    return read_layout(data_root, pictures, rate, unlabelled, ASK, LICENCE)
