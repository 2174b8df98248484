"""A film's files in Aff-Wild2's layout, and what tells that they are synthetic."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import cltool
from cltool.files import save_text
from cltool.video.encoding import film_writer
from cltool.video.films import OUTPUTS
from cltool_plugins.corpora.abaw import ANNOTATIONS, CROPPED, OPENPOSE, SPLITS, SYNTHETIC, VIDEOS
from cltool_plugins.modalities.alignment import aligned
from cltool_plugins.puppet.cast import Role, Span
from cltool_plugins.puppet.performance import Moment
from cltool_plugins.puppet.skeleton import file_name, keypoints

FOLDERS = {split: folder for folder, split in SPLITS.items()}
NO_LABEL = "-5,-5"
QUALITY = 95  # of the crops' JPEG; with less the pulse gets lost
MADE = "synthetic: rendered by cltool data make va-puppet"
SCHEMA = 1

README = """These films are SYNTHETIC: nobody was filmed.

They were rendered by `cltool data make va-puppet`, cltool {version}, from one still picture:
{portrait}.
Valence and arousal were given first, and the picture was moved as they say; the voice is made of sine waves and says
nothing. Whatever is learned from these films holds for these films alone. They are there to try programs with.

videos/                     H.264 and AAC
VA_Estimation_Challenge/    valence,arousal of every frame, -5 where it has no label; as Aff-Wild2 is laid out
cropped_aligned/            faces of 112x112 pixels, number 1 is the first frame; none where the face is hidden
openpose/                   the points that the picture was moved by, as OpenPose writes BODY_25 and 70 face points
synthetic.json              seed and settings, and of every film who is seen and heard, in which light, and how it moves

Same version, seed and settings: same films.
"""


def write_film(
    out: Path,
    role: Role,
    trace: NDArray[np.float64],
    moments: Iterable[Moment],
    size: int,
    rate: float,
    sound_rate: int,
    advance: Callable[[int], None],
) -> None:
    """Write a film's frames as they come, and its labels, `trace` [T, 2], once it is whole."""
    crops, skeletons = (out / folder / role.name for folder in (CROPPED, OPENPOSE))
    for folder in (crops, skeletons):
        folder.mkdir(parents=True)
    told = {"title": f"{role.name} ({MADE})", "comment": MADE}
    with film_writer(out / VIDEOS / f"{role.name}.mp4", size, size, rate, sound_rate, told) as film:
        for frame, moment in enumerate(moments):
            film.write(moment.picture)
            film.hear(moment.sound)
            if not moment.hidden:
                _save_crop(crops / f"{frame + 1:05d}.jpg", moment)
            told_points = keypoints(moment.body, moment.face, not moment.hidden)
            (skeletons / file_name(role.name, frame)).write_text(told_points, encoding="utf-8")
            advance(1)
    save_text(out / ANNOTATIONS / FOLDERS[role.split] / f"{role.name}.txt", labels(trace, role.unlabelled))


def _save_crop(path: Path, moment: Moment) -> None:
    from PIL import Image

    crop = aligned(moment.picture, moment.anchors)
    Image.fromarray(crop).save(path, quality=QUALITY, subsampling=0, comment=MADE.encode())


def labels(trace: NDArray[np.float64], unlabelled: Span) -> str:
    """A label file: a line for every row of `trace` [T, 2], −5 from the first to the last of the unlabelled.

    >>> labels(np.array([(0.5, -1), (0.25, 0), (0, 1)]), (1, 1)).split()
    ['valence,arousal', '0.500000,-1.000000', '-5,-5', '0.000000,1.000000']
    """
    first, last = unlabelled
    lines = [NO_LABEL if first <= n <= last else f"{v:.6f},{a:.6f}" for n, (v, a) in enumerate(trace)]
    return "\n".join([",".join(OUTPUTS), *lines, ""])


def write_about(out: Path, portrait: str, settings: Mapping[str, Any], films: Mapping[str, Mapping[str, Any]]) -> None:
    """Say what the data set is: README.txt for people, synthetic.json for programs."""
    about = {
        "schema": SCHEMA,
        "synthetic": True,
        "made_by": "cltool data make va-puppet",
        "cltool": cltool.__version__,
        "portrait": portrait,
        "settings": settings,
        "films": films,
    }
    save_text(out / "README.txt", README.format(version=cltool.__version__, portrait=portrait))
    save_text(out / SYNTHETIC, json.dumps(about, ensure_ascii=False, indent=1) + "\n")
