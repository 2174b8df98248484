"""FERPlus votes → labels, as the data set's own reader makes them (Barsoum et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

EMOTIONS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
Mode = Literal["majority", "probability", "crossentropy", "multi_target"]


def distribution(votes: Sequence[float], mode: Mode, emotions: int = 8) -> NDArray[np.float64] | None:
    """The label distribution [emotions] of ten votes (eight emotions, unknown, non-face), or None: discarded.

    A vote of 1 counts as 0 first. *majority*: the largest label if it has more than half. *probability*,
    *crossentropy*: all labels tied at the largest, again and again, until they hold 75 % or three are taken.
    *multi_target*: every label with 30 %. What is taken is shared out by votes. A picture whose largest label
    is no emotion (or none of the first `emotions`) is discarded.

    >>> distribution([6, 0, 0, 0, 4, 0, 0, 0, 0, 0], "majority")
    array([1., 0., 0., 0., 0., 0., 0., 0.])
    >>> distribution([6, 0, 0, 0, 4, 0, 0, 0, 0, 0], "crossentropy")
    array([0.6, 0. , 0. , 0. , 0.4, 0. , 0. , 0. ])
    >>> distribution([5, 5, 0, 0, 0, 0, 0, 0, 0, 0], "majority") is None
    True
    """
    counted = np.where(np.asarray(votes, dtype=float) > 1, votes, 0.0)
    total = counted.sum()
    taken = {"majority": _majority, "multi_target": _multi_target}.get(mode, _largest_first)(counted, total)
    if taken is None or not taken.any() or taken.argmax() >= emotions:
        return None
    return taken[:emotions] / taken[:emotions].sum()


def _majority(votes: NDArray[np.float64], total: float) -> NDArray[np.float64] | None:
    largest = votes.argmax()
    return np.eye(10)[largest] if votes[largest] > total / 2 else None


def _largest_first(votes: NDArray[np.float64], total: float) -> NDArray[np.float64] | None:
    left, taken, count, going = votes.copy(), np.zeros(10), 0, True
    while taken.sum() < 0.75 * total and count < 3 and going:
        largest = left.max()
        for label in np.flatnonzero(left == largest):
            if label >= 8:  # unknown or non-face ends it, and counts only if no emotion came first
                going = False
                if taken.any():
                    break
            taken[label], left[label] = largest, 0.0
            count += 1
            if label >= 8:
                break
    return None if taken.sum() <= total / 2 or count > 3 else taken


def _multi_target(votes: NDArray[np.float64], total: float) -> NDArray[np.float64] | None:
    taken = np.where(votes >= 0.3 * total, votes, 0.0)
    return None if taken.sum() <= total / 2 else taken
