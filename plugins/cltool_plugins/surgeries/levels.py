"""Weights as the grey levels of a picture, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from cltool import CallError

Bits = Annotated[Literal[8, 16], Field(description="depth of the picture; 8 is what most picture tools keep")]
Picture = NDArray[np.uint8] | NDArray[np.uint16]


def on_levels(weight: Tensor, change: Callable[[Picture], Picture], bits: int) -> Tensor:
    """`change` weights [r, D] as a picture of 2^bits grey levels, black the least weight, white the largest.

    What comes back is mapped to the same range, of the weights' dtype. Weights that are all alike have no
    picture and come back as they are. Raises CallError for weights whose range is no finite number.

    >>> on_levels(torch.tensor([[0.0, 1.0, 2.0]]), lambda picture: 255 - picture, 8)
    tensor([[2.0000, 0.9961, 0.0000]])
    """
    low, high = weight.min().double(), weight.max().double()
    if low == high:
        return weight
    if not torch.isfinite(high - low):
        raise CallError(f"weights from {low:.3g} to {high:.3g} are too far apart for grey levels")
    top = 2**bits - 1
    scaled = (weight.double() - low) / (high - low) * top
    picture = scaled.round().cpu().numpy().astype(np.uint8 if bits == 8 else np.uint16)
    changed = torch.from_numpy(change(picture).astype(np.float64)).to(weight.device)
    return (low + changed / top * (high - low)).to(weight.dtype)
