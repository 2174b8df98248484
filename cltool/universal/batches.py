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
    """Decoded pictures near a device.

    `resident`: all of them, their targets and their labels on it, where it has room to spare.
    """

    array: PixelArray
    device: torch.device
    resident: tuple[Tensor, Tensor, Tensor] | None = None

    @classmethod
    def near(cls, array: PixelArray, device: torch.device) -> Source:
        """Pictures to be read by a device, kept on it whole where they are small against a GPU's free memory."""
        if device.type == "cuda" and array.pixels.nbytes < RESIDENT_SHARE * torch.cuda.mem_get_info(device)[0]:
            pixels = torch.from_numpy(np.array(array.pixels))
            return cls(array, device, (pixels.to(device), array.targets.to(device), array.labels.to(device)))
        return cls(array, device)

    def batches(self, parts: Sequence[Tensor], augmentation: Augmentation, rng: Generator) -> Iterator[Batch]:
        """A batch per part, which says by number which pictures it holds; varied as drawn from `rng`."""
        waiting: deque[Future[tuple[list[Tensor], Draws]]] = deque()
        with ThreadPoolExecutor(1) as fetcher:  # one thread: dice are thrown in order
            try:
                for number in range(len(parts) + AHEAD):
                    if number < len(parts):
                        waiting.append(fetcher.submit(self._fetched, parts[number], augmentation, rng))
                    if number >= AHEAD:
                        asked = time.perf_counter()
                        fetched, draws = waiting.popleft().result()
                        waited = time.perf_counter() - asked
                        yield self._batch(fetched, draws, augmentation, waited)
            finally:
                fetcher.shutdown(cancel_futures=True)

    def _fetched(self, rows: Tensor, augmentation: Augmentation, rng: Generator) -> tuple[list[Tensor], Draws]:
        """What the device has not got: the numbers of its pictures, or themselves with targets and labels; and dice."""
        high, wide = self.array.pixels.shape[-2:]
        draws = augmentation.draw(len(rows), (high, wide), rng)
        wanted = [rows]
        if self.resident is None:
            wanted = [self.array.batch(rows), self.array.targets[rows], self.array.labels[rows]]
        return [self._pinned(value) for value in wanted], {name: self._pinned(value) for name, value in draws.items()}

    def _pinned(self, value: Tensor) -> Tensor:
        """In memory that a GPU reads by itself: a copy from any other is waited for."""
        return value.pin_memory() if self.device.type == "cuda" else value

    def _batch(self, fetched: Sequence[Tensor], draws: Draws, augmentation: Augmentation, waited: float) -> Batch:
        dice = {name: value.to(self.device, non_blocking=True) for name, value in draws.items()}
        there = [value.to(self.device, non_blocking=True) for value in fetched]
        stored, targets, labels = there if self.resident is None else (whole[there[0]] for whole in self.resident)
        pictures = augmentation(stored, dice).contiguous(memory_format=torch.channels_last)
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
