"""What the linear layers of anybody's checkpoint are like.

>>> from safetensors.torch import save_file
>>> path = getfixture("tmp_path") / "model.safetensors"
>>> save_file({"fc.weight": torch.tensor([[1.0, 2.0], [2.0, 4.0], [0.0, 0.0]])}, path)
>>> (fc,) = inspect(path)
>>> fc.layer, fc.norm, fc.rank, fc.dead_rows
('fc', 5.0, 1, (2,))
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cltool.checkpoints import Checkpoint, open_checkpoint
from cltool.errors import CallError
from cltool.layers import Layer, choose_layers, linear_layers, outputs_in
from cltool.progress import Progress, Silent

BINS = 101
PIECE = 1 << 22  # weights that are in memory in double precision at a time


@dataclass(frozen=True)
class LayerFacts:
    """What a linear layer is like; all but `not_finite` and its rows is of the finite weights.

    `norm`: Frobenius. `rank`: singular values above max(rows, width) · ε times the largest, ε of float32 or float64;
    None where a weight is not finite. `zeros`: share of weights that are zero. `dead_rows`: rows of zeros, which
    answer the same whatever comes in; `dead_names`: what they are called, None if nobody says. `not_finite`: numbers
    of weight and bias that are none, `not_finite_rows`: where. `counts`, `edges`: a histogram of 101 bins.
    """

    layer: str
    rows: int
    width: int
    dtype: str
    parameters: int
    norm: float
    rank: int | None
    least: float | None
    largest: float | None
    zeros: float
    dead_rows: tuple[int, ...]
    dead_names: tuple[str, ...] | None
    not_finite: int
    not_finite_rows: tuple[int, ...]
    counts: tuple[int, ...]
    edges: tuple[float, ...]


def inspect(path: str | Path, layers: Sequence[str] = (), progress: Progress | None = None) -> list[LayerFacts]:
    """Facts of a file's linear layers, of all or of those chosen; one layer is in memory at a time.

    Raises CallError for a file or a layer that cannot be had.
    """
    checkpoint = open_checkpoint(path)
    chosen = choose_layers(checkpoint, layers) if layers else linear_layers(checkpoint)
    if not chosen:
        raise CallError(f"{path} has no linear layer")
    with (progress or Silent()).track("layers", len(chosen)) as advance:
        facts = []
        for layer in chosen:
            facts.append(_facts(checkpoint, layer))
            advance(1)
    return facts


def _facts(checkpoint: Checkpoint, layer: Layer) -> LayerFacts:
    weight = checkpoint.read(layer.weight).reshape(layer.rows, layer.width)
    finite = torch.isfinite(weight)
    not_finite = (~finite).sum(1)
    dead = (weight == 0).all(1).nonzero().flatten().tolist()
    rank = _rank(weight) if finite.all() else None
    norm, zeros, low, high = _extent(weight, finite)
    counts, edges = _histogram(weight, finite, low, high)
    if layer.bias is not None:
        not_finite += ~torch.isfinite(checkpoint.read(layer.bias))
    outputs = outputs_in(checkpoint, layer)
    return LayerFacts(
        layer=layer.name,
        rows=layer.rows,
        width=layer.width,
        dtype=checkpoint.tensors[layer.weight].dtype,
        parameters=weight.numel() + (layer.rows if layer.bias else 0),
        norm=norm,
        rank=rank,
        least=low if low <= high else None,
        largest=high if low <= high else None,
        zeros=zeros / weight.numel(),
        dead_rows=tuple(dead),
        dead_names=tuple(outputs.names[i] for i in dead) if outputs else None,
        not_finite=int(not_finite.sum()),
        not_finite_rows=tuple(not_finite.nonzero().flatten().tolist()),
        counts=counts,
        edges=edges,
    )


def _extent(weight: Tensor, finite: Tensor) -> tuple[float, int, float, float]:
    """Norm, number of zeros, least and largest of the finite weights; least > largest where there is none."""
    norm, zeros, low, high = 0.0, 0, np.inf, -np.inf
    for piece, valid in _pieces(weight, finite):
        numbers = piece[valid]
        largest = float(numbers.abs().max()) if len(numbers) else 0.0
        if largest:  # scaled, as the square of a large number may be none
            norm = math.hypot(norm, largest * float((numbers / largest).square().sum()) ** 0.5)
        zeros += int((numbers == 0).sum())
        if len(numbers):
            low, high = min(low, float(numbers.min())), max(high, float(numbers.max()))
    return norm, zeros, low, high


def _pieces(weight: Tensor, finite: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Some rows of the weights at a time, in double precision, and which of them are finite."""
    rows = max(1, PIECE // weight.shape[1])
    for start in range(0, len(weight), rows):
        yield weight[start : start + rows].double(), finite[start : start + rows]


def _histogram(weight: Tensor, finite: Tensor, low: float, high: float) -> tuple[tuple[int, ...], tuple[float, ...]]:
    if low > high:
        low, high = 0.0, 0.0
    if not math.isfinite(high - low):
        raise CallError(f"weights from {low:.3g} to {high:.3g} are too far apart for a histogram")
    room = 0.5 if low == high else 0.0
    edges = np.linspace(low - room, high + room, BINS + 1)
    counts = np.zeros(BINS, np.int64)
    for piece, valid in _pieces(weight, finite):
        counts += np.histogram(piece[valid].numpy(), edges)[0]
    return tuple(counts.tolist()), tuple(edges.tolist())


def _rank(weight: Tensor) -> int:
    """The numerical rank, by torch.linalg.matrix_rank's tolerance for float32 (float64 for such weights)."""
    sides = max(weight.shape)
    if weight.dtype == torch.float64:
        values = torch.linalg.svdvals(weight)
        return int((values > values.max() * sides * torch.finfo(torch.float64).eps).sum())
    # squares of float32's tolerance are far above double precision, so the smaller side's Gram matrix will do
    tall = weight if weight.shape[0] >= weight.shape[1] else weight.T
    gram = torch.zeros(tall.shape[1], tall.shape[1], dtype=torch.float64)
    rows = max(1, PIECE // tall.shape[1])
    for start in range(0, len(tall), rows):
        piece = tall[start : start + rows].double()
        gram += piece.T @ piece
    squares = torch.linalg.eigvalsh(gram)
    return int((squares > squares.max() * (sides * torch.finfo(torch.float32).eps) ** 2).sum())
