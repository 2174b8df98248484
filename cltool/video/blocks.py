"""A store's films as blocks of samples: a frame's numbers in a row, its valence and arousal the values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cltool.affect.frames import FilmFrames, check_labels
from cltool.errors import CallError, nearest
from cltool.pictures import Block
from cltool.plugin import Spec
from cltool.video.store import Index, StoredFilm

if TYPE_CHECKING:
    from torch import Tensor

    from cltool.tasks import TaskStream

SCHEMA = 1  # of rows: another one where what is in them changes


@dataclass(frozen=True, eq=False)
class Layout:
    """What stands where in a frame's row: the tensors of a store's `index`, but for how sure keypoints are, in order.

    >>> from cltool.video.store import TensorFacts
    >>> body, mel = TensorFacts(modality="body", shape=[18, 2]), TensorFacts(modality="mel", shape=[128])
    >>> layout = Layout(Index(tensors={"body": body, "mel": mel}))
    >>> layout.width, layout.columns(["mel"])[:2]
    (164, [36, 37])
    """

    index: Index

    @cached_property
    def widths(self) -> Mapping[str, int]:
        """How many numbers each tensor has per frame."""
        tensors = self.index.tensors
        return {n: int(np.prod(tensors[n].shape)) for n in tensors if not n.endswith("_confidence")}

    @property
    def width(self) -> int:
        """How many numbers a row has."""
        return sum(self.widths.values())

    def columns(self, tensors: Sequence[str]) -> list[int]:
        """Where the numbers of these tensors stand in a row; raises CallError for one that is not there."""
        found: list[int] = []
        for name in tensors:
            if name not in self.widths:
                raise CallError(f"these films have no {name!r}; {nearest(name, self.widths)}")
            start = sum(self.widths[other] for other in list(self.widths)[: list(self.widths).index(name)])
            found.extend(range(start, start + self.widths[name]))
        return found

    def fingerprint(self, tensors: Sequence[str]) -> str:
        """Hash of what these tensors are: modalities as spelled, shapes, and models and versions from `about`."""
        told = {}
        for name in tensors:
            facts = self.index.tensors[name]
            modality = Spec.parse(facts.modality).name
            made = {key: about for key, about in self.index.about.items() if key.split(" ")[0] == modality}
            told[name] = [facts.modality, facts.shape, made]
        return hashlib.sha256(json.dumps([SCHEMA, told], sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class FilmRows:
    """Some frames of a film as rows; it decodes one's bytes into float32 [D, 1, 1], a picture of a single pixel.

    `frames` [n]: their numbers. What was not seen or heard in a frame is as it was when it was last seen, before that
    as it was first; what never was is zeros.
    """

    film: StoredFilm
    frames: NDArray[np.int64]
    layout: Layout

    def __call__(self, encoded: bytes) -> Tensor:
        import torch

        return torch.frombuffer(bytearray(encoded), dtype=torch.float32).view(-1, 1, 1)

    @cached_property
    def _shown(self) -> Mapping[str, NDArray[np.int64]]:
        """Which frame's numbers stand in each row, by tensor."""
        return {name: last_seen(self.film.valid(name))[self.frames] for name in self.layout.widths}

    def read(self, index: int) -> bytes:
        """The row of a frame, as bytes of float32."""
        parts = (self.film[name][shown[index]] for name, shown in self._shown.items())
        return b"".join(np.ascontiguousarray(part, np.float32).tobytes() for part in parts)

    @property
    def digest(self) -> str:
        """Hash of the rows, by way of that of the film's file."""
        told = f"{SCHEMA} {self.film.entry.sha256} {list(self.layout.widths)}"
        return hashlib.sha256(told.encode() + self.frames.tobytes()).hexdigest()


@dataclass(frozen=True)
class _Names(Sequence[str]):
    """What messages call a film's frames; made when asked for."""

    film: str
    frames: NDArray[np.int64] = field(repr=False)

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: Any) -> Any:
        return f"{self.film}, frame {self.frames[index]}"


def film_block(film: StoredFilm, layout: Layout, kin: str) -> Block | None:
    """The frames of a film that have a label and show or sound like anything; None where there are none.

    Raises CallError for labels outside [−1, 1].
    """
    import torch

    own = FilmFrames(film, tuple(layout.widths))
    check_labels(own)
    frames = np.flatnonzero(own.counted)
    if not len(frames):
        return None
    rows = FilmRows(film, frames, layout)
    targets = torch.from_numpy(np.ascontiguousarray(own.labels[frames], np.float32))
    names = _Names(film.name, frames)
    return Block("", "train", names, rows.read, rows, targets, kin=kin, _digest=[rows.digest])


def last_seen(valid: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For every frame [T], the last one up to it that is valid; before the first, the first; all 0 without any.

    >>> last_seen(np.array([False, True, False, True])).tolist()
    [1, 1, 1, 3]
    """
    numbers = np.where(valid, np.arange(len(valid)), -1)
    found: NDArray[np.int64] = np.maximum.accumulate(numbers)
    return np.where(found < 0, int(valid.argmax()), found)


def rows_of(block: Block) -> FilmRows:
    """The film that a block's frames are of; raises CallError for pictures of another kind."""
    if not isinstance(block.decode, FilmRows):
        raise CallError("this backbone reads films of a feature store, and the stream has pictures; take another")
    return block.decode


def film_blocks(stream: TaskStream) -> Iterator[Block]:
    """The blocks of single films of a whole stream, those to learn from and those held out."""
    pictures = stream.pictures
    for name in pictures.outputs:
        for block in (pictures.train[name], pictures.test[name]):
            yield from block.pieces
