"""How many strangers a task gets: the option that every unknown with strangers shares."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor

Amount = Annotated[float, Field(gt=0, description="strangers per class of average size")]


def how_many(amount: float, targets: Tensor) -> int:
    """`amount` times the size of an average class of targets [n, K].

    >>> import torch
    >>> how_many(0.5, torch.zeros(100, 5))
    10
    """
    return round(amount * len(targets) / targets.shape[1])
