"""The pictures' brightness on a grid."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import nn

from cltool import Backbone, PictureTransform, backbone


@backbone(source="where the idea comes from")
def mine(
    *,
    grid: Annotated[int, Field(ge=1, description="cells a side")] = 8,
    size: Annotated[int, Field(ge=1, description="side of the pictures it is shown")] = 32,
) -> Backbone:
    """The mean grey of each cell of a grid; nothing is trained, nothing downloaded.

    Pictures uint8 [C, H, W] of any size → features [n, grid²] in [0, 1].

    >>> import torch
    >>> mine(grid=2)([torch.full((3, 40, 30), 255, dtype=torch.uint8)])
    tensor([[1., 1., 1., 1.]])
    """
    # Any module that maps [B, channels, size, size] to [B, width] will do; weights loaded into it are kept frozen.
    body = nn.Sequential(nn.AdaptiveAvgPool2d(grid), nn.Flatten())
    spelling = f"mine:grid={grid},size={size}"
    return Backbone.of(spelling, body, PictureTransform(size, channels=1), width=grid**2)
