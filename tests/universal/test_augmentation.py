"""Varied pictures against torchvision's own, and each variation by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from cltool.backbones import PictureTransform
from cltool.pictures import PictureSet
from cltool.universal.augmentation import Crop, Plain, Warp, augmentation, resized
from cltool_plugins.streams.digits import digits

STILL = {
    "degrees": 0.0,
    "scale": (1.0, 1.0),
    "shear": 0.0,
    "shift": 0.0,
    "bend": 0.0,
    "stroke": 0.0,
    "blur": 0.0,
    "contrast": 1.0,
    "brightness": 0.0,
    "invert": 0.0,
    "noise": 0.0,
}


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noisy(n: int, channels: int, high: int, wide: int) -> Tensor:
    return torch.randint(0, 256, (n, channels, high, wide), dtype=torch.uint8, generator=rng())


def some_digits() -> Tensor:
    found: PictureSet = digits()
    return torch.stack(found.train["3"].pictures(range(64)))


@pytest.mark.parametrize(
    ("shape", "size", "resize"),
    [((48, 48), 224, 256), ((30, 41), 64, 70), ((50, 37), 32, 33), ((64, 80), 24, 30), ((28, 28), 28, 28)],
    ids=["faces", "wide", "high", "larger", "as it is"],
)
def test_a_window_is_that_of_torchvision(shape: tuple[int, int], size: int, resize: int) -> None:
    from torchvision.transforms import v2

    transform = PictureTransform(size, 3, (0.2, 0.3, 0.4), (0.5, 0.6, 0.7), resize)
    pictures = noisy(6, 3, *shape)
    crop = Crop(transform)
    dice = crop.draw(6, shape, rng(1))
    found = crop(pictures, dice)
    assert 0 < dice["flipped"].sum() < 6
    high, wide = resized(shape, transform)
    for i in range(6):
        whole = v2.functional.resize(pictures[i].float() / 255, [high, wide], antialias=True)
        theirs = v2.functional.crop(whole, int(dice["top"][i]), int(dice["left"][i]), size, size)
        theirs = v2.functional.horizontal_flip(theirs) if dice["flipped"][i] else theirs
        theirs = v2.functional.normalize(theirs, list(transform.mean), list(transform.deviation))
        assert torch.allclose(found[i], theirs, atol=2e-3)


def test_windows_lie_everywhere_and_nowhere_else() -> None:
    crop = Crop(PictureTransform(28, 1, resize=32))
    dice = crop.draw(2000, (40, 60), rng())
    assert set(dice["top"].tolist()) == set(range(5))
    assert set(dice["left"].tolist()) == set(range(48 - 28 + 1))
    assert not Crop(crop.transform, flip=False).draw(2000, (40, 60), rng())["flipped"].any()


@pytest.mark.parametrize(("stored", "channels"), [(1, 3), (3, 1), (1, 1)])
@pytest.mark.parametrize("kind", ["crop", "warp", "none"])
def test_channels_and_scale_are_the_transforms(kind: str, stored: int, channels: int) -> None:
    transform = PictureTransform(20, channels, (0.5,), (0.25,), 20)
    vary = augmentation(kind, transform, flip=False)  # type: ignore[arg-type]
    if isinstance(vary, Warp):
        vary = replace(vary, **STILL)
    pictures = noisy(4, stored, 17, 17)
    found = vary(pictures, vary.draw(4, (17, 17), rng()))
    assert found.shape == (4, channels, 20, 20)
    assert torch.allclose(found, transform(list(pictures)), atol=2e-4)


def test_without_variation_it_is_the_transform_of_the_frozen_backbone() -> None:
    transform = PictureTransform(20, 3, (0.5,), (0.25,), 24)
    pictures = noisy(4, 1, 30, 35)
    vary = Plain(transform)
    assert torch.equal(vary(pictures, vary.draw(4, (30, 35), rng())), transform(list(pictures)))


@pytest.mark.parametrize(("shape", "resize"), [((17, 17), 24), ((17, 30), 24), ((48, 40), 24)])
def test_a_warp_of_no_strength_is_the_transform(shape: tuple[int, int], resize: int) -> None:
    transform = PictureTransform(20, 1, (0.5,), (0.25,), resize)
    warp = Warp(transform, **STILL)  # type: ignore[arg-type]
    pictures = noisy(4, 1, *shape)
    found = warp(pictures, warp.draw(4, shape, rng()))
    high, wide = resized(shape, transform)
    if (high - 20) % 2 or (wide - 20) % 2:  # the transform's window lies on whole pixels, the warp's in the middle
        assert torch.allclose(found.mean(), transform(list(pictures)).mean(), atol=0.05)
    else:
        assert torch.allclose(found, transform(list(pictures)), atol=2e-4)


@pytest.mark.parametrize("name", sorted(STILL))
def test_every_strength_of_a_warp_varies_pictures_each_in_its_way(name: str) -> None:
    transform = PictureTransform(16, 1, resize=16)
    pictures = some_digits()[:1].expand(64, -1, -1, -1)
    still = Warp(transform, **STILL)  # type: ignore[arg-type]
    warp = replace(still, **{name: getattr(Warp(transform), name)})
    found = warp(pictures, warp.draw(64, (8, 8), rng()))
    assert len({tuple(row.flatten().tolist()) for row in found}) > (1 if name == "invert" else 15)
    assert found.min() >= 0
    assert found.max() <= 1
    assert torch.isfinite(found).all()


def test_strokes_become_bolder_and_thinner() -> None:
    warp = Warp(PictureTransform(16, 1, resize=16), **STILL)  # type: ignore[arg-type]
    pictures = some_digits()
    dice = dict(warp.draw(64, (8, 8), rng()))
    amounts = [torch.full((64,), amount) for amount in (0.0, 1.0, -1.0)]
    plain, bold, thin = (
        warp(pictures, {**dice, "stroke": amount, "restroked": amount.nonzero().flatten()}).mean((1, 2, 3))
        for amount in amounts
    )
    assert (bold > plain).all()
    assert (thin < plain).all()


def test_strokes_change_where_the_dice_say() -> None:
    warp = Warp(PictureTransform(16, 1))
    dice = warp.draw(200, (8, 8), rng())
    for amount, changed in (("stroke", "restroked"), ("blur", "smoothed")):
        assert 0 < len(dice[changed]) < 200
        assert torch.equal(dice[changed], dice[amount].nonzero().flatten())


def test_what_is_inverted_is_the_negative() -> None:
    transform = PictureTransform(16, 1, resize=16)
    pictures = some_digits()
    warp = Warp(transform, **{**STILL, "invert": 1.0})  # type: ignore[arg-type]
    assert torch.allclose(warp(pictures, warp.draw(64, (8, 8), rng())), 1 - transform(list(pictures)), atol=1e-5)


def test_a_digit_that_is_warped_is_still_one() -> None:
    """Its ink neither goes out of the picture nor fills it."""
    warp = replace(Warp(PictureTransform(28, 1, resize=28)), invert=0.0, contrast=1.0)
    pictures = some_digits()
    found = warp(pictures, warp.draw(64, (8, 8), rng()))
    ink, before = found.mean((1, 2, 3)), warp.transform(list(pictures)).mean((1, 2, 3))
    assert ((ink / before > 0.4) & (ink / before < 2.5)).float().mean() > 0.95


def test_dice_depend_on_the_generator_alone() -> None:
    for vary in (Crop(PictureTransform(20, 1, resize=24)), Warp(PictureTransform(20, 1))):
        one, two, other = (vary.draw(5, (9, 9), rng(seed)) for seed in (3, 3, 4))
        assert all(torch.equal(one[key], two[key]) for key in one)
        assert not all(torch.equal(one[key], other[key]) for key in one)
