"""The pyramid against a Laplacian pyramid and YIQ written out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.color import rgb2yiq, yiq2rgb

from cltool.video.magnification import COLOUR, MOTION, Settings
from cltool.video.magnification.pyramids import (
    Pyramid,
    double_sharp,
    double_smooth,
    halve_sharp,
    halve_smooth,
)
from cltool.video.magnification.settings import level_alphas

SIZES = [(64, 48), (37, 50), (5, 9), (3, 3), (2, 7)]


def noise(size: tuple[int, int]) -> NDArray[np.float32]:
    return np.random.default_rng(0).random((*size, 3), np.float32)


@pytest.mark.parametrize("size", SIZES[:4])
def test_a_change_is_the_sum_of_weighted_laplacian_levels(size: tuple[int, int]) -> None:
    settings, picture = replace(MOTION, chroma=1), noise(size)
    depth = settings.depth(size[1], size[0])
    gaussian = [picture]
    for _ in range(depth):
        gaussian.append(halve_sharp(gaussian[-1]))
    wanted = np.zeros_like(gaussian[-1])
    for level in reversed(range(depth)):
        shape = gaussian[level].shape[:2]
        laplacian = gaussian[level] - double_sharp(gaussian[level + 1], shape)
        wanted = double_sharp(wanted, shape) + level_alphas(settings, depth)[level] * laplacian
    pyramid = Pyramid(settings, size)
    assert pyramid.up(pyramid.down(picture)) == pytest.approx(wanted, abs=1e-5)
    assert np.abs(wanted).max() > 0.1


def test_levels_of_equal_weight_are_not_computed() -> None:
    wide = Pyramid(replace(MOTION, cutoff=1), (256, 256)).width  # alpha is the same from the second level on
    assert wide == (128 * 128 + 1) * 3


@pytest.mark.parametrize("chroma", [0.0, 0.1, 0.7])
@pytest.mark.parametrize("settings", [COLOUR, replace(MOTION, levels=3)], ids=["colour", "motion"])
def test_chroma_is_weighed_as_in_yiq(settings: Settings, chroma: float) -> None:
    pyramid = Pyramid(replace(settings, chroma=1), (48, 40))
    picture = noise((48, 40))
    yiq = rgb2yiq(pyramid.up(pyramid.down(picture)).astype(np.float64))
    wanted = yiq2rgb(yiq * (1, chroma, chroma))
    pyramid = Pyramid(replace(settings, chroma=chroma), (48, 40))
    assert pyramid.up(pyramid.down(picture)) == pytest.approx(wanted, abs=5e-3)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "kernel", [(halve_smooth, double_smooth), (halve_sharp, double_sharp)], ids=["smooth", "sharp"]
)
def test_halved_and_doubled_even_pictures_stay_even(kernel: tuple, size: tuple[int, int]) -> None:
    halve, double = kernel
    small = halve(np.full((*size, 3), 0.7, np.float32))
    assert small.shape == ((size[0] + 1) // 2, (size[1] + 1) // 2, 3)
    large = double(small, size)
    assert large.shape == (*size, 3)
    assert large == pytest.approx(0.7, abs=1e-6)


@pytest.mark.parametrize(
    "kernel", [(halve_smooth, double_smooth), (halve_sharp, double_sharp)], ids=["smooth", "sharp"]
)
def test_halving_and_doubling_move_nothing(kernel: tuple) -> None:
    """A slope stays where it is away from the borders: no shift by half a pixel."""
    halve, double = kernel
    slope = np.broadcast_to(np.arange(65, dtype=np.float32)[None, :, None], (65, 65, 3)).copy()
    for picture in (slope, np.ascontiguousarray(slope.transpose(1, 0, 2))):
        found = double(double(halve(halve(picture)), (33, 33)), (65, 65))
        assert found[20:-20, 20:-20] == pytest.approx(picture[20:-20, 20:-20], abs=1e-3)


def test_a_change_of_colour_stays_where_it_is() -> None:
    dot = np.zeros((65, 65, 3), np.float32)
    dot[32, 32] = 1
    pyramid = Pyramid(COLOUR, (65, 65))
    found = pyramid.up(pyramid.down(dot))[..., 0]
    assert np.unravel_index(found.argmax(), found.shape) == (32, 32)
    middle = found[16:-16, 16:-16]
    assert middle == pytest.approx(middle[::-1, ::-1], abs=1e-3 * float(middle.max()))
