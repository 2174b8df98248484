"""A fixed random projection of the pixels: the backbone that has learned nothing."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import nn

from cltool import Backbone, PictureTransform, TaskStream, backbone


@backbone(source="Huang et al. 2006, extreme learning machine")
def random(
    stream: TaskStream,
    *,
    features: Annotated[int, Field(ge=1, description="how many")] = 512,
    size: Annotated[
        int | None,
        Field(ge=1, description="side of the pictures it is shown; default: their own, at most 32"),
    ] = None,
    seed: Annotated[int, Field(description="of the projection; the run's --seed leaves it alone")] = 0,
) -> Backbone:
    """A random projection of the pixels with ReLU; nothing is trained, nothing downloaded.

    Pixels in [−1, 1], weights N(0, 2/d) for d pixels, biases N(0, 1/4): each feature is active on about half
    of the pictures. Channels and size follow the stream's first picture.
    """
    picture = stream.pictures.test[stream.groups[0][0]].picture(0)
    channels, side = picture.shape[0], size or min(32, *picture.shape[1:])
    rng = torch.Generator().manual_seed(seed)
    pixels = channels * side * side
    projection = nn.Linear(pixels, features)
    with torch.no_grad():
        projection.weight.copy_(torch.randn(features, pixels, generator=rng) * (2 / pixels) ** 0.5)
        projection.bias.copy_(torch.randn(features, generator=rng) / 2)
    transform = PictureTransform(side, channels, (0.5,), (0.5,))
    body = nn.Sequential(nn.Flatten(), projection, nn.ReLU())
    name = f"random:features={features},size={side},seed={seed}"
    return Backbone.of(name, body, transform, features)
