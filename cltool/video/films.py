"""Films as a data set keeps them: where pictures, sound and labels of each lie; nothing is read until asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Split = Literal["train", "validation", "test"]

OUTPUTS = ("valence", "arousal")


@dataclass(frozen=True, eq=False)
class Labels:
    """Valence and arousal of a film's frames.

    `values` float32 [T, 2], in [-1, 1]; a row of NaN where the owner gives none. `rate` in rows per second, where the
    file tells it. `path` names them in messages. `notes`: what is odd about the file, in lines that name the place.

    >>> Labels(np.array([[0.5, 0], [np.nan, np.nan]], np.float32), Path("a.txt")).given
    array([ True, False])
    """

    values: NDArray[np.float32]
    path: Path
    rate: float | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    @property
    def given(self) -> NDArray[np.bool_]:
        """bool [T]: whether a frame has a label."""
        given: NDArray[np.bool_] = np.all(np.isfinite(self.values), axis=1)
        return given


@dataclass(frozen=True, eq=False)
class Film:
    """One film: where its pictures, sound, labels and what other programs found in it lie.

    `name` tells it from all other films of its corpus, and is made of letters, digits and `._-` alone, as a file's is.
    `pictures`: a video file, or a folder of numbered pictures, in which frames may be missing; number 0, where it is
    there, else number 1, is the first frame. `sound`: the file that holds it, often the video; None where there is
    none. `rate`: frames per second of numbered pictures; a video file tells its own. `labels` reads them when called.
    `subject`: who is seen, where that is known. `split`: as its owner gives it. `keypoints`: a folder of OpenPose's
    JSON files; `actions`: OpenFace's CSV file. `synthetic`: made by a program rather than filmed.
    """

    name: str
    pictures: Path
    sound: Path | None = None
    rate: float | None = None
    labels: Callable[[], Labels] | None = None
    subject: str | None = None
    split: Split | None = None
    keypoints: Path | None = None
    actions: Path | None = None
    synthetic: bool = False


@dataclass(frozen=True, eq=False)
class Corpus:
    """The annotated films of a data set, in a fixed order, and what of it is missing.

    `films` can all be read; there may be none. `unseen`: annotated films whose pictures are not there; their
    `pictures` say where they belong. `missing`: a line for each part that belongs to the data set and is not there.
    `licence`: its terms in a line.
    """

    films: tuple[Film, ...]
    missing: tuple[str, ...] = ()
    licence: str = ""
    unseen: tuple[Film, ...] = ()
