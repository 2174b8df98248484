"""A linear map of each frame."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from cltool import network


class Linear(nn.Module):
    """All features of a frame → valence and arousal of that frame."""

    def __init__(self, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.tensors = tuple(widths)
        self.outputs = nn.Linear(sum(widths.values()), 2)  # the last layer has this name

    def forward(self, features: Mapping[str, Tensor], mask: Tensor) -> Tensor:
        """Features {tensor: [B, S, F]}, mask [B, S], True = one of them is there → [B, S, 2]."""
        frames = torch.cat([features[tensor] for tensor in self.tensors], -1)
        # A masked frame may hold anything, NaN included.
        return self.outputs(torch.where(mask[..., None], frames, 0))


# reads=("mel", "body") would ask for these tensors of the store alone; without it, a network is given all.
@network(source="where the idea comes from")
def mine(widths: Mapping[str, int]) -> nn.Module:
    """Every tensor's features, side by side, through one linear map per frame.

    `widths`: features per frame by tensor. The module maps {tensor: [B, S, F]} and mask [B, S] to [B, S, 2].

    >>> mask = torch.ones(1, 7, dtype=torch.bool)
    >>> module = mine({"mel": 128, "body": 36})
    >>> module({"mel": torch.zeros(1, 7, 128), "body": torch.zeros(1, 7, 36)}, mask).shape
    torch.Size([1, 7, 2])
    """
    return Linear(widths)
