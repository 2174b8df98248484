"""va-puppet: films of a drawn face that anyone can make, in the layout of Aff-Wild2."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from cltool import CallError, corpus
from cltool.video.films import Corpus, Film
from cltool_plugins.corpora.abaw import OPENPOSE, SYNTHETIC, Pictures, read_layout
from cltool_plugins.corpora.places import check_folder, told

LICENCE = "made by a program, synthetic; free to use and to pass on"
MAKE = "make one: cltool data make va-puppet --out FOLDER"


@corpus(name="va-puppet")
def va_puppet(
    data_root: Path,
    *,
    pictures: Annotated[Pictures, Field(description="whole videos or cropped faces")] = "videos",
) -> Corpus:
    """Synthetic films of a drawn face that moves as its valence and arousal say, with voice and OpenPose's keypoints.

    Raises CallError: no such folder, none that `cltool data make va-puppet` has made.
    """
    check_folder(data_root, MAKE)
    told_of = _about(data_root)
    found = read_layout(data_root, pictures, rate=30.0, unlabelled=False, absent=MAKE, licence="")
    films = tuple(_puppet(film, data_root, told_of) for film in found.films)
    return replace(
        found,
        films=films,
        licence=LICENCE,
        missing=(*found.missing, *told("no keypoints of", [film.name for film in films if not film.keypoints])),
        unseen=tuple(_puppet(film, data_root, told_of) for film in found.unseen),
    )


def _about(root: Path) -> dict[str, Any]:
    """What the maker says of every film, by name."""
    path = root / SYNTHETIC
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        films = content["films"]
        if content["synthetic"] is not True or not isinstance(films, dict):
            raise ValueError("it does not say that the films are synthetic")
    except FileNotFoundError:
        raise CallError(f"{root} is no va-puppet data set, for there is no {SYNTHETIC} in it; {MAKE}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CallError(f"{path} is not as va-puppet's maker writes it: {error!r}; {MAKE}") from None
    return films


def _puppet(film: Film, root: Path, films: dict[str, Any]) -> Film:
    about = films.get(film.name)
    subject = about.get("subject") if isinstance(about, dict) else None
    keypoints = root / OPENPOSE / film.name
    return replace(
        film,
        subject=str(subject) if subject is not None else film.subject,
        keypoints=keypoints if keypoints.is_dir() else None,
    )
