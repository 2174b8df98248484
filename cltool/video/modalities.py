"""What an extraction hands to modalities, and what they give back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cltool.plugin import Configured

Picture = NDArray[np.uint8]  # RGB, [H, W, 3], C-contiguous


def reads(modality: Configured) -> tuple[str, ...]:
    """Names of the modalities whose rows this one reads: its fact `after`, names or a function of its options."""
    after: Any = modality.plugin.facts.get("after", ())
    return tuple(after(modality.options) if callable(after) else after)


@dataclass(frozen=True, eq=False)
class Rows:
    """A row of numbers per frame, and which of them mean anything.

    `values` float32 [n, …]; `valid` bool [n]: where it is False the row holds zeros, since there was nothing to see or
    hear. A frame is masked in this way, never dropped and never invented.

    >>> Rows.none(2, (3,)).values.shape
    (2, 3)
    """

    values: NDArray[np.float32]
    valid: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.valid)

    @classmethod
    def none(cls, count: int, shape: tuple[int, ...]) -> Rows:
        """`count` masked rows of a shape."""
        return cls(np.zeros((count, *shape), np.float32), np.zeros(count, bool))


@dataclass(frozen=True, eq=False)
class Frames:
    """Consecutive frames of a film.

    `first`: number of the first of them, counted from 0. `times` float64 [n], seconds from the film's beginning.
    `pictures`: each frame's, None where it has none. `rows`: what modalities that came before have found in the same
    frames, by the name of what they found.
    """

    first: int
    times: NDArray[np.float64]
    pictures: Sequence[Picture | None]
    rows: Mapping[str, Rows] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.pictures)


class Extractor(ABC):
    """A modality at work on one film: takes all its frames in order, a batch at a time, and gives a row for each.

    `shapes`: the shape of a row of everything it gives, by name. `columns`: names of a row's numbers, where they have
    any. `about`: facts that decide the rows, such as versions and checksums of models; the store's index keeps them,
    and they are the same for all its films. `origin`: where this film's rows come from, where films may differ in it.
    """

    shapes: Mapping[str, tuple[int, ...]]
    columns: Mapping[str, Sequence[str]] = {}
    about: Mapping[str, Any] = {}
    origin: str = ""

    @abstractmethod
    def __call__(self, frames: Frames) -> Mapping[str, Rows]:
        """The rows of these frames, by name; fewer, or none, where it has to see later frames first."""

    def finish(self) -> Mapping[str, Rows]:
        """The rows still owed after the last frame; none unless it has waited for later frames."""
        return {}

    def close(self) -> None:  # noqa: B027 (most hold nothing)
        """Close what it holds open; called once, also where the work broke off."""
