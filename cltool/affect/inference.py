"""A network on a whole film, window by window; memory does not grow with the film but for what is given back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cltool.affect.batches import Batch, read_batch
from cltool.affect.frames import FilmFrames
from cltool.affect.recipes import Context
from cltool.affect.scaling import ScaledNetwork, forgotten
from cltool.affect.windows import windows_of
from cltool.errors import PluginFailed

PLACES = 8  # windows that go through a network at a time


@dataclass(frozen=True)
class Reading:
    """How a film is read: windows of `sequence` frames, what they know of each other, and where they are computed."""

    sequence: int
    context: Context = "none"
    device: str = "cpu"


def predicted(
    network: ScaledNetwork, film: FilmFrames, reading: Reading, advance: Callable[[int], None] = lambda frames: None
) -> NDArray[np.float32]:
    """Valence and arousal [T, 2] of a film's frames, NaN where the network sees nothing."""
    return _through(network, film, reading, lambda output: output, advance)


def represented(network: ScaledNetwork, film: FilmFrames, reading: Reading) -> NDArray[np.float32]:
    """What a network's last layer is given for each of a film's frames [T, H], NaN where it sees nothing.

    Raises PluginFailed for a network without a last layer called `outputs`.
    """
    with _given_to_outputs(network) as given:
        return _through(network, film, reading, lambda _: given[-1], lambda frames: None)


def _through(
    network: ScaledNetwork,
    film: FilmFrames,
    reading: Reading,
    take: Callable[[Tensor], Tensor],
    advance: Callable[[int], None],
) -> NDArray[np.float32]:
    """What `take` finds in every window; where windows overlap, their mean, weighted by the distance from an edge."""
    total: Any = None
    weight = np.zeros((len(film), 1), np.float32)
    for batch, output in _outputs(network, film, reading):
        values = take(output).float().cpu().numpy()
        if total is None:
            total = np.zeros((len(film), values.shape[-1]), np.float32)
        for window, own in zip(batch.windows, values, strict=True):
            assert window is not None
            size = window.stop - window.start
            shares = _shares(size, window.start == 0, window.stop == len(film), reading.context)
            total[window.start : window.stop] += shares * own[:size]
            weight[window.start : window.stop] += shares
        advance(int(sum(w.stop - w.start for w in batch.windows if w is not None)))
    return np.where(film.seen[:, None], total / weight, np.nan).astype(np.float32)


def _shares(size: int, first: bool, last: bool, context: Context) -> NDArray[np.float32]:
    """How much each frame of a window counts [S, 1]: more in its middle, where windows overlap; a film's ends count."""
    if context != "overlap":
        return np.ones((size, 1), np.float32)
    from_start, to_end = np.arange(1, size + 1), np.arange(size, 0, -1)
    whole = np.full(size, size)
    return np.minimum(whole if first else from_start, whole if last else to_end)[:, None].astype(np.float32)


@torch.inference_mode()
def _outputs(network: ScaledNetwork, film: FilmFrames, reading: Reading) -> Iterator[tuple[Batch, Tensor]]:
    """Batches of a film's windows, in order, and what the network gives for them."""
    network.eval()
    device = torch.device(reading.device)
    windows = windows_of(0, len(film), reading.sequence, reading.context)
    places = 1 if reading.context == "state" else PLACES
    state: Any = None
    for start in range(0, len(windows), places):
        batch = read_batch([film], windows[start : start + places]).on(device)
        output, state = network(batch.rows, batch.valid, forgotten(state, batch.fresh))
        if reading.context != "state":
            state = None
        yield batch, output


@contextmanager
def _given_to_outputs(network: ScaledNetwork) -> Iterator[list[Tensor]]:
    """What the last layer was given, the latest last, [B, S, H]; for the time of the block."""
    given: list[Tensor] = []
    last = getattr(network.network, "outputs", None)
    if not isinstance(last, nn.Linear):
        raise PluginFailed("this network has no last layer called `outputs`; `cltool plugins check` says more")

    def take(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        given[:] = [inputs[0]]

    hook = last.register_forward_pre_hook(take)
    try:
        yield given
    finally:
        hook.remove()
