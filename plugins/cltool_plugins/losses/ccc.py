"""The concordance correlation coefficient as a loss."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from cltool import loss
from cltool_plugins.losses.masks import mean_over, valid_planes

# Added to the denominator, where labels in [−1, 1] have something like 0.1: too little to be seen in float32,
# enough to keep 0/0 and its gradient finite.
FLOOR = 1e-10


@loss(source="Lin 1989; Orgil 2022, eq. 3.2")
def ccc(
    prediction: Tensor,
    target: Tensor,
    mask: Tensor,
    *,
    per_sequence: Annotated[
        bool, Field(description="a coefficient per sequence, averaged; else one per batch")
    ] = False,
    ddof: Annotated[int, Field(ge=0, le=1, description="variances over n − ddof; torchmetrics takes 1")] = 0,
) -> Tensor:
    """1 − the mean over dimensions of 2·s_xy / (s_x² + s_y² + (x̄ − ȳ)²), over the batch's valid frames.

    `prediction`, `target` [B, S, K], `mask` [B, S], True = valid → scalar in [0, 2], in float32 (float64 where
    an input is). A perfect prediction has 0, a constant one 1 (also where the target is the same constant, and
    for a single frame, which are 0/0). 0 where no frame is valid; with `per_sequence`, sequences without a
    valid frame do not count. Raises CallError: shapes that do not fit, or a mask that is not boolean.

    >>> y = torch.tensor([[[0.0, 0.5], [1.0, 0.0]]])
    >>> mask = torch.ones(1, 2, dtype=torch.bool)
    >>> [round(float(ccc(x, y, mask)), 4) for x in (y, torch.zeros_like(y), -y)]
    [0.0, 1.0, 1.3333]
    """
    x, y = valid_planes(prediction, target, mask)
    if not per_sequence:  # the batch is one long sequence
        x, y = (tuple(plane.flatten()[None] for plane in planes) for planes in (x, y))
        mask = mask.flatten()[None]
    coefficients = [_concordance(a, b, mask, ddof) for a, b in zip(x, y, strict=True)]
    return mean_over(1 - torch.stack(coefficients).mean(0), mask.any(1))


def _concordance(x: Tensor, y: Tensor, mask: Tensor, ddof: int) -> Tensor:
    """The coefficient of each sequence in one dimension: [B, N], zero where mask [B, N] is False → [B]."""
    count = mask.sum(1, dtype=x.dtype)
    n = count.clamp_min(1)
    mean_x, mean_y = x.sum(1) / n, y.sum(1) / n
    # Centred first: Σx² − n·x̄² would cancel for predictions that hardly vary, which is where training begins.
    off_x = torch.where(mask, x - mean_x[:, None], 0)
    off_y = torch.where(mask, y - mean_y[:, None], 0)
    m = (count - ddof).clamp_min(1)
    spread = (off_x.square() + off_y.square()).sum(1) / m
    return 2 * (off_x * off_y).sum(1) / m / (spread + (mean_x - mean_y).square() + FLOOR)
