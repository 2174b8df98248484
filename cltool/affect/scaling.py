"""Features scaled under a network, by the moments or extremes of the training films' frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cltool.affect.frames import FilmFrames
from cltool.affect.recipes import Scale
from cltool.progress import Progress

CHUNK = 4096  # frames that are looked at together
STILL = 1e-6  # a feature that moves less, as a share of the tensor's usual, is one that stands still


@dataclass(frozen=True, eq=False)
class Scaling:
    """What is taken from each feature, and what it is divided by: {tensor: [F]}, float32."""

    shift: Mapping[str, Tensor]
    scale: Mapping[str, Tensor]


def scaling_of(films: Sequence[FilmFrames], how: Scale, progress: Progress) -> Scaling:
    """The scaling that the valid frames of films decide, read once and in pieces.

    `standard`: mean and deviation (ddof 0). `unit`: the smallest and the range, so that training features lie in 0…1,
    as the thesis has them. A feature that stands still is divided by one. Raises CallError, which names film and frame,
    for a feature that is no finite number.
    """
    shift, scale = {}, {}
    names = films[0].reads
    with progress.track("looking at the features", len(names) * len(films)) as advance:
        for name in names:
            moments = _Moments()
            for film in films:
                for start in range(0, len(film), CHUNK):
                    moments.add(film.valid_rows(name, slice(start, start + CHUNK)))
                advance(1)
            own_shift, own_scale = moments.of(how)
            moving = own_scale > STILL * np.median(own_scale)
            shift[name] = torch.from_numpy(own_shift.astype(np.float32))
            scale[name] = torch.from_numpy(np.where(moving, own_scale, 1).astype(np.float32))
    return Scaling(shift, scale)


class _Moments:
    """Running mean, scatter (Chan et al. 1983) and extremes of rows [n, F], in float64."""

    def __init__(self) -> None:
        self.count = 0
        self.mean: Any = 0.0
        self.scatter: Any = 0.0
        self.low: Any = np.inf
        self.high: Any = -np.inf

    def add(self, rows: Any) -> None:
        if not len(rows):
            self.mean = self.mean + np.zeros(rows.shape[1])
            self.scatter = self.scatter + np.zeros(rows.shape[1])
            return
        wide = rows.astype(np.float64)
        mean, total = wide.mean(0), self.count + len(wide)
        off = mean - self.mean
        self.scatter = self.scatter + ((wide - mean) ** 2).sum(0) + off**2 * self.count * len(wide) / total
        self.mean = self.mean + off * len(wide) / total
        self.count = total
        self.low, self.high = np.minimum(self.low, wide.min(0)), np.maximum(self.high, wide.max(0))

    def of(self, how: Scale) -> tuple[Any, Any]:
        """Shift and scale [F]; 0 and 1 where there was no row at all."""
        if not self.count:
            return np.zeros_like(self.mean), np.ones_like(self.mean)
        if how == "unit":
            return self.low, self.high - self.low
        return self.mean, np.sqrt(self.scatter / self.count)


class ScaledNetwork(nn.Module):
    """A network over scaled features: what is masked becomes zero, which is a feature's mean with `standard`.

    Maps rows {tensor: [B, S, F]}, valid {tensor: [B, S]} and the state of the window before, where the network has any,
    to valence and arousal [B, S, 2] and the next state. A frame is masked where none of its tensors is there.

    >>> class Sum(nn.Module):
    ...     def forward(self, features, mask):
    ...         return features["mel"].sum(-1, keepdim=True).expand(-1, -1, 2)
    >>> scaling = Scaling({"mel": torch.ones(3)}, {"mel": torch.full((3,), 2.0)})
    >>> rows, valid = {"mel": torch.tensor([[[3.0, 1, 1], [9, 9, 9]]])}, {"mel": torch.tensor([[True, False]])}
    >>> ScaledNetwork(Sum(), scaling)(rows, valid)[0]
    tensor([[[1., 1.],
             [0., 0.]]])
    """

    def __init__(self, network: nn.Module, scaling: Scaling) -> None:
        super().__init__()
        self.network = network
        self.reads = tuple(scaling.shift)
        for name in self.reads:
            self.register_buffer(f"shift_{name}", scaling.shift[name])
            self.register_buffer(f"scale_{name}", scaling.scale[name])

    @property
    def remembers(self) -> bool:
        """Whether the network goes on from a state."""
        return hasattr(self.network, "continued")

    def forward(self, rows: Mapping[str, Tensor], valid: Mapping[str, Tensor], state: Any = None) -> tuple[Tensor, Any]:
        scaled = {
            name: torch.where(
                valid[name][..., None],
                (rows[name] - getattr(self, f"shift_{name}")) / getattr(self, f"scale_{name}"),
                0,
            )
            for name in self.reads
        }
        mask = torch.stack([valid[name] for name in self.reads]).any(0)
        if self.remembers:
            return self.network.continued(scaled, mask, state)  # type: ignore[operator]
        return self.network(scaled, mask), None


def forgotten(state: Any, fresh: Tensor) -> Any:
    """A state, the batch in dimension 1 of each of its tensors, with zeros in the places [B] that begin anew."""
    if state is None:
        return None
    return tuple(torch.where(fresh.view(-1, *[1] * (part.ndim - 2)), 0, part.detach()) for part in state)
