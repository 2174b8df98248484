"""Pictures as a data set keeps them: encoded, grouped by output and split, decoded only when asked."""

from __future__ import annotations

import hashlib
import io
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal

from cltool.errors import CallError, DataGone, nearest

if TYPE_CHECKING:
    from torch import Tensor

Split = Literal["train", "test"]


@dataclass(frozen=True)
class RawPixels:
    """Decodes bytes that are the pixels themselves, row by row, into uint8 [C, H, W].

    `transposed` swaps height and width, as EMNIST's files need.
    """

    channels: int
    height: int
    width: int
    transposed: bool = False

    def __call__(self, encoded: bytes) -> Tensor:
        import torch

        pixels = torch.frombuffer(bytearray(encoded), dtype=torch.uint8)
        pixels = pixels.view(self.channels, self.height, self.width)
        return pixels.mT.contiguous() if self.transposed else pixels


@dataclass(frozen=True)
class ImageFile:
    """Decodes JPEG, PNG and whatever else pillow reads into uint8 [C, H, W], C = 3 (RGB) or 1 (L)."""

    mode: Literal["RGB", "L"] = "RGB"

    def __call__(self, encoded: bytes) -> Tensor:
        import numpy as np
        import torch
        from PIL import Image

        with Image.open(io.BytesIO(encoded)) as image:
            pixels = np.array(image.convert(self.mode))
        return torch.from_numpy(pixels if self.mode == "RGB" else pixels[:, :, None]).permute(2, 0, 1)

    def check(self, encoded: bytes) -> None:
        """Read the whole file at the smallest size its format can be decoded at; raises as decoding does."""
        from PIL import Image

        with Image.open(io.BytesIO(encoded)) as image:
            image.draft("L", (1, 1))
            image.load()


@dataclass(frozen=True)
class Unsent:
    """Stands where pictures are read or networks built, at a place that they were not sent to; `why` not."""

    why: str

    def __call__(self, *_: Any) -> Any:
        """Raise CallError, which says why."""
        raise CallError(self.why)


@dataclass
class Turn:
    """Whether a task's training samples may still be read."""

    over: bool = False


@dataclass(frozen=True, eq=False)
class Block:
    """The pictures of one output in one split, the unit in which features are kept.

    `names` says what to call each picture in a message; `read(i)` gives its encoded bytes and `decode`
    makes them uint8 [C, H, W]. `targets` [n, O], where a data set has soft labels, is each picture's
    distribution over the set's O outputs; None means all of it on `output`. `made_of`: the data set's own blocks,
    where this one is several of them, a part of one, or one under another name.

    Of a set of values (`PictureSet.values`), `targets` [n, K] are the values, a picture is a film's frame, float32
    [D, 1, 1], and `films` are the blocks of single films, in order, in which features are kept. Films of one `kin`,
    such as one person's, are never parted when some are held out.

    >>> block = Block("white", "train", ["a"], lambda i: bytes([255] * 4), RawPixels(1, 2, 2))
    >>> len(block), block.picture(0).shape
    (1, torch.Size([1, 2, 2]))
    """

    output: str
    split: Split
    names: Sequence[str]
    read: Callable[[int], bytes]
    decode: Callable[[bytes], Tensor]
    targets: Tensor | None = None
    turn: Turn | None = None
    made_of: tuple[Block, ...] = ()
    films: tuple[Block, ...] = ()
    kin: str = ""
    _digest: list[str] = field(default_factory=list, repr=False)  # shared by copies; filled once

    @property
    def sources(self) -> tuple[Block, ...]:
        """The data set's own blocks that its pictures are of; itself, where it is one."""
        return self.made_of or (self,)

    def __len__(self) -> int:
        return len(self.names)

    def during(self, turn: Turn) -> Block:
        """The same block, readable only until `turn` is over."""
        return replace(self, turn=turn, films=tuple(film.during(turn) for film in self.films))

    @classmethod
    def of_films(cls, output: str, split: Split, films: Sequence[Block]) -> Block:
        """The frames of several films, one film after another, as one block; needs at least one film.

        >>> import torch
        >>> film = Block("f", "train", ["f 0"], lambda i: bytes(4), RawPixels(1, 2, 2), torch.tensor([[0.1, -0.2]]))
        >>> both = Block.of_films("ann", "test", [film, film])
        >>> len(both), both.targets.shape, both.films[1].split
        (2, torch.Size([2, 2]), 'test')
        """
        own = tuple(replace(film, output=output, split=split) for film in films)
        names = _Joined([film.names for film in own])

        def read(index: int) -> bytes:
            film, place = names.place(index)
            return own[film].read(place)

        return cls(output, split, names, read, own[0].decode, values_of(own), films=own)

    @property
    def pieces(self) -> tuple[Block, ...]:
        """The blocks in which features are kept: its films, or itself."""
        return self.films or (self,)

    def part(self, chosen: Sequence[int], split: Split) -> Block:
        """A block of some of the pictures, for a split of its own; its sources stay the same.

        >>> block = Block("grey", "train", ["a", "b", "c"], lambda i: bytes([i] * 4), RawPixels(1, 2, 2))
        >>> block.part([2, 0], "test").names
        ['c', 'a']
        """
        names = [self.names[i] for i in chosen]
        targets = None if self.targets is None else self.targets[list(chosen)]
        read = self.read
        own: dict[str, Any] = {"split": split, "names": names, "read": lambda i: read(chosen[i]), "targets": targets}
        return replace(self, **own, made_of=self.sources, films=(), _digest=[])

    def _still_here(self) -> None:
        if self.turn is not None and self.turn.over:
            raise DataGone(
                f"the {self.split} pictures of {self.output!r} belong to a task whose turn is over; "
                "keep heads and statistics of earlier tasks, not samples"
            )

    @property
    def digest(self) -> str:
        """Hash of the encoded pictures and of how they are decoded; raises DataGone after its turn."""
        self._still_here()
        if not self._digest:
            sha = hashlib.sha256(repr(self.decode).encode())
            for index in range(len(self)):
                encoded = self._read(index)
                sha.update(len(encoded).to_bytes(8, "little"))
                sha.update(encoded)
            self._digest.append(sha.hexdigest())
        return self._digest[0]

    def without_pictures(self, why: str) -> Block:
        """The block as it can be sent elsewhere: names, targets, and its digest if that is known.

        Reading a picture raises CallError, which says `why` not.

        >>> block = Block("white", "train", ["a"], lambda i: bytes([255] * 4), RawPixels(1, 2, 2))
        >>> digest = block.digest
        >>> sent = block.without_pictures("it was left at home")
        >>> sent.digest == digest, sent.names
        (True, ['a'])
        >>> sent.picture(0)
        Traceback (most recent call last):
        cltool.errors.CallError: it was left at home
        """
        films = tuple(film.without_pictures(why) for film in self.films)
        names = _Joined([film.names for film in films]) if films else list(self.names)
        own: dict[str, Any] = {"names": names, "read": Unsent(why), "decode": Unsent(why), "films": films}
        return replace(self, **own, turn=None, made_of=(), _digest=list(self._digest))

    def _read(self, index: int) -> bytes:
        try:
            return self.read(index)
        except OSError as error:
            raise CallError(f"cannot read picture {self.names[index]}: {error}") from None

    def picture(self, index: int) -> Tensor:
        """One picture, uint8 [C, H, W]; raises CallError naming it if it cannot be decoded, DataGone."""
        self._still_here()
        encoded = self._read(index)
        try:
            return self.decode(encoded)
        except Exception as error:
            raise CallError(f"cannot read picture {self.names[index]}: {error}") from None

    def pictures(self, indices: Iterable[int]) -> list[Tensor]:
        """Several pictures, as `picture` gives each."""
        return [self.picture(index) for index in indices]

    def check(self, index: int) -> None:
        """Raise CallError if a picture cannot be decoded, as cheaply as its format allows."""
        check = getattr(self.decode, "check", None)
        if check is None:
            return
        try:
            check(self._read(index))
        except CallError:
            raise
        except Exception as error:
            raise CallError(f"cannot read picture {self.names[index]}: {error}; repair or remove it") from None


class _Joined(Sequence[str]):
    """Several sequences of names as one, without a copy: films have millions of frames."""

    def __init__(self, parts: Sequence[Sequence[str]]) -> None:
        self._parts, self._ends = parts, list(accumulate(map(len, parts)))

    def place(self, index: int) -> tuple[int, int]:
        """Number of the part that holds the name at `index`, and its place there."""
        index = range(len(self))[index]
        part = bisect_right(self._ends, index)
        return part, index - self._ends[part] + len(self._parts[part])

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: Any) -> Any:
        part, place = self.place(index)
        return self._parts[part][place]


@dataclass(frozen=True)
class PictureSet:
    """A data set as a stream plugin gives it: blocks by output, in the owner's order; no tasks yet.

    `soft` says that blocks carry distributions as targets. `values`: the names of what is learned where every sample
    has numbers rather than a class, such as valence and arousal; `outputs` are then what is cut into tasks (subjects,
    groups of videos), each with films to learn from and films held out. `note` is what a reader of results must know
    about the data (which label file was used, say). `licence` is what may be done with the pictures and with what
    is trained on them, in the owner's sense; empty: not known. `own_tasks`: how many outputs, in their order, each of
    the data set's own tasks has, where it is published with a cut; empty: with none.
    """

    outputs: tuple[str, ...]
    train: Mapping[str, Block]
    test: Mapping[str, Block]
    soft: bool = False
    note: str = ""
    licence: str = ""
    values: tuple[str, ...] = ()
    own_tasks: tuple[int, ...] = ()

    def held_out(self, share: float) -> PictureSet:
        """A set whose test pictures are a share of every output's training pictures, taken from those by lot.

        For choosing settings: the real test pictures are not in it at all. The lot is the same whatever the seed.
        Where there are films, whole films are taken, and those of one kin together. Raises CallError where an output
        would be left without pictures on either side.
        """
        import torch

        from cltool.seeding import generator

        train, test = {}, {}
        for name, block in self.train.items():
            kins = list(dict.fromkeys(film.kin for film in block.films))
            order = torch.randperm(len(kins or block), generator=generator("hold-out", name)).tolist()
            held = round(share * len(order))
            if not 0 < held < len(order):
                what = "videos or people to learn from" if kins else "training pictures"
                raise CallError(f"--holdout {share:g}: {name!r} has {len(order)} {what}, too few to be cut")
            if kins:
                taken = {kins[i] for i in order[:held]}
                test[name] = Block.of_films(name, "test", [film for film in block.films if film.kin in taken])
                train[name] = Block.of_films(name, "train", [film for film in block.films if film.kin not in taken])
                continue
            test[name] = block.part(sorted(order[:held]), "test")
            train[name] = block.part(sorted(order[held:]), "train")
        return replace(self, train=train, test=test)

    def without_pictures(self, why: str) -> PictureSet:
        """The same set as it can be sent elsewhere, as `Block.without_pictures` gives its blocks."""
        sent = ({name: block.without_pictures(why) for name, block in of.items()} for of in (self.train, self.test))
        train, test = sent
        return replace(self, train=train, test=test)

    def relabelled(self, label_map: Mapping[str, str | None]) -> PictureSet:
        """A set with other classes: outputs renamed, several made one by giving them one name, or left out by None.

        Classes stand in the order in which the set's own outputs first lead to them; soft targets' columns are
        summed. Raises CallError: a name that the data have not, a class that the map forgets, nothing left.

        >>> from cltool_plugins.streams.digits import digits
        >>> halves = {str(n): "low" if n < 5 else "high" for n in range(9)}
        >>> found = digits().relabelled({**halves, "9": None})
        >>> found.outputs, len(found.train["low"])
        (('low', 'high'), 723)
        """
        whole = "--label-map must name every class of the data"
        for name in label_map:
            if name not in self.outputs:
                raise CallError(f"label map: the data have no class {name!r}; {nearest(name, self.outputs)}")
        if forgotten := [name for name in self.outputs if name not in label_map]:
            raise CallError(f"label map: nothing is said of {forgotten[0]!r}; {whole} (null leaves one out)")
        groups: dict[str, list[str]] = {}
        for name in self.outputs:
            if (to := label_map[name]) is not None:
                groups.setdefault(to, []).append(name)
        if not groups:
            raise CallError(f"label map: it leaves out every class; {whole}, and at least one must stay")
        columns = [[self.outputs.index(name) for name in names] for names in groups.values()]

        def joined(blocks: Mapping[str, Block]) -> dict[str, Block]:
            return {to: _joined(to, [blocks[n] for n in names], columns) for to, names in groups.items()}

        return replace(self, outputs=tuple(groups), train=joined(self.train), test=joined(self.test), own_tasks=())

    def only(self, classes: int | Sequence[str]) -> PictureSet:
        """A set of the first so many outputs, or of those named, in their order.

        Raises CallError: a name that the data have not or that stands twice, more classes than there are.

        >>> from cltool_plugins.streams.digits import digits
        >>> digits().only(2).outputs, digits().only(["7", "1"]).outputs
        (('0', '1'), ('7', '1'))
        """
        if isinstance(classes, int):
            if not 0 < classes <= len(self.outputs):
                raise CallError(f"--classes {classes}: the data have {len(self.outputs)} classes")
            classes = self.outputs[:classes]
        for place, name in enumerate(classes):
            if name not in self.outputs:
                raise CallError(f"--classes: the data have no class {name!r}; {nearest(name, self.outputs)}")
            if name in classes[:place]:
                raise CallError(f"--classes: {name!r} stands twice")
        columns = [[self.outputs.index(name)] for name in classes]

        def kept(blocks: Mapping[str, Block]) -> dict[str, Block]:
            return {name: _joined(name, [blocks[name]], columns) for name in classes}

        return replace(self, outputs=tuple(classes), train=kept(self.train), test=kept(self.test), own_tasks=())


def _joined(output: str, blocks: Sequence[Block], columns: Sequence[Sequence[int]]) -> Block:
    """One block of several, under a new name; `columns`: which of the old targets make up each new one."""
    import torch

    first = blocks[0]
    targets = None
    if any(block.targets is not None for block in blocks):
        old = torch.cat([block.targets for block in blocks if block.targets is not None])
        targets = torch.stack([old[:, own].sum(1) for own in columns], 1)
        targets = targets / targets.sum(1, keepdim=True)
    if len(blocks) == 1:
        return replace(first, output=output, targets=targets, made_of=first.sources)
    if any(block.decode != first.decode for block in blocks):
        raise CallError(f"label map: the pictures that are to be {output!r} are of several kinds of file")
    places = [(block, i) for block in blocks for i in range(len(block))]

    def read(index: int) -> bytes:
        block, own = places[index]
        return block.read(own)

    names = [block.names[i] for block, i in places]
    sources = tuple(own for block in blocks for own in block.sources)
    return replace(first, output=output, names=names, read=read, targets=targets, made_of=sources, _digest=[])


def targets_of(blocks: Sequence[Block], outputs: Sequence[str], all_outputs: Sequence[str]) -> Tensor:
    """What the pictures of `blocks` are, as float32 [n, K] over the K `outputs`, each row summing to one.

    Hard labels become one-hot rows. Soft ones are cut down to `outputs` and renormalised: a task knows
    nothing of the outputs of others.
    """
    import torch

    columns = [list(all_outputs).index(name) for name in outputs]
    rows = []
    for block in blocks:
        if block.targets is None:
            row = torch.zeros(len(block), len(outputs))
            row[:, list(outputs).index(block.output)] = 1
        else:
            row = block.targets[:, columns].float()
            row = row / row.sum(1, keepdim=True)
        rows.append(row)
    return torch.cat(rows)


def values_of(blocks: Sequence[Block]) -> Tensor:
    """The values float32 [n, K] of all samples of a set of values' blocks, in order; at least one block."""
    import torch

    return torch.cat([block.targets for block in blocks if block.targets is not None]).float()
