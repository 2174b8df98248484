"""The feature bank: a picture goes through a frozen backbone once; after that its features are read.

One file per block (the pictures of one class in one split, or the frames of one film), named by a hash of the
encoded pictures, how they are decoded, the backbone's architecture, weights and transform, and the batch size.
Features do not depend on class order, on the cut into tasks, or on where an earlier run was killed.
"""

from __future__ import annotations

import hashlib
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from cltool.backbones import Backbone, PictureTransform, stacked
from cltool.cache import cache_folder
from cltool.errors import CallError
from cltool.files import load_tensors, save_tensors
from cltool.pictures import Block
from cltool.progress import Progress, Silent

Result = TypeVar("Result")

SCHEMA = 2
# Pictures that one step through a backbone takes: on a CPU more would fall out of its caches, a GPU wants more.
# Batches that a CPU decodes at a time: beside a CPU's own steps one is enough, a GPU would wait for it.
BATCHES, DECODERS = {"cpu": 32, "cuda": 256}, {"cpu": 1, "cuda": 8}


@dataclass(frozen=True)
class BankEntry:
    """One stored block: where it is, whose features they are, how many, and when they were last read."""

    path: Path
    backbone: str
    output: str
    split: str
    samples: int
    width: int
    nbytes: int
    used: float  # seconds since the epoch


@dataclass(frozen=True)
class FeatureBank:
    """Features on disk, memory-mapped when read and checked against their checksum.

    Any number of processes may use one bank: a block is written beside its place and moved there whole.

    >>> import tempfile
    >>> from cltool.pictures import RawPixels
    >>> from cltool.backbones import PictureTransform
    >>> flat = Backbone.of("flat", torch.nn.Flatten(), PictureTransform(2, 1), 4)
    >>> block = Block("white", "train", ["a"], lambda i: bytes([255] * 4), RawPixels(1, 2, 2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     bank = FeatureBank(Path(folder))
    ...     bank.has(block, flat), bank.features([block], flat), bank.has(block, flat)
    (False, tensor([[1., 1., 1., 1.]]), True)
    """

    folder: Path = field(default_factory=lambda: cache_folder("features"))
    device: str = "cpu"
    progress: Progress = field(default_factory=Silent)

    @property
    def batch(self) -> int:
        """How many pictures go through the backbone at a time."""
        return BATCHES[torch.device(self.device).type]

    @property
    def decoders(self) -> int:
        """How many batches are decoded, and blocks kept, at a time while another batch goes through the backbone."""
        return DECODERS[torch.device(self.device).type]

    def path(self, block: Block, backbone: Backbone) -> Path:
        """Where this block's features are, or will be."""
        key = hashlib.sha256(f"{SCHEMA} {block.digest} {backbone.fingerprint} {self.batch}".encode()).hexdigest()
        return self.folder / backbone.fingerprint[:16] / f"{key[:32]}.safetensors"

    def has(self, block: Block, backbone: Backbone) -> bool:
        """Whether the block is in the bank, all its films if it has any (not whether it is sound: reading tells)."""
        return all(self.path(piece, backbone).is_file() for piece in block.pieces)

    def features(self, blocks: Sequence[Block], backbone: Backbone) -> Tensor:
        """Features [n, width], float32, of all pictures of the blocks, in order.

        Blocks in the bank are read, the others computed and kept. Raises DataGone for a block whose turn is
        over, CallError for a picture that cannot be read.
        """
        found = {piece: self._read(piece, backbone) for block in blocks for piece in block.pieces}
        missing = [block for block, features in found.items() if features is None]
        if missing:
            found.update(self._computed(missing, backbone))
        parts = [features.float() for features in found.values() if features is not None]
        return torch.cat(parts) if parts else torch.zeros(0, backbone.width)

    def _read(self, block: Block, backbone: Backbone) -> Tensor | None:
        path = self.path(block, backbone)
        if not path.is_file():
            return None
        try:
            tensors, facts = load_tensors(path, "features")
            features = tensors["features"]
            sound = facts["checksum"] == _checksum(features)
        except (CallError, KeyError):
            sound = False
        if not sound:
            self.progress.say(f"features of {block.output!r} in {path} are damaged; computing them again")
            return None
        path.touch()  # what `used` shows and pruning goes by
        return features

    def _computed(self, blocks: Sequence[Block], backbone: Backbone) -> dict[Block, Tensor]:
        """Features of blocks that are not in the bank, each kept while the next is computed.

        Where one cannot be, those before it are in the bank.
        """
        backbone.body.to(self.device)
        total = sum(len(block) for block in blocks)
        with (
            ThreadPoolExecutor(self.decoders) as decoder,
            ThreadPoolExecutor(1) as keeper,
            self.progress.track("extracting features", total) as advance,
        ):
            try:
                if backbone.of_block is None:
                    extracted = self._extracted(blocks, backbone, decoder, advance)
                else:
                    extracted = _at_once(blocks, backbone, advance)
                jobs = (partial(self._keep, block, backbone, rows) for block, rows in extracted)
                return dict(zip(blocks, _in_turn(jobs, keeper, self.decoders), strict=True))
            finally:
                decoder.shutdown(wait=False, cancel_futures=True)

    def _extracted(
        self, blocks: Sequence[Block], backbone: Backbone, decoder: Executor, advance: Callable[[int], None]
    ) -> Iterator[tuple[Block, list[Tensor]]]:
        """Each block with its features in batches, on the device; decoding goes on from block to block.

        Batches are cut from a block's own beginning: features do not depend on the blocks beside it.
        """
        pinned = torch.device(self.device).type == "cuda"
        jobs = (
            partial(_decoded, block, batch, backbone.transform, pinned)
            for block in blocks
            for batch in _cut(block, self.batch)
        )
        decoded = _in_turn(jobs, decoder, self.decoders)
        for block in blocks:
            rows = [torch.zeros(0, backbone.width, dtype=backbone.dtype, device=self.device)]
            for batch in _cut(block, self.batch):
                rows.append(backbone.extract(next(decoded), self.device))
                advance(len(batch))
            yield block, rows

    def _keep(self, block: Block, backbone: Backbone, rows: Sequence[Tensor]) -> Tensor:
        features = torch.cat(list(rows)).cpu()  # the one place that waits for a GPU
        facts = {
            "schema": SCHEMA,
            "checksum": _checksum(features),
            "backbone": backbone.name,
            "output": block.output,
            "split": block.split,
        }
        save_tensors(self.path(block, backbone), {"features": features}, facts)
        return features

    def check(self, blocks: Sequence[Block], backbone: Backbone) -> None:
        """Raise CallError if a picture that is not yet in the bank cannot be decoded, before any work."""
        missing = [block for block in blocks if not self.has(block, backbone)]
        pictures = [(block, i) for block in missing if hasattr(block.decode, "check") for i in range(len(block))]
        if not pictures:
            return
        with ThreadPoolExecutor() as pool, self.progress.track("checking pictures", len(pictures)) as advance:
            for _ in pool.map(lambda pair: pair[0].check(pair[1]), pictures, chunksize=64):
                advance(1)

    def entries(self) -> Iterator[BankEntry]:
        """All stored blocks; files that are none are passed over."""
        for path in sorted(self.folder.glob("*/*.safetensors")):
            try:
                tensors, facts = load_tensors(path, "features")
                stat = path.stat()
            except (CallError, OSError):
                continue
            backbone, output, split = (facts.get(key, "?") for key in ("backbone", "output", "split"))
            samples, width = tensors["features"].shape
            yield BankEntry(path, backbone, output, split, samples, width, stat.st_size, stat.st_mtime)

    def prune(self, older_than_days: float = 0.0) -> tuple[int, int]:
        """Remove blocks not read for so many days (0: all); gives how many files and bytes went."""
        limit = time.time() - older_than_days * 86_400
        gone = [entry for entry in self.entries() if entry.used <= limit]
        for entry in gone:
            entry.path.unlink(missing_ok=True)
        return len(gone), sum(entry.nbytes for entry in gone)


def _at_once(
    blocks: Sequence[Block], backbone: Backbone, advance: Callable[[int], None]
) -> Iterator[tuple[Block, list[Tensor]]]:
    """Each block with its features, of a backbone that must see it as a whole."""
    assert backbone.of_block is not None
    for block in blocks:
        yield block, [backbone.of_block(block).to(backbone.dtype)]
        advance(len(block))


def _cut(block: Block, size: int) -> list[range]:
    numbers = range(len(block))
    return [numbers[start : start + size] for start in numbers[::size]]


def _decoded(block: Block, batch: Sequence[int], transform: PictureTransform, pinned: bool) -> Tensor:
    """Some of a block's pictures, as one tensor; `pinned`: in memory that a GPU reads by itself.

    Those of several sizes, or larger than the backbone wants them, are made ready at once: they would take a lot of
    memory while they wait, and a GPU could only take them one by one.
    """
    pictures = stacked(block.pictures(batch))
    if not isinstance(pictures, Tensor) or min(pictures.shape[-2:]) > (transform.resize or transform.size):
        pictures = transform(pictures)
    return pictures.pin_memory() if pinned else pictures


def _in_turn(jobs: Iterable[Callable[[], Result]], pool: Executor, ahead: int) -> Iterator[Result]:
    """Results of jobs, in their order; so many wait or are under way beside the one that is used."""
    waiting: deque[Future[Result]] = deque()
    for job in jobs:
        waiting.append(pool.submit(job))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _checksum(features: Tensor) -> str:
    raw = features.contiguous().flatten().view(torch.uint8).numpy().tobytes()
    return f"crc32:{zlib.crc32(raw):08x}"
