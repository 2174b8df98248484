"""The feature bank: extract once, read ever after, trust nothing that is damaged."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from cltool.backbones import Backbone, PictureTransform
from cltool.errors import CallError
from cltool.features import BATCHES, FeatureBank
from cltool.pictures import Block, ImageFile, RawPixels


class Counting(nn.Module):
    """Flattens, and counts the pictures that pass."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0

    def forward(self, x: Tensor) -> Tensor:
        self.passed += len(x)
        return x.flatten(1)


def make_backbone(size: int = 2, name: str = "flat") -> Backbone:
    return Backbone.of(name, Counting(), PictureTransform(size, 1), size * size)


def make_block(count: int = 5, shade: int = 7, output: str = "grey") -> Block:
    pictures = [bytes([shade, i % 256, 3, 4]) for i in range(count)]
    return Block(output, "train", [f"{i}" for i in range(count)], pictures.__getitem__, RawPixels(1, 2, 2))


def test_a_picture_passes_the_network_once() -> None:
    bank, backbone, blocks = FeatureBank(), make_backbone(), [make_block(), make_block(3, 9, "other")]
    first = bank.features(blocks, backbone)
    again = bank.features(blocks[::-1], backbone)
    assert backbone.body.passed == 8
    assert torch.equal(first, torch.cat([again[3:], again[:3]]))
    assert first[1].tolist() == pytest.approx([7 / 255, 1 / 255, 3 / 255, 4 / 255])


def test_features_do_not_depend_on_which_other_blocks_are_asked_for() -> None:
    count = BATCHES["cpu"] + 5
    alone = FeatureBank().features([make_block(count)], make_backbone())
    beside = FeatureBank(FeatureBank().folder.parent / "other").features(
        [make_block(3, 1, "first"), make_block(count)], make_backbone()
    )
    assert torch.equal(alone, beside[3:])


@pytest.mark.parametrize("change", ["pixels", "decoding", "weights", "transform", "dtype"])
def test_the_key_changes_with_all_that_a_feature_depends_on(change: str) -> None:
    bank, block = FeatureBank(), make_block()
    net, transform = nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), PictureTransform(2, 1)
    before = bank.path(block, Backbone.of("n", net, transform, 3))
    if change == "pixels":
        block = make_block(shade=8)
    elif change == "decoding":
        block = Block(block.output, block.split, block.names, block.read, RawPixels(1, 2, 2, transposed=True))
    elif change == "weights":
        net[1].bias.data[0] += 1e-3
    elif change == "transform":
        transform = PictureTransform(2, 1, mean=(0.5,))
    after = Backbone.of("n", net, transform, 3)
    if change == "dtype":
        after = Backbone(after.name, after.build, after.identity, transform, 3, after.parameters, dtype=torch.float16)
    assert bank.path(block, after) != before


@pytest.mark.parametrize("damage", ["flipped byte", "cut short", "empty"])
def test_damaged_features_are_computed_again(damage: str) -> None:
    bank, backbone, block = FeatureBank(), make_backbone(), make_block()
    whole = bank.features([block], backbone)
    path = bank.path(block, backbone)
    content = bytearray(path.read_bytes())
    content[-1] ^= 0xFF
    path.write_bytes({"flipped byte": content, "cut short": content[:-3], "empty": b""}[damage])
    assert torch.equal(bank.features([block], backbone), whole)
    assert backbone.body.passed == 10
    assert torch.equal(bank.features([block], backbone), whole)
    assert backbone.body.passed == 10


def test_a_failed_extraction_leaves_nothing_behind() -> None:
    def read(index: int) -> bytes:
        return b"\x00" * 4 if index < 3 else b"short"

    bank, backbone = FeatureBank(), make_backbone()
    block = Block("bad", "train", [f"p{i}.raw" for i in range(4)], read, RawPixels(1, 2, 2))
    with pytest.raises(CallError, match=r"cannot read picture p3\.raw"):
        bank.features([block], backbone)
    assert not list(bank.folder.rglob("*.safetensors"))


def test_unreadable_pictures_are_found_before_any_work(tmp_path: Path) -> None:
    from PIL import Image

    for i in range(3):
        Image.effect_noise((40, 40), 90).save(tmp_path / f"{i}.jpg")
    broken = tmp_path / "1.jpg"
    broken.write_bytes(broken.read_bytes()[:-200])
    files = sorted(tmp_path.glob("*.jpg"))
    block = Block("noise", "train", [str(f) for f in files], lambda i: files[i].read_bytes(), ImageFile("L"))
    backbone = make_backbone()
    with pytest.raises(CallError, match=r"1\.jpg"):
        FeatureBank().check([block], backbone)
    assert backbone.body.passed == 0


def test_pictures_of_any_size_and_colour_become_one_batch() -> None:
    transform = PictureTransform(4, 3, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    pictures = [torch.full((c, h, w), 255, dtype=torch.uint8) for c, h, w in ((1, 8, 8), (3, 5, 9), (3, 16, 4))]
    batch = transform(pictures)
    assert batch.shape == (3, 3, 4, 4)
    assert torch.allclose(batch, torch.ones(()))


def test_the_resize_is_torchvisions() -> None:
    from torchvision.transforms.v2 import functional

    picture = torch.randint(0, 256, (3, 64, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    theirs = functional.resize(picture[None].float() / 255, [32], antialias=True)
    theirs = functional.center_crop(theirs, [32, 32])
    assert torch.allclose(PictureTransform(32, 3)([picture]), theirs, atol=1e-5)


@pytest.mark.slow
def test_two_processes_may_fill_one_bank_at_once(cache: Path) -> None:
    program = textwrap.dedent(
        """
        import torch
        from cltool.backbones import Backbone, PictureTransform
        from cltool.features import FeatureBank
        from cltool.pictures import Block, RawPixels
        backbone = Backbone.of("flat", torch.nn.Flatten(), PictureTransform(2, 1), 4)
        blocks = [
            Block(str(b), "train", [str(i) for i in range(40)], lambda i, b=b: bytes([b, i, 0, 1]), RawPixels(1, 2, 2))
            for b in range(60)
        ]
        print(FeatureBank().features(blocks, backbone).double().sum().item())
        """
    )
    env = {**os.environ, "CLTOOL_CACHE": str(cache)}
    both = [subprocess.Popen([sys.executable, "-c", program], env=env, stdout=subprocess.PIPE, text=True) for _ in "ab"]
    sums = {process.communicate()[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(sums) == 1
    assert len(list(FeatureBank().entries())) == 60
    assert not [path for path in cache.rglob(".*") if path.is_file()]


def test_the_bank_lists_and_prunes_by_age() -> None:
    bank, backbone = FeatureBank(), make_backbone()
    bank.features([make_block(5), make_block(4, 9, "other")], backbone)
    old = bank.path(make_block(5), backbone)
    os.utime(old, (0, 0))
    assert sorted((e.output, e.samples, e.width, e.split) for e in bank.entries()) == [
        ("grey", 5, 4, "train"),
        ("other", 4, 4, "train"),
    ]
    assert bank.prune(older_than_days=1)[0] == 1
    assert [e.output for e in bank.entries()] == ["other"]
    assert bank.prune()[0] == 1
    assert not list(bank.entries())


def test_reading_makes_a_block_young_again() -> None:
    bank, backbone, block = FeatureBank(), make_backbone(), make_block()
    bank.features([block], backbone)
    os.utime(bank.path(block, backbone), (0, 0))
    bank.features([block], backbone)
    assert bank.prune(older_than_days=1)[0] == 0
