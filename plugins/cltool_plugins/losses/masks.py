"""What all losses share: only valid frames count, in value and in gradient.

A masked entry may hold anything, NaN included. It is replaced before the first arithmetic: multiplying by
zero afterwards would leave NaN in the value, and masking the value alone would leave NaN in the gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cltool import CallError

Planes = tuple[Tensor, ...]  # a tensor [B, S] of each dimension


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
    x, y = _checked(prediction, target, mask)
    keep = mask[..., None]
    return torch.where(keep, x, 0), torch.where(keep, y, 0)


def valid_planes(prediction: Tensor, target: Tensor, mask: Tensor) -> tuple[Planes, Planes]:
    """The same with each of the K dimensions in a tensor [B, S] of its own.

    Steps over two numbers per frame that lie side by side are slow, compiled ones too: whoever takes many takes them
    over frames. Raises as `valid_only` does.

    >>> valid_planes(torch.tensor([[[1.0, 3.0], [2.0, 4.0]]]), torch.zeros(1, 2, 2), torch.tensor([[True, False]]))[0]
    (tensor([[1., 0.]]), tensor([[3., 0.]]))
    """
    x, y = (values.unbind(-1) for values in _checked(prediction, target, mask))
    return tuple(torch.where(mask, plane, 0) for plane in x), tuple(torch.where(mask, plane, 0) for plane in y)


def _checked(prediction: Tensor, target: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    if prediction.ndim != 3 or prediction.shape != target.shape or mask.shape != prediction.shape[:2]:
        shapes = ", ".join(str(list(tensor.shape)) for tensor in (prediction, target, mask))
        raise CallError(f"a loss takes prediction and target [B, S, K] and mask [B, S]; these are {shapes}")
    if mask.dtype != torch.bool:
        raise CallError(f"a loss takes a mask of booleans, True = valid; this one is {mask.dtype}")
    wide = torch.promote_types(torch.promote_types(prediction.dtype, target.dtype), torch.float32)
    return prediction.to(wide), target.to(wide)


def mean_over(values: Tensor, valid: Tensor) -> Tensor:
    """The mean of those values that are valid (same shape, bool); 0 with a gradient of zeros where none is.

    >>> mean_over(torch.tensor([1.0, 3.0, 100.0]), torch.tensor([True, True, False]))
    tensor(2.)
    """
    # Counted in the values' own type: a sum of integers beside it keeps torch.compile from taking frames together.
    return torch.where(valid, values, 0).sum() / valid.sum(dtype=values.dtype).clamp_min(1)


def differences(values: Planes, valid: Tensor, dt: float = 1.0) -> tuple[Planes, Tensor]:
    """Differences of consecutive frames over dt: K tensors [B, S] → [B, S−1], and which of them are valid [B, S−1].

    A difference is valid where both its frames are, so that of differences of differences all three are.

    >>> (delta,), valid = differences((torch.tensor([[0.0, 1.0, 4.0]]),), torch.tensor([[True, True, False]]))
    >>> delta, valid
    (tensor([[1., 3.]]), tensor([[ True, False]]))
    """
    delta = tuple(plane[:, 1:] - plane[:, :-1] for plane in values)
    return delta if dt == 1 else tuple(plane / dt for plane in delta), valid[:, 1:] & valid[:, :-1]
