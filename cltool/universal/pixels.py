"""All pictures of some blocks, decoded once and kept as one memory-mapped array that a training reads at random."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cltool.cache import cache_folder
from cltool.errors import CallError
from cltool.files import replacing
from cltool.pictures import Block, targets_of
from cltool.progress import Progress, Silent
from cltool.seeding import generator

SCHEMA = 1
CHUNK = 64  # pictures that a thread decodes at a time
CHECKSUM_BYTES = 4  # behind the array, where numpy does not look

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class PixelArray:
    """Decoded pictures, in the order of their blocks, and what they are.

    `pixels` uint8 [N, C, H, W], memory-mapped. `targets` float32 [N, K]: each picture's distribution over the K
    classes. `labels` int64 [N]: the class in whose block it stands. `names` [N]: what to call it in a message.
    """

    pixels: Pixels
    targets: Tensor
    labels: Tensor
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def batch(self, rows: Tensor) -> Tensor:
        """The pictures of these rows, uint8 [n, C, H, W]."""
        return torch.from_numpy(self.pixels[rows.numpy()])


def pixel_array(
    blocks: Sequence[Block], classes: Sequence[str], resize: int, progress: Progress | None = None
) -> PixelArray:
    """The pictures of `blocks` over `classes`, decoded, or read where the cache holds them.

    Pictures of one size are kept as they are; of differing sizes each is resized, its shorter side to `resize`, and
    the square in its centre kept. A file that is cut short or damaged is made anew. Raises CallError where a picture
    cannot be read.

    >>> from cltool.pictures import RawPixels
    >>> block = Block("white", "train", ["a"], lambda i: bytes([255] * 4), RawPixels(1, 2, 2))
    >>> pixel_array([block], ["white"], 2).batch(torch.tensor([0])).shape
    torch.Size([1, 1, 2, 2])
    """
    progress = progress or Silent()
    paths = {side: _path(blocks, side) for side in (None, resize)}
    pixels = next((found for path in paths.values() if (found := _read(path, progress)) is not None), None)
    if pixels is None:
        shape = _common_shape(blocks)
        try:
            pixels = _write(paths[None], blocks, shape, _as_it_is(shape), progress)
        except _Differing:
            square = (shape[0], resize, resize)
            pixels = _write(paths[resize], blocks, square, _squared(*square), progress)
    targets = targets_of(blocks, classes, classes)
    labels = torch.tensor([list(classes).index(block.output) for block in blocks])
    labels = labels.repeat_interleave(torch.tensor([len(block) for block in blocks]))
    return PixelArray(pixels, targets, labels, tuple(name for block in blocks for name in block.names))


def held_out(labels: Tensor, classes: Sequence[str], share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Rows to train on and rows to choose the best epoch by: of each class a share, at least one, taken by lot.

    Raises CallError where a class would be left with none to train on.

    >>> kept, held = held_out(torch.tensor([0] * 8 + [1] * 4), ["a", "b"], 0.25, 0)
    >>> len(kept), len(held)
    (9, 3)
    """
    kept, held = [], []
    for number, name in enumerate(classes):
        own = (labels == number).nonzero().flatten()
        count = max(1, round(share * len(own)))
        if count >= len(own):
            raise CallError(f"--validation {share:g}: {name!r} has {len(own)} training pictures, too few to be cut")
        order = own[torch.randperm(len(own), generator=generator(seed, "universal validation", name))]
        held.append(order[:count])
        kept.append(order[count:])
    return torch.cat(kept).sort().values, torch.cat(held).sort().values


class _Differing(Exception):
    """The pictures are not all of one size."""


def _path(blocks: Sequence[Block], side: int | None) -> Path:
    about = f"{SCHEMA} {side} {[block.digest for block in blocks]}"
    return cache_folder("pixels") / f"{hashlib.sha256(about.encode()).hexdigest()[:32]}.npy"


def _common_shape(blocks: Sequence[Block]) -> tuple[int, int, int]:
    """Shape of the first picture, which those of the others are expected to share."""
    first = next((block for block in blocks if len(block)), None)
    if first is None:
        raise CallError("there are no pictures to learn from")
    channels, high, wide = first.picture(0).shape
    return channels, high, wide


def _as_it_is(shape: tuple[int, int, int]) -> Callable[[Tensor], Tensor]:
    def same(picture: Tensor) -> Tensor:
        if tuple(picture.shape) != shape:
            raise _Differing
        return picture

    return same


def _squared(channels: int, side: int, _: int) -> Callable[[Tensor], Tensor]:
    """Resizes the shorter side and keeps the square in the centre, as a backbone's transform does."""

    def square(picture: Tensor) -> Tensor:
        found = picture[None].float()
        if len(picture) != channels:
            found = found.expand(-1, channels, -1, -1) if len(picture) == 1 else found.mean(1, keepdim=True)
        short = min(picture.shape[1:])
        shape = [side * length // short for length in picture.shape[1:]]
        found = functional.interpolate(found, shape, mode="bilinear", antialias=True)[0]
        top, left = (round((length - side) / 2) for length in shape)
        return found[:, top : top + side, left : left + side].round().clamp(0, 255).to(torch.uint8)

    return square


def _write(
    path: Path,
    blocks: Sequence[Block],
    shape: tuple[int, int, int],
    fit: Callable[[Tensor], Tensor],
    progress: Progress,
) -> Pixels:
    """Decode all pictures into a file of that shape, and give it memory-mapped."""
    places = [(block, i) for block in blocks for i in range(len(block))]
    with replacing(path) as scratch:
        array = np.lib.format.open_memmap(scratch, mode="w+", dtype=np.uint8, shape=(len(places), *shape))
        _reserve(scratch)

        def decode(start: int) -> int:
            part = places[start : start + CHUNK]
            for row, (block, i) in enumerate(part, start):
                array[row] = fit(block.picture(i)).numpy()
            return len(part)

        with ThreadPoolExecutor() as pool, progress.track("decoding pictures", len(places)) as advance:
            waiting = [pool.submit(decode, start) for start in range(0, len(places), CHUNK)]
            try:
                for done in waiting:
                    advance(done.result())
            finally:
                pool.shutdown(cancel_futures=True)
        array.flush()
        with scratch.open("ab") as file:
            file.write(zlib.crc32(array.data).to_bytes(CHECKSUM_BYTES, "little"))
    found = _read(path, progress)
    assert found is not None
    return found


def _reserve(path: Path) -> None:
    """Have the disk set a file's room aside: one that runs full under a memory map kills the process without a word."""
    if not hasattr(os, "posix_fallocate"):
        return
    size = path.stat().st_size
    try:
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        told = f"no room for {size / 1e9:.1f} GB of decoded pictures in {path.parent} ({error.strerror})"
        raise CallError(f"{told}; set CLTOOL_CACHE to a folder on a larger disk") from None


def _read(path: Path, progress: Progress) -> Pixels | None:
    """The array of a file, memory-mapped; None where there is none, or one that is not as it was written."""
    if not path.is_file():
        return None
    try:
        array: Pixels = np.load(path, mmap_mode="r")
        with path.open("rb") as file:
            file.seek(-CHECKSUM_BYTES, os.SEEK_END)
            sound = int.from_bytes(file.read(), "little") == zlib.crc32(array.data)
            sound &= file.tell() == getattr(array, "offset", 0) + array.nbytes + CHECKSUM_BYTES
    except (OSError, EOFError, ValueError):
        sound = False
    if not sound:
        progress.say(f"decoded pictures in {path} are damaged; decoding them again")
        return None
    return array
