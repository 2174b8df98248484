"""Films of one colour that their labels tell of."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from cltool import maker
from cltool.progress import Progress
from cltool.video.encoding import film_writer


@maker(source="how the films are made")
def mine(
    out: Path, videos: int, seconds: float, seed: int, progress: Progress, *, rate: Annotated[float, Field(gt=0)] = 10.0
) -> None:
    """Films whose red is valence and whose green is arousal, each with a table of its labels beside it.

    >>> import tempfile
    >>> from cltool.progress import Silent
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     mine(Path(folder), videos=1, seconds=0.5, seed=0, progress=Silent())
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['000.csv', '000.mp4', 'README.txt']
    """
    rng = np.random.default_rng(seed)  # all that is drawn comes from the seed
    (out / "README.txt").write_text("Synthetic: made by a program.\n")
    with progress.track("making films", videos) as advance:
        for number in range(videos):
            labels = rng.uniform(-1, 1, (max(1, round(seconds * rate)), 2)).round(3)
            with film_writer(out / f"{number:03d}.mp4", width=32, height=32, rate=rate) as film:
                for valence, arousal in labels:
                    colour = np.array([127 + 127 * valence, 127 + 127 * arousal, 0], np.uint8)
                    film.write(np.tile(colour, (32, 32, 1)))
            table = out / f"{number:03d}.csv"
            np.savetxt(table, labels, fmt="%g", delimiter=",", header="valence,arousal", comments="")
            advance(1)
