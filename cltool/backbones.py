"""Backbones: frozen networks that turn pictures into features, and a fingerprint that tells them apart."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from cltool.pictures import Block


@dataclass(frozen=True)
class PictureTransform:
    """Pictures of any size, uint8 [C, H, W], → one float batch [B, channels, size, size] on a device.

    Those of one size may come as one tensor [B, C, H, W]; a float one has been through this already. The shorter side
    is resized to `resize` (default: `size`; bilinear, antialiased), the centre cut out, grey repeated or colour
    averaged to `channels`, values scaled to [0, 1] and then by `mean` and `deviation`.

    >>> PictureTransform(2, 1)([torch.full((3, 4, 4), 255, dtype=torch.uint8)]).shape
    torch.Size([1, 1, 2, 2])
    """

    size: int
    channels: int = 3
    mean: tuple[float, ...] = (0.0,)
    deviation: tuple[float, ...] = (1.0,)
    resize: int | None = None

    def __call__(self, pictures: Sequence[Tensor] | Tensor, device: torch.device | str = "cpu") -> Tensor:
        pictures = stacked(pictures)
        if isinstance(pictures, Tensor) and pictures.is_floating_point():
            return pictures.to(device, non_blocking=True)
        if isinstance(pictures, Tensor):
            return self.normalised(self._sized(pictures.to(device, non_blocking=True)))
        alone = (self._sized(picture[None].to(device, non_blocking=True)) for picture in pictures)
        return torch.cat([self.normalised(picture) for picture in alone])

    def normalised(self, values: Tensor) -> Tensor:
        """[B, C, H, W] in [0, 1] → [B, channels, H, W]: grey repeated or colours averaged, then scaled."""
        if values.shape[1] != self.channels:
            values = values.expand(-1, 3, -1, -1) if self.channels == 3 else values.mean(1, keepdim=True)
        mean, deviation = (constant(tuple(v), values.device).view(1, -1, 1, 1) for v in (self.mean, self.deviation))
        return (values - mean) / deviation

    def _sized(self, batch: Tensor) -> Tensor:
        batch = batch.float() / 255
        if self.channels == 1 < batch.shape[1]:  # before the resize, which then has less to do
            batch = batch.mean(1, keepdim=True)
        high, wide = batch.shape[-2:]
        if (high, wide) == (self.size, self.size) and self.resize in (None, self.size):
            return batch
        # torchvision.transforms.v2 does the same by the same call, and takes longer to import than torch
        short = min(high, wide)
        shape = [(self.resize or self.size) * side // short for side in (high, wide)]
        batch = functional.interpolate(batch, shape, mode="bilinear", antialias=True)
        top, left = (round((side - self.size) / 2) for side in shape)
        return batch[..., top : top + self.size, left : left + self.size]


def stacked(pictures: Sequence[Tensor] | Tensor) -> Sequence[Tensor] | Tensor:
    """Pictures [C, H, W] of one size as one tensor [B, C, H, W]; what is one already, or of several sizes, as it is.

    >>> grey, colour = torch.zeros(1, 2, 2), torch.zeros(3, 2, 2)
    >>> stacked([grey, grey]).shape, type(stacked([grey, colour]))
    (torch.Size([2, 1, 2, 2]), <class 'list'>)
    """
    if isinstance(pictures, Tensor) or len({picture.shape for picture in pictures}) != 1:
        return pictures
    return torch.stack(list(pictures))


@cache
def constant(values: tuple[float, ...], device: torch.device) -> Tensor:
    """float32 [len(values)] on a device; moved there once, since a GPU is waited for by every such copy."""
    with torch.inference_mode(False):  # whoever asks first: gradients may have to pass by it later
        return torch.tensor(values, dtype=torch.float32, device=device)


@dataclass(frozen=True, eq=False)
class Backbone:
    """A frozen network, described first and built only when a picture has to go through it.

    `name` is its full spelling. `build` makes the body, a module that maps the transform's pictures to
    features [B, `width`]; it is called once at most. `identity` decides the weights: two backbones that share
    it, the transform and `dtype` have the same features. `parameters` counts the body's weights. `protocol`
    tells what of the stream the body was trained on, if anything: {"on": "all" | "first" | …, "leaks": bool, or None
    where it is not known, "classes": int}; None for a body that saw none of it. `dtype` is the precision it computes
    in and its features are kept in. `of_block`, where a network must see a film as a whole: a film's block → features
    [n, `width`], float32, in the place of transform and body.
    """

    name: str
    build: Callable[[], nn.Module]
    identity: str
    transform: PictureTransform
    width: int
    parameters: int
    protocol: Mapping[str, Any] | None = None
    dtype: torch.dtype = torch.float32
    of_block: Callable[[Block], Tensor] | None = None

    @classmethod
    def of(
        cls,
        name: str,
        body: nn.Module,
        transform: PictureTransform,
        width: int,
        protocol: Mapping[str, Any] | None = None,
    ) -> Backbone:
        """A backbone of a module at hand, identified by its architecture and every byte of its weights."""
        sha = hashlib.sha256(str(body).encode())
        for key, value in body.state_dict().items():
            sha.update(f"{key} {value.dtype} {list(value.shape)}".encode())
            sha.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
        return cls(name, lambda: body, sha.hexdigest(), transform, width, count_parameters(body), protocol)

    @cached_property
    def body(self) -> nn.Module:
        """The network: in eval mode, without gradients, for good."""
        body = self.build().eval().requires_grad_(False).to(self.dtype)
        # convolutions on a CPU run up to twice as fast in this layout
        return body.to(memory_format=torch.channels_last)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of all that a feature depends on but the picture."""
        return hashlib.sha256(f"{self.identity}\n{self.transform}\n{self.dtype}".encode()).hexdigest()

    def __call__(self, pictures: Sequence[Tensor] | Tensor, device: torch.device | str = "cpu") -> Tensor:
        """Features [n, width], of `dtype`, on the CPU, of n pictures uint8 [C, H, W] or of one batch [n, C, H, W]."""
        return self.extract(pictures, device).cpu()

    @torch.inference_mode()
    def extract(self, pictures: Sequence[Tensor] | Tensor, device: torch.device | str) -> Tensor:
        """The same features left on the device, where the body must be; a GPU is not waited for."""
        batch = self.transform(pictures, device).to(self.dtype, memory_format=torch.channels_last)
        features: Tensor = self.body(batch)
        return features


def count_parameters(module: nn.Module) -> int:
    """Number of weights in a module; running statistics are none."""
    return sum(p.numel() for p in module.parameters())
