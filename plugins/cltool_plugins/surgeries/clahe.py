"""Contrast-limited adaptive histogram equalisation of the weights, taken as a picture."""

from __future__ import annotations

from typing import Annotated

import cv2
from pydantic import Field

from cltool import Head, surgery
from cltool_plugins.surgeries.levels import Bits, Picture, on_levels
from cltool_plugins.surgeries.reach import WithBias, WithUnknown, on_weights


@surgery(source="Orgil 2022, section 3.3.2; Zuiderveld 1994")
def clahe(
    head: Head,
    *,
    clip: Annotated[
        float, Field(gt=0, le=65536, description="a histogram's ceiling, in heights of a flat one")
    ] = 100.0,
    tiles: Annotated[int, Field(ge=1, description="tiles per side, at most one per row and per column")] = 2,
    bits: Bits = 16,
    bias: WithBias = False,
    unknown: WithUnknown = False,
) -> Head:
    """Equalise the weights' histogram tile by tile, its bins clipped, as OpenCV does to a grey picture.

    The picture has a row for each class and a column for each feature; `clip` 100 and 2 × 2 tiles are the
    thesis', 16 bits are ours (`bits=8` is what OpenCV was given there). The range of the weights stays.
    `head` [R, D] → [R, D].

    >>> import torch
    >>> head = Head(("a", "b"), torch.tensor([[-1.0, -0.2], [0.1, 1.0]]), torch.ones(2), torch.ones(2), "s")
    >>> clahe(head, tiles=1).weight.round(decimals=2)
    tensor([[-0.5000,  0.0000],
            [ 0.5000,  1.0000]])
    """

    def equalise(picture: Picture) -> Picture:
        grid = (min(tiles, picture.shape[1]), min(tiles, picture.shape[0]))
        return cv2.createCLAHE(clip, grid).apply(picture)  # type: ignore[return-value]

    return on_weights(head, lambda weight: on_levels(weight, equalise, bits), bias, unknown)
