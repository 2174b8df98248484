"""Films with a table of labels beside each."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from cltool import CallError, corpus
from cltool.video.films import Corpus, Film, Labels


@corpus(source="where the films come from")
def mine(
    data_root: Path,
    *,
    missing: Annotated[float, Field(description="the number that marks a frame without a label")] = -5.0,
) -> Corpus:
    """Films and their labels: a table for each, with a heading, then valence and arousal, a line per frame.

    >>> mine(Path("nowhere"))
    Traceback (most recent call last):
    cltool.errors.CallError: nowhere holds no NAME.mp4 with NAME.csv beside it
    """
    paths = [path for path in sorted(data_root.glob("*.mp4")) if path.with_suffix(".csv").is_file()]
    if not paths:  # the user learns in one line what to do
        raise CallError(f"{data_root} holds no NAME.mp4 with NAME.csv beside it")
    labels = {path: partial(read_labels, path.with_suffix(".csv"), missing) for path in paths}
    return Corpus(tuple(Film(path.stem, path, sound=path, labels=labels[path]) for path in paths))


def read_labels(path: Path, missing: float) -> Labels:
    """A row per frame, of NaN where there is no label."""
    values = np.loadtxt(path, np.float32, delimiter=",", skiprows=1, ndmin=2)
    values[(values == missing).any(1)] = np.nan
    return Labels(values, path)
