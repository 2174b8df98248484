"""The mean absolute error."""

from __future__ import annotations

import torch
from torch import Tensor

from cltool import CallError, loss


@loss(source="where the idea comes from")
def mine(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """The mean of |x − y| over valid frames and dimensions.

    `prediction`, `target` [B, S, K], `mask` [B, S], True = valid → scalar; 0 where no frame is valid. Raises
    CallError: shapes that do not fit, or a mask that is not boolean.

    >>> x, y = torch.tensor([[[0.0, 1.0], [9.0, float("nan")]]]), torch.zeros(1, 2, 2)
    >>> mine(x, y, torch.tensor([[True, False]]))
    tensor(0.5000)
    """
    if prediction.shape != target.shape or prediction.shape[:2] != mask.shape or mask.dtype != torch.bool:
        raise CallError("a loss takes prediction and target [B, S, K] and a mask [B, S] of booleans")
    # Masked frames go first, whatever they hold: zero times NaN is NaN, in the gradient too.
    x, y = (torch.where(mask[..., None], values, 0) for values in (prediction, target))
    error = (x - y).abs().mean(-1)
    return error.sum() / mask.sum().clamp_min(1)
