"""Varying training pictures at random, a batch at a time on the device that learns.

What is drawn by lot is drawn on the CPU and moved, so that it does not depend on the device; drawing needs no picture
and can go on while the step before runs. What moves pixels about (resizing, cutting out, flipping, turning, bending) is
one resampling: nothing is made at the size that is cut out of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, Protocol

import torch
from torch import Generator, Tensor
from torch.nn import functional

from cltool.backbones import PictureTransform, constant
from cltool.seeding import generator

Draws = Mapping[str, Tensor]
POOL = 1 << 18  # random numbers that noise is cut out of, at least: drawing one for every pixel takes far longer
REACH = 1 / 32  # of the side: how far strokes grow or shrink, and how far they are smoothed


class Augmentation(Protocol):
    """A way to vary pictures: `draw` throws the dice for n of them, on the CPU; `__call__` does what they say."""

    def draw(self, n: int, shape: tuple[int, int], rng: Generator) -> Draws:
        """The dice for n stored pictures of `shape` (height, width): a row for each, or numbers of some of them."""

    def __call__(self, pictures: Tensor, draws: Draws) -> Tensor:
        """uint8 [n, C, H, W] → float32 [n, channels, size, size], normalised, where `pictures` are."""


def augmentation(kind: Literal["crop", "warp", "none"], transform: PictureTransform, flip: bool = True) -> Augmentation:
    """The augmentation of that name, before a transform's normalisation."""
    if kind == "crop":
        return Crop(transform, flip)
    return Warp(transform) if kind == "warp" else Plain(transform)


@dataclass(frozen=True)
class Plain:
    """No variation: the transform that the frozen backbone will have."""

    transform: PictureTransform

    def draw(self, n: int, shape: tuple[int, int], rng: Generator) -> Draws:
        """No dice are thrown."""
        return {}

    def __call__(self, pictures: Tensor, draws: Draws) -> Tensor:
        """See `Augmentation`."""
        return self.transform(pictures, pictures.device)


@dataclass(frozen=True)
class Crop:
    """The shorter side resized to `transform.resize`, a window of `transform.size` anywhere in it, flipped or not.

    >>> crop = Crop(PictureTransform(224, 3, resize=256))
    >>> dice = crop.draw(2, (48, 48), torch.Generator().manual_seed(0))
    >>> crop(torch.zeros(2, 1, 48, 48, dtype=torch.uint8), dice).shape
    torch.Size([2, 3, 224, 224])
    """

    transform: PictureTransform
    flip: bool = True

    def draw(self, n: int, shape: tuple[int, int], rng: Generator) -> Draws:
        """`top` and `left` of each window, in whole pixels of the resized picture, and whether it is flipped."""
        room = [side - self.transform.size + 1 for side in resized(shape, self.transform)]
        top, left = ((torch.rand(n, generator=rng) * length).floor() for length in room)
        flipped = (torch.rand(n, generator=rng) < 0.5) & self.flip
        return {"top": top, "left": left, "flipped": flipped}

    def __call__(self, pictures: Tensor, draws: Draws) -> Tensor:
        """See `Augmentation`."""
        size = self.transform.size
        high, wide = resized(pictures.shape[-2:], self.transform)
        mirror = 1 - 2 * draws["flipped"].float()
        zero = torch.zeros_like(mirror)
        across = [mirror * (size / wide), zero, (2 * draws["left"] + size) / wide - 1]
        down = [zero, zero + size / high, (2 * draws["top"] + size) / high - 1]
        theta = torch.stack([torch.stack(across, 1), torch.stack(down, 1)], 1)
        values = _shrunk(pictures, self.transform)
        grid = functional.affine_grid(theta, [len(values), 1, size, size], align_corners=False)
        return self.transform.normalised(_sampled(values, grid))


@dataclass(frozen=True)
class Warp:
    """For drawings: turned, scaled, sheared, shifted and bent; strokes, sharpness, contrast and polarity vary.

    Lengths are shares of the side. `bend` is the deviation of a smooth field of `knots`² random displacements. Strokes
    are made bolder or thinner, by up to a pixel of 32 to each side, in a share `stroke` of the pictures; a share `blur`
    is smoothed as far, a share `invert` has black and white exchanged. Contrast varies between `contrast` and its
    inverse, brightness and noise by deviations, values being in [0, 1].

    >>> warp = Warp(PictureTransform(32, 1))
    >>> warp(torch.zeros(2, 1, 28, 28, dtype=torch.uint8), warp.draw(2, (28, 28), torch.Generator())).shape
    torch.Size([2, 1, 32, 32])
    """

    transform: PictureTransform
    degrees: float = 20.0
    scale: tuple[float, float] = (0.75, 1.25)
    shear: float = 0.3
    shift: float = 0.12
    bend: float = 0.03
    knots: int = 5
    stroke: float = 0.5
    blur: float = 0.3
    contrast: float = 0.6
    brightness: float = 0.05
    invert: float = 0.25
    noise: float = 0.04

    def draw(self, n: int, shape: tuple[int, int], rng: Generator) -> Draws:
        """Matrix [n, 2, 3] and bend [n, 2, knots, knots] in the units of a grid; the rest [n].

        `restroked` and `smoothed` are the numbers of those whose `stroke` and `blur` are not zero: looking for them on
        a GPU would wait for it.
        """

        def between(low: float, high: float) -> Tensor:
            return low + (high - low) * torch.rand(n, generator=rng)

        def share(part: float) -> Tensor:
            return (torch.rand(n, generator=rng) < part).float()

        turn, shear = between(-1, 1) * (self.degrees * torch.pi / 180), between(-self.shear, self.shear)
        wide, high = (1 / between(*self.scale) for _ in range(2))  # the matrix leads from the result to the picture
        across = [turn.cos() * wide, (shear - turn.sin()) * wide, 2 * between(-self.shift, self.shift)]
        down = [turn.sin() * high, turn.cos() * high, 2 * between(-self.shift, self.shift)]
        bend = torch.randn(n, 2, self.knots, self.knots, generator=rng) * (2 * self.bend)
        stroke, blur = between(-1, 1) * share(self.stroke), between(0, 1) * share(self.blur)
        return {
            "matrix": torch.stack([torch.stack(across, 1), torch.stack(down, 1)], 1),
            "bend": bend,
            "stroke": stroke,
            "restroked": stroke.nonzero().flatten(),
            "blur": blur,
            "smoothed": blur.nonzero().flatten(),
            "contrast": self.contrast ** between(-1, 1),
            "brightness": torch.randn(n, generator=rng) * self.brightness,
            "inverted": share(self.invert),
            "noise": torch.randint(_pool_length(self.transform.size) - self.transform.size**2, (n,), generator=rng),
        }

    def __call__(self, pictures: Tensor, draws: Draws) -> Tensor:
        """See `Augmentation`."""
        values = _shrunk(pictures, self.transform)
        values = _sampled(values, self._grid(draws, resized(pictures.shape[-2:], self.transform)))
        reach = max(1, round(self.transform.size * REACH))
        values = _restroked(values, draws["stroke"], draws["restroked"], reach)
        values = _smoothed(values, draws["blur"], draws["smoothed"], reach)
        factor, polarity = draws["contrast"], 1 - 2 * draws["inverted"]
        # v → (v − ½)·c + ½ + b, and 1 − that where inverted, as one product and one sum
        offset = 0.5 + polarity * (draws["brightness"] - 0.5 * factor)
        values = torch.addcmul(_per_picture(offset), values, _per_picture(polarity * factor))
        values = values.add_(self._noise(draws["noise"])).clamp_(0, 1)
        return self.transform.normalised(values)

    def _grid(self, draws: Draws, whole: tuple[int, int]) -> Tensor:
        """Where in the picture each pixel of the result lies: the window at its centre, moved, and bent."""
        size = self.transform.size
        grid = functional.affine_grid(draws["matrix"], [len(draws["matrix"]), 1, size, size], align_corners=False)
        spread = _spread(self.knots, size, grid.device)
        grid = grid + (spread @ draws["bend"] @ spread.T).permute(0, 2, 3, 1)
        high, wide = whole
        return grid * constant((size / wide, size / high), grid.device)

    def _noise(self, start: Tensor) -> Tensor:
        size = self.transform.size
        places = start[:, None] + torch.arange(size * size, device=start.device)
        return _pool(_pool_length(size), start.device)[places].view(-1, 1, size, size) * self.noise


def resized(shape: tuple[int, ...], transform: PictureTransform) -> tuple[int, int]:
    """Height and width, in pixels, once the shorter side is resized as a transform says.

    >>> resized((48, 96), PictureTransform(224, resize=256))
    (256, 512)
    """
    high, wide = ((transform.resize or transform.size) * side // min(shape) for side in shape)
    return high, wide


def _shrunk(pictures: Tensor, transform: PictureTransform) -> Tensor:
    """Values in [0, 1]; pictures larger than they are to be are made smaller first, or fine lines would flicker."""
    values = pictures.float() / 255
    shape = resized(pictures.shape[-2:], transform)
    if shape[0] >= pictures.shape[-2]:
        return values
    return functional.interpolate(values, shape, mode="bilinear", antialias=True)


def _sampled(values: Tensor, grid: Tensor) -> Tensor:
    return functional.grid_sample(values, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _per_picture(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)


def _restroked(values: Tensor, amount: Tensor, changed: Tensor, reach: int) -> Tensor:
    """Towards the largest value around each pixel where the amount is positive, the smallest where it is negative."""
    sign, weight = _per_picture(amount[changed].sign()), _per_picture(amount[changed].abs())
    own = values[changed] * sign
    return values.index_copy(
        0, changed, torch.lerp(own, functional.max_pool2d(own, 2 * reach + 1, 1, reach), weight) * sign
    )


def _smoothed(values: Tensor, amount: Tensor, changed: Tensor, reach: int) -> Tensor:
    own = values[changed]
    mean = functional.avg_pool2d(own, 2 * reach + 1, 1, reach, count_include_pad=False)
    return values.index_copy(0, changed, torch.lerp(own, mean, _per_picture(amount[changed])))


@cache
def _spread(knots: int, size: int, device: torch.device) -> Tensor:
    """float32 [size, knots]: bicubic interpolation from so many knots, as a matrix."""
    unit = torch.eye(knots).view(1, knots, 1, knots)
    spread = functional.interpolate(unit, (1, size), mode="bicubic", align_corners=True)[0, :, 0]
    return spread.T.contiguous().to(device)


def _pool_length(size: int) -> int:
    return max(POOL, 2 * size**2)


@cache
def _pool(length: int, device: torch.device) -> Tensor:
    """Normal random numbers, always the same: which of them a picture gets is drawn."""
    return torch.randn(length, generator=generator("universal noise")).to(device)
