"""The feature bank: extract once, read ever after, trust nothing that is damaged."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from cltool.backbones import Backbone, PictureTransform, constant
from cltool.errors import CallError, DataGone
from cltool.features import BATCHES, FeatureBank
from cltool.pictures import Block, ImageFile, RawPixels, Turn
from cltool.progress import Silent


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


@pytest.mark.parametrize("decoders", [1, 3, 8])
def test_several_blocks_in_one_call_are_those_of_calls_of_their_own(
    decoders: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FeatureBank, "decoders", decoders)
    folder, most = FeatureBank().folder, BATCHES["cpu"]
    counts = (most, 0, 3, 2 * most + 1, 1, 2 * most)
    blocks = [make_block(count, shade, str(shade)) for shade, count in enumerate(counts)]
    apart, together = FeatureBank(folder / "apart"), FeatureBank(folder / "together")
    alone = [apart.features([block], make_backbone()) for block in blocks]
    assert [len(features) for features in alone] == list(counts)
    assert torch.equal(together.features(blocks, make_backbone()), torch.cat(alone))
    for block in blocks:
        one, other = (bank.path(block, make_backbone()).read_bytes() for bank in (apart, together))
        assert one == other


@pytest.mark.parametrize("trouble", [CallError, DataGone])
@pytest.mark.parametrize("decoders", [1, 8])
def test_blocks_before_one_that_cannot_be_read_are_kept(
    decoders: int, trouble: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FeatureBank, "decoders", decoders)
    turn = Turn()

    def read(index: int) -> bytes:
        turn.over = trouble is DataGone
        return bytes(4) if trouble is DataGone else b"short"

    bad = Block("bad", "train", ["a", "b"], read, RawPixels(1, 2, 2), turn=turn, _digest=["known"])
    bank, backbone, blocks = FeatureBank(), make_backbone(), [make_block(40), bad, make_block(5, 9, "later")]
    if trouble is DataGone:
        monkeypatch.setattr(
            Block, "digest", property(lambda block: block.output)
        )  # asked for by all before the turn ends
    with pytest.raises(trouble):
        bank.features(blocks, backbone)
    assert [bank.has(block, backbone) for block in blocks] == [True, False, False]
    assert [entry.samples for entry in bank.entries()] == [40]
    assert bank.features([make_block(5, 9, "later")], backbone).shape == (5, 4)


def test_only_a_few_batches_are_decoded_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """A data set of any size takes no more memory than the batches on their way."""
    monkeypatch.setattr(FeatureBank, "decoders", 3)
    begun: list[str] = []
    most: list[int] = []

    class Watching(Counting):
        def forward(self, x: Tensor) -> Tensor:
            most.append(len(begun) - self.passed)
            return super().forward(x)

    def reading(output: str) -> Block:
        def read(index: int) -> bytes:
            begun.append(output)
            return bytes([index, 0, 0, 0])

        return Block(output, "train", ["a"], read, RawPixels(1, 2, 2), _digest=[output])

    backbone = Backbone.of("watching", Watching(), PictureTransform(2, 1), 4)
    FeatureBank().features([reading(str(i)) for i in range(30)], backbone)
    assert len(begun) == len(most) == 30
    assert max(most) <= 3 + 1


def test_features_that_cannot_be_written_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("cltool.features.save_tensors", full)
    with pytest.raises(OSError, match="no space left"):
        FeatureBank().features([make_block(), make_block(3, 9, "other")], make_backbone())


def test_the_bar_counts_every_picture_that_is_extracted() -> None:
    told: list[int] = []

    class Bar(Silent):
        @contextmanager
        def track(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
            told.append(-total)
            yield told.append

    FeatureBank(progress=Bar()).features([make_block(40), make_block(3, 9, "other")], make_backbone())
    assert told == [-43, 32, 8, 3]


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


@pytest.mark.parametrize(("stored", "channels"), [(1, 3), (3, 1), (1, 1), (3, 3)])
def test_a_batch_is_the_list_of_its_pictures(stored: int, channels: int) -> None:
    batch = torch.randint(0, 256, (5, stored, 9, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    backbone = Backbone.of("flat", nn.Flatten(), PictureTransform(6, channels, (0.2,) * channels), 36 * channels)
    assert torch.equal(backbone.transform(batch), backbone.transform(list(batch)))
    assert torch.equal(backbone(batch), backbone(list(batch)))
    assert torch.equal(backbone.extract(batch, "cpu"), backbone(batch))


def test_grey_is_made_three_channels_of_the_same_and_colour_their_mean() -> None:
    grey = torch.randint(0, 256, (2, 1, 9, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    colour = grey.repeat(1, 3, 1, 1)
    wide, narrow = PictureTransform(6, 3, (0.5,), (0.5,)), PictureTransform(6, 1, (0.5,), (0.5,))
    assert torch.allclose(wide(grey), wide(colour), atol=1e-6)
    assert torch.allclose(narrow(colour), narrow(grey), atol=1e-6)


def test_a_transform_used_for_features_may_be_used_in_training() -> None:
    """What it keeps on the device is no inference-mode tensor, which autograd would refuse."""
    transform = PictureTransform(2, 1, (0.123,), (0.456,))
    Backbone.of("flat", nn.Flatten(), transform, 4)([torch.zeros(1, 2, 2, dtype=torch.uint8)])
    values = torch.zeros(1, 1, 2, 2, requires_grad=True)
    (transform.normalised(values * values.exp()) ** 2).sum().backward()
    assert values.grad is not None
    assert constant((0.123,), torch.device("cpu")).is_inference() is False


def test_large_pictures_and_those_of_several_sizes_are_made_ready_when_decoded() -> None:
    """While they wait they take no more room than the network needs, and give what they gave alone."""
    seen: list[tuple[int, ...]] = []

    class Watching(PictureTransform):
        def __call__(self, pictures, device="cpu"):
            ready = super().__call__(pictures, device)
            seen.append(tuple(ready.shape))
            return ready

    sides = (5, 9, 7)
    pictures = [bytes(range(side * side)) for side in sides]

    def decode(encoded: bytes) -> Tensor:
        side = round(len(encoded) ** 0.5)
        return torch.frombuffer(bytearray(encoded), dtype=torch.uint8).view(1, side, side)

    block = Block("sizes", "train", ["a", "b", "c"], pictures.__getitem__, decode)
    backbone = Backbone.of("flat", Counting(), Watching(4, 1, (0.5,), (0.5,), resize=5), 16)
    found = FeatureBank().features([block], backbone)
    alone = torch.cat([backbone([block.picture(i)]) for i in range(3)])
    assert torch.equal(found, alone)
    assert seen[0] == seen[1] == (3, 1, 4, 4)  # when decoded, and before the network, which leaves it alone


def test_a_picture_of_just_the_size_is_cut_as_every_other() -> None:
    picture = torch.arange(64, dtype=torch.uint8).view(1, 8, 8)
    cut = PictureTransform(8, 1, resize=16)([picture])
    assert not torch.allclose(cut, picture[None] / 255)
    assert torch.allclose(PictureTransform(8, 1, resize=8)([picture]), picture[None] / 255)


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
