"""Batches: the same pictures however they come to the device."""

from __future__ import annotations

from typing import Literal

import pytest
import torch

from cltool.backbones import PictureTransform
from cltool.tasks import TaskStream
from cltool.universal.augmentation import augmentation
from cltool.universal.batches import Source
from cltool.universal.pixels import PixelArray, pixel_array


@pytest.fixture
def array(digit_stream: TaskStream) -> PixelArray:
    return pixel_array([digit_stream.pictures.train[name] for name in ("3", "1")], ("3", "1"), 8)


def parts(array: PixelArray) -> list[torch.Tensor]:
    return list(torch.randperm(len(array), generator=torch.Generator().manual_seed(0))[:100].split(24))


@pytest.mark.parametrize("kind", ["crop", "warp", "none"])
def test_pictures_kept_on_the_device_make_the_same_batches(
    array: PixelArray, kind: Literal["crop", "warp", "none"]
) -> None:
    cpu = torch.device("cpu")
    resident = (torch.tensor(array.pixels), array.targets.clone(), array.labels.clone())
    vary = augmentation(kind, PictureTransform(8, 1, resize=10))
    own, kept = (
        list(source.batches(parts(array), vary, torch.Generator().manual_seed(1)))
        for source in (Source(array, cpu), Source(array, cpu, resident))
    )
    assert [len(batch.labels) for batch in own] == [24, 24, 24, 24, 4]
    for one, other in zip(own, kept, strict=True):
        assert torch.equal(one.pictures, other.pictures)
        assert torch.equal(one.targets, other.targets)
        assert torch.equal(one.labels, other.labels)


def test_a_batch_holds_what_its_part_says(array: PixelArray) -> None:
    plain = augmentation("none", PictureTransform(8, 1))
    batches = Source.near(array, torch.device("cpu")).batches(parts(array), plain, torch.Generator())
    for part, batch in zip(parts(array), batches, strict=True):
        assert torch.equal(batch.pictures, plain.transform(array.batch(part)))  # type: ignore[attr-defined]
        assert torch.equal(batch.targets, array.targets[part])
        assert torch.equal(batch.labels, array.labels[part])
