"""The mean squared error."""

from __future__ import annotations

from torch import Tensor

from cltool import loss
from cltool_plugins.losses.masks import mean_over, valid_only


@loss(source="Orgil 2022, eq. 3.1")
def mse(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """The mean of (x − y)² over valid frames and dimensions.

    `prediction`, `target` [B, S, K], `mask` [B, S], True = valid → scalar, in float32 (float64 where an input
    is); 0 where no frame is valid. Raises CallError: shapes that do not fit, or a mask that is not boolean.
    The thesis' tables add the dimensions' errors instead of averaging them: their values are K = 2 times these.

    >>> import torch
    >>> x, y = torch.tensor([[[0.0, 1.0], [9.0, 9.0]]]), torch.zeros(1, 2, 2)
    >>> mse(x, y, torch.tensor([[True, False]]))
    tensor(0.5000)
    """
    x, y = valid_only(prediction, target, mask)
    return mean_over((x - y).square().mean(-1), mask)
