"""What all losses share: only valid frames count, in value and in gradient.

A masked entry may hold anything, NaN included. It is replaced before the first arithmetic: multiplying by
zero afterwards would leave NaN in the value, and masking the value alone would leave NaN in the gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cltool import CallError


def valid_only(prediction: Tensor, target: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Prediction and target [B, S, K] with zeros where mask [B, S] is False, in float32 or wider.

    float64 stays float64; everything narrower is computed in float32. Raises CallError: shapes that do not
    fit (nothing is broadcast), or a mask that is not boolean.

    >>> nan = float("nan")
    >>> valid_only(torch.tensor([[[1.0], [nan]]]), torch.tensor([[[2.0], [-5.0]]]), torch.tensor([[True, False]]))
    (tensor([[[1.],
              [0.]]]),
     tensor([[[2.],
              [0.]]]))
    """
    if prediction.ndim != 3 or prediction.shape != target.shape or mask.shape != prediction.shape[:2]:
        shapes = ", ".join(str(list(tensor.shape)) for tensor in (prediction, target, mask))
        raise CallError(f"a loss takes prediction and target [B, S, K] and mask [B, S]; these are {shapes}")
    if mask.dtype != torch.bool:
        raise CallError(f"a loss takes a mask of booleans, True = valid; this one is {mask.dtype}")
    wide = torch.promote_types(torch.promote_types(prediction.dtype, target.dtype), torch.float32)
    keep = mask[..., None]
    return torch.where(keep, prediction.to(wide), 0), torch.where(keep, target.to(wide), 0)


def mean_over(values: Tensor, valid: Tensor) -> Tensor:
    """The mean of those values that are valid (same shape, bool); 0 with a gradient of zeros where none is.

    >>> mean_over(torch.tensor([1.0, 3.0, 100.0]), torch.tensor([True, True, False]))
    tensor(2.)
    """
    return torch.where(valid, values, 0).sum() / valid.sum().clamp_min(1)


def differences(values: Tensor, valid: Tensor, dt: float = 1.0) -> tuple[Tensor, Tensor]:
    """Differences of consecutive frames over dt: [B, S, K] → [B, S−1, K], and which of them are valid [B, S−1].

    A difference is valid where both its frames are, so that of differences of differences all three are.

    >>> delta, valid = differences(torch.tensor([[[0.0], [1.0], [4.0]]]), torch.tensor([[True, True, False]]))
    >>> delta[0, :, 0], valid
    (tensor([1., 3.]), tensor([[ True, False]]))
    """
    return (values[:, 1:] - values[:, :-1]) / dt, valid[:, 1:] & valid[:, :-1]
