"""Batches of stored pictures on the device that learns, each fetched while the one before it is used."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from cltool.universal.augmentation import Augmentation, Draws
from cltool.universal.pixels import PixelArray

AHEAD = 3  # batches that wait for the step before them
RESIDENT_SHARE = 0.25  # of the device's free memory, which all pictures may take to be kept there


@dataclass(frozen=True)
class Batch:
    """Varied pictures [n, channels, size, size], their targets [n, K] and labels [n], all on the device.

    `waited`: seconds until it was at hand.
    """

    pictures: Tensor
    targets: Tensor
    labels: Tensor
    waited: float


@dataclass(frozen=True, eq=False)
class Source:
    """Decoded pictures near a device; `resident`: all of them on it, where it has room to spare."""

    array: PixelArray
    device: torch.device
    resident: Tensor | None = None

    @classmethod
    def near(cls, array: PixelArray, device: torch.device) -> Source:
        """Pictures to be read by a device, kept on it whole where they are small against a GPU's free memory."""
        if device.type == "cuda" and array.pixels.nbytes < RESIDENT_SHARE * torch.cuda.mem_get_info(device)[0]:
            return cls(array, device, torch.from_numpy(np.array(array.pixels)).to(device))
        return cls(array, device)

    def batches(self, parts: Sequence[Tensor], augmentation: Augmentation, rng: Generator) -> Iterator[Batch]:
        """A batch per part, which says by number which pictures it holds; varied as drawn from `rng`."""
        waiting: deque[Future[tuple[Tensor, Draws]]] = deque()
        with ThreadPoolExecutor(1) as fetcher:  # one thread: dice are thrown in order
            try:
                for number in range(len(parts) + AHEAD):
                    if number < len(parts):
                        waiting.append(fetcher.submit(self._fetched, parts[number], augmentation, rng))
                    if number >= AHEAD:
                        asked = time.perf_counter()
                        pixels, draws = waiting.popleft().result()
                        waited = time.perf_counter() - asked
                        yield self._batch(parts[number - AHEAD], pixels, draws, augmentation, waited)
            finally:
                fetcher.shutdown(cancel_futures=True)

    def _fetched(self, rows: Tensor, augmentation: Augmentation, rng: Generator) -> tuple[Tensor, Draws]:
        high, wide = self.array.pixels.shape[-2:]
        draws = augmentation.draw(len(rows), (high, wide), rng)
        if self.resident is not None:
            return rows, draws
        pixels = self.array.batch(rows)
        return (pixels.pin_memory() if self.device.type == "cuda" else pixels), draws

    def _batch(self, rows: Tensor, pixels: Tensor, draws: Draws, augmentation: Augmentation, waited: float) -> Batch:
        there = {name: value.to(self.device, non_blocking=True) for name, value in draws.items()}
        if self.resident is not None:
            stored = self.resident[pixels.to(self.device, non_blocking=True)]
        else:
            stored = pixels.to(self.device, non_blocking=True)
        pictures = augmentation(stored, there).contiguous(memory_format=torch.channels_last)
        targets, labels = (
            value[rows].to(self.device, non_blocking=True) for value in (self.array.targets, self.array.labels)
        )
        return Batch(pictures, targets, labels, waited)


def cut(order: Tensor, batch: int, processes: int) -> list[Tensor]:
    """Pictures in order, cut into batches; a rest too small for a batch-norm in every process is left out.

    >>> [part.tolist() for part in cut(torch.arange(7), 3, 1)]
    [[0, 1, 2], [3, 4, 5]]
    """
    parts = list(order.split(batch))
    if len(parts) > 1 and len(parts[-1]) < 2 * processes:
        parts.pop()
    return parts
