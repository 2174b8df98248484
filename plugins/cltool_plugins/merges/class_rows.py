"""What merges over class means and covariances share: outputs that must be classes, and classes nobody has seen."""

from __future__ import annotations

import torch
from torch import Tensor

from cltool import CallError, Head, Statistics

LAST = -1e9  # the bias of a class without samples: finite, and below every other score


def require_classes(statistics: Statistics, merge: str) -> None:
    """Raise CallError unless every sample's targets are shares of classes: not negative, and one together.

    >>> values = Statistics.of(torch.zeros(2, 1), torch.tensor([[-0.5], [0.2]]), ("valence",), "space")
    >>> require_classes(values, "ncm")
    Traceback (most recent call last):
    cltool.errors.CallError: merge 'ncm' needs classes, and valence is none; take ridge or gram for values
    """
    count, samples = statistics.count, statistics.gram[-1, -1]
    values = (count < 0) | (statistics.target_squares > count + 1e-6 * samples)
    if values.any() or (count.sum() - samples).abs() > 1e-6 * samples:
        name = statistics.names[int(values.int().argmax())]
        raise CallError(f"merge {merge!r} needs classes, and {name} is none; take ridge or gram for values")


def class_head(weight: Tensor, bias: Tensor, statistics: Statistics) -> Head:
    """Weights [C, D] and biases [C], float64, as a float32 head; a class without samples has a row that never wins.

    That row is zero and its bias -1e9.
    """
    seen = statistics.count > 0
    weight = torch.where(seen[:, None], weight, 0.0).float()
    bias = torch.where(seen, bias, LAST).float()
    return Head(statistics.names, weight, bias, statistics.count.float(), statistics.space)
