"""Batches of windows on the device that learns, each read while the one before it is used."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from cltool.affect.frames import FilmFrames, Window
from cltool.video.films import OUTPUTS

AHEAD = 3  # batches that wait for the step before them


@dataclass(frozen=True, eq=False)
class Batch:
    """Windows side by side: `rows` {tensor: [B, S, F]}, `valid` {tensor: [B, S]}, `labels` [B, S, 2], `counted` [B, S].

    Frames beyond a window's end are masked everywhere, as all of a place without a window are. `fresh` [B]: places in
    which nothing is remembered. `waited`: seconds until it was at hand.
    """

    windows: Sequence[Window | None]
    rows: Mapping[str, Tensor]
    valid: Mapping[str, Tensor]
    labels: Tensor
    counted: Tensor
    fresh: Tensor
    waited: float = 0.0

    def on(self, device: torch.device) -> Batch:
        """The same on a device; a GPU that reads pinned memory is not waited for."""

        def moved(value: Tensor) -> Tensor:
            return value.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else value

        return replace(
            self,
            rows={name: moved(value) for name, value in self.rows.items()},
            valid={name: moved(value) for name, value in self.valid.items()},
            labels=moved(self.labels),
            counted=moved(self.counted),
            fresh=moved(self.fresh),
        )


def read_batch(films: Sequence[FilmFrames], windows: Sequence[Window | None], length: int | None = None) -> Batch:
    """A batch read from its films, so many frames long (default: as the longest window)."""
    length = length or max((w.stop - w.start for w in windows if w is not None), default=1)
    first = films[0]
    shape = (len(windows), length)
    rows = {name: np.zeros((*shape, first.rows(name, slice(0, 1)).shape[1]), np.float32) for name in first.reads}
    valid = {name: np.zeros(shape, bool) for name in first.reads}
    labels, counted = np.zeros((*shape, len(OUTPUTS)), np.float32), np.zeros(shape, bool)
    for place, window in enumerate(windows):
        if window is None:
            continue
        film, frames, size = films[window.film], slice(window.start, window.stop), window.stop - window.start
        for name in first.reads:
            rows[name][place, :size] = film.rows(name, frames)
            valid[name][place, :size] = film.valid(name)[frames]
        counted[place, :size] = film.counted[frames]
        labels[place, :size] = np.where(film.counted[frames, None], film.labels[frames], 0)
    fresh = np.array([window is None or window.fresh for window in windows])
    return Batch(
        windows,
        {name: torch.from_numpy(value) for name, value in rows.items()},
        {name: torch.from_numpy(value) for name, value in valid.items()},
        torch.from_numpy(labels),
        torch.from_numpy(counted),
        torch.from_numpy(fresh),
    )


def read_ahead(
    films: Sequence[FilmFrames],
    parts: Sequence[Sequence[Window | None]],
    device: torch.device,
    length: int | None = None,
) -> Iterator[Batch]:
    """A batch per part, on the device, read by a thread that keeps some steps ahead."""

    def fetched(part: Sequence[Window | None]) -> Batch:
        return read_batch(films, part, length).on(device)

    waiting: deque[Future[Batch]] = deque()
    with ThreadPoolExecutor(1) as reader:
        try:
            for number in range(len(parts) + AHEAD):
                if number < len(parts):
                    waiting.append(reader.submit(fetched, parts[number]))
                if number >= AHEAD and waiting:
                    asked = time.perf_counter()
                    batch = waiting.popleft().result()
                    yield replace(batch, waited=time.perf_counter() - asked)
        finally:
            reader.shutdown(cancel_futures=True)
