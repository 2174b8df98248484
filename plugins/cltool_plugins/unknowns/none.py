"""No strangers at all."""

from __future__ import annotations

from torch import Tensor

from cltool import unknown


@unknown(source="Orgil 2022, eq. 3.8-3.9, read literally")
def none(features: Tensor) -> Tensor:
    """Nothing: the unknown row sees no positives and learns only what the task's own pictures are not.

    `features` [n, D] → [0, D].

    >>> import torch
    >>> none(torch.zeros(5, 3)).shape
    torch.Size([0, 3])
    """
    return features[:0]
