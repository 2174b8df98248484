"""What a network is given of a stored film: rows, masks and labels of its frames, a window at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cltool.errors import CallError
from cltool.video.films import OUTPUTS
from cltool.video.store import FeatureStore, StoredFilm

LABELS = "labels"


class Window(NamedTuple):
    """Frames `start` up to `stop` of film number `film`; `fresh`: what came before is not remembered."""

    film: int
    start: int
    stop: int
    fresh: bool = True


@dataclass(frozen=True, eq=False)
class FilmFrames:
    """The frames of a film as a network reads them: `reads` names the tensors, whose rows are flattened.

    `dealt`, where labels were shuffled, are the labels in the place of the film's own.
    """

    film: StoredFilm
    reads: tuple[str, ...]
    dealt: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.film)

    def rows(self, tensor: str, frames: slice) -> NDArray[np.float32]:
        """float32 [S, F] of some frames, what is masked included."""
        found = self.film[tensor][frames]
        return found.reshape(len(found), -1)

    def valid(self, tensor: str) -> NDArray[np.bool_]:
        """bool [T]."""
        return self.film.valid(tensor)

    def valid_rows(self, tensor: str, frames: slice) -> NDArray[np.float32]:
        """float32 [n, F]: those of some frames that are there.

        Raises CallError, which names film and frame, for a number among them that is not finite.
        """
        found, there = self.rows(tensor, frames), self.valid(tensor)[frames]
        wrong = there & ~np.isfinite(found).all(1)
        if wrong.any():
            frame = (frames.start or 0) + int(wrong.argmax())
            raise CallError(
                f"{tensor!r} of film {self.film.name}, frame {frame}, holds a number that is not finite; extract that "
                "film anew"
            )
        return found[there]

    @cached_property
    def seen(self) -> NDArray[np.bool_]:
        """bool [T]: frames in which at least one of the tensors is there."""
        return np.logical_or.reduce([self.valid(tensor) for tensor in self.reads])

    @cached_property
    def labels(self) -> NDArray[np.float32]:
        """float32 [T, 2], NaN where there is none."""
        if self.dealt is not None:
            return self.dealt
        if LABELS not in self.film.tensors:
            return np.full((len(self), len(OUTPUTS)), np.nan, np.float32)
        return self.film.labels

    @cached_property
    def counted(self) -> NDArray[np.bool_]:
        """bool [T]: frames that are learnt from and scored: labelled, and seen."""
        counted: NDArray[np.bool_] = self.seen & np.isfinite(self.labels).all(1)
        return counted


def check_labels(film: FilmFrames) -> None:
    """Raise CallError for a label outside [−1, 1], which names film and frame."""
    outside = np.abs(film.labels).max(1, initial=0) > 1  # NaN is not
    if outside.any():
        frame = int(outside.argmax())
        values = ", ".join(f"{name} {value:g}" for name, value in zip(OUTPUTS, film.labels[frame], strict=True))
        raise CallError(
            f"labels of {film.film.name}, frame {frame}: {values}; valence and arousal lie between -1 and 1, "
            "so repair or rescale them and extract anew"
        )


def read_by(network: Mapping[str, Any], store: FeatureStore, name: str) -> dict[str, int]:
    """The tensors that a network reads and how many numbers each has per frame, by its plugin's facts.

    `network`: the facts; without `reads`, all tensors of the store. Raises CallError for a tensor that the store lacks,
    and says how to get it.
    """
    tensors = store.index.tensors
    wanted: Sequence[str] = network.get("reads") or tuple(tensors)
    for tensor in wanted:
        if tensor not in tensors:
            known = ", ".join(tensors)
            raise CallError(
                f"network {name!r} reads {tensor!r}, which {store.path} does not hold (there are {known}); extract the "
                f"films anew with --modality {tensor} beside the others, or take another network"
            )
    return {tensor: int(np.prod(tensors[tensor].shape)) for tensor in wanted}
