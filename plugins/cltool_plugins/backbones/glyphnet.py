"""A small residual network for drawings: grey, 32×32, up to 256 features."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from cltool import Backbone, PictureTransform, backbone


class Ink(nn.Module):
    """Pictures [B, 1, H, W] as ink on paper: the median is 0, the deviation 1, and ink is positive.

    So the network does not see contrast, brightness, or whether it is white on black or black on white.

    >>> dark = torch.zeros(1, 1, 4, 4)
    >>> dark[..., 1, :2] = 0.5
    >>> bool((Ink()(dark) - Ink()(1 - dark)).abs().max() < 1e-6)
    True
    """

    def forward(self, pictures: Tensor) -> Tensor:
        flat = pictures.flatten(1)
        ink = flat - flat.median(1, keepdim=True).values
        ink = ink * torch.where(ink.mean(1, keepdim=True) < 0, -1.0, 1.0)
        scale = ink.square().mean(1, keepdim=True).sqrt()
        return (ink / (scale + 1e-3)).view_as(pictures)


class Stage(nn.Module):
    """Two convolutions that halve height and width, beside a shortcut (He et al. 2016)."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.convolutions(x) + self.shortcut(x))


def body(width: int = 16, features: int = 256) -> nn.Sequential:
    """Pictures [B, 1, 32, 32] → features [B, features]; 0.83 million weights as it stands.

    >>> network = body()
    >>> network(torch.zeros(2, 1, 32, 32)).shape, sum(p.numel() for p in network.parameters())
    (torch.Size([2, 256]), 827632)
    """
    return nn.Sequential(
        Ink(),
        nn.Conv2d(1, width, 5, padding=2, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        Stage(width, 2 * width),
        Stage(2 * width, 4 * width),
        Stage(4 * width, 8 * width),
        nn.Flatten(),
        nn.Linear(8 * width * 16, features, bias=False),
        nn.BatchNorm1d(features),  # and no ReLU: what is left of the features is what linear heads can use
    )


@backbone(source="He et al. 2016, made small")
def glyphnet(
    *,
    width: Annotated[int, Field(ge=1, description="channels of the first layer; each stage doubles them")] = 16,
    features: Annotated[int, Field(ge=1, le=4096, description="how many")] = 256,
    seed: Annotated[int, Field(description="of its weights; the run's --seed leaves it alone")] = 0,
) -> Backbone:
    """A small residual network for drawings, as it was drawn by lot: to be trained, or a control.

    Trained on glyphs of fonts it is `universal:on=glyphs`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = body(width, features)
    transform = PictureTransform(32, 1, (0.5,), (0.5,), resize=32)
    return Backbone.of(f"glyphnet:width={width},features={features},seed={seed}", network, transform, features)
