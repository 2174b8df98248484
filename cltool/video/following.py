"""Which of several people a film is about: the largest, then whoever is nearest to where that one was."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PATIENCE = 10  # frames for which somebody followed among others may be away before another is taken


class Follower:
    """Follows one person through a film whose frames tell where people are, but not who they are.

    The first to be seen is the largest. After that it is whoever is nearest to the last place, as long as that is no
    farther than a body's (or a face's) own size. If nobody is that near, whoever was followed among others is waited
    for over `PATIENCE` frames; whoever was alone has made a leap, or the film a cut. Then the largest is taken anew.

    >>> one, other = np.array([(0, 0), (4, 4)]), np.array([(50, 0), (53, 3)])
    >>> follow = Follower()
    >>> follow([other, one]), follow([one + 1, other]), follow([other]), follow([other, one])
    (1, 0, None, 1)
    """

    def __init__(self) -> None:
        self._centre: NDArray[np.floating] | None = None
        self._size = 0.0
        self._alone = True
        self._waited = 0

    def __call__(self, people: Sequence[NDArray[np.floating]], front: Sequence[bool] | None = None) -> int | None:
        """Which of a frame's people it is; None where there is none, or where whoever is followed is away.

        `people`: the points [k, 2] seen of each, k ≥ 1, x and y in one unit. `front` [people]: whether someone goes
        before the others, as one who shows the face does, where the largest is taken.
        """
        if not people:
            self._waited += 1
            return None
        boxes = [(points.min(0), points.max(0)) for points in people]
        centres = [(low + high) / 2 for low, high in boxes]
        sizes = [float(np.linalg.norm(high - low)) for low, high in boxes]
        chosen = self._nearest(centres, sizes)
        if chosen is None and not self._alone and self._waited < PATIENCE:
            self._waited += 1
            return None
        if chosen is None:
            ranks = list(zip(front or [True] * len(people), sizes, strict=True))
            chosen = max(range(len(people)), key=ranks.__getitem__)
        self._centre, self._size = centres[chosen], sizes[chosen]
        self._alone, self._waited = len(people) == 1, 0
        return chosen

    def _nearest(self, centres: Sequence[NDArray[np.floating]], sizes: Sequence[float]) -> int | None:
        if self._centre is None:
            return None
        distances = [float(np.linalg.norm(centre - self._centre)) for centre in centres]
        nearest = min(range(len(centres)), key=distances.__getitem__)
        return nearest if distances[nearest] <= max(self._size, sizes[nearest]) else None
