"""AFEW-VA: short clips of films, valence, arousal and landmarks in every frame."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from cltool import CallError, corpus
from cltool.video.decoding import has_numbered_pictures
from cltool.video.films import OUTPUTS, Corpus, Film, Labels
from cltool_plugins.corpora.annotations import labelled
from cltool_plugins.corpora.places import check_folder, check_names, film_name, folders, told

LICENCE = "for research, not to be passed on; pictures belong to the films that they are of"
LAYOUT = "NN/NNN/NNN.json with the clip's frames 00000.png, … beside it, at any depth"
ASK = (
    "AFEW-VA is never downloaded: ask its owners for it "
    f"(https://ibug.doc.ic.ac.uk/resources/afew-va-database/); wanted: {LAYOUT}"
)
FULL = 10  # the annotators' scale goes from -10 to 10


@corpus(name="afew-va", source="Kossaifi et al. 2017")
def afew_va(
    data_root: Path,
    *,
    rate: Annotated[
        float, Field(gt=0, description="frames per second; the clips, which are pictures only, do not tell")
    ] = 25.0,
) -> Corpus:
    """AFEW-VA: clips of films as numbered pictures without sound, valence and arousal from −10 to 10 as tenths.

    Its owners give no split; the actor is the subject, so that splits can keep actors apart. Raises CallError: no such
    folder, no annotations in it.
    """
    check_folder(data_root, ASK)
    found = [folder for folder, _, files in folders(data_root) if f"{folder.name}.json" in files]
    clips = [_clip(folder, rate) for folder in found]
    if not clips:
        raise CallError(f"{data_root} holds no NN/NNN/NNN.json; {ASK}")
    check_names([clip.name for clip in clips])
    there = {clip.name: has_numbered_pictures(clip.pictures) for clip in clips}
    late = [clip.name for clip in clips if there[clip.name] and not list(clip.pictures.glob("00000.*"))]
    return Corpus(
        films=tuple(clip for clip in clips if there[clip.name]),
        missing=(
            *told("no pictures of annotated clips", [name for name in there if not there[name]]),
            *told("no picture 00000 of clips", late, "; their frames are counted from 00001 on"),
        ),
        licence=LICENCE,
        unseen=tuple(clip for clip in clips if not there[clip.name]),
    )


def _clip(folder: Path, rate: float) -> Film:
    path = folder / f"{folder.name}.json"
    actor = read_annotation(path).get("actor")
    return Film(
        name=film_name(folder.name),
        pictures=folder,
        rate=rate,
        labels=partial(read_clip, path, rate),
        subject=str(actor) if actor else None,
    )


def read_annotation(path: Path) -> dict[str, Any]:
    """A clip's JSON; raises CallError where it is none, or has no frames."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise CallError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise CallError(f"{path} is no JSON ({error}); take the data set's own file") from None
    frames = content.get("frames") if isinstance(content, dict) else None
    if not isinstance(frames, dict) or not frames:
        raise CallError(f"{path} holds no frames; take the data set's own file")
    if strange := [number for number in frames if not re.fullmatch(r"[0-9]{1,9}", number)]:
        raise CallError(f"{path}, frame {strange[0]!r}: a frame is named by its number, such as '00000'")
    return content


def read_clip(path: Path, rate: float | None = None) -> Labels:
    """Valence and arousal of a clip's frames, divided by 10; frames that are left out have none.

    Raises CallError, which names the frame: a number that is missing or is none.
    """
    frames = read_annotation(path)["frames"]
    values = np.full((1 + max(map(int, frames)), len(OUTPUTS)), np.nan)
    for number, frame in frames.items():
        values[int(number)] = [_tenths(frame, name, path, number) for name in OUTPUTS]
    return labelled(values, path, [f"frame {number:05d}" for number in range(len(values))], rate=rate)


def _tenths(frame: Any, name: str, path: Path, number: str) -> float:
    value = frame.get(name) if isinstance(frame, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise CallError(f"{path}, frame {number}: {name} {value!r} is no number")
    return value / FULL
