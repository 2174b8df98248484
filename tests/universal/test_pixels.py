"""Pictures decoded once, kept whole, and read again only if they are as they were written."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cltool.backbones import PictureTransform
from cltool.errors import CallError
from cltool.pictures import Block, ImageFile
from cltool.progress import Silent
from cltool.tasks import TaskStream
from cltool.universal.pixels import held_out, pixel_array


class Told(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)


def digit_blocks(stream: TaskStream) -> list[Block]:
    return [stream.pictures.train[name] for name in ("3", "1")]


def png(high: int, wide: int, mode: str = "RGB") -> bytes:
    rng = np.random.default_rng(high * wide)
    noise = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize((wide, high)).convert(mode).save(file, "PNG")
    return file.getvalue()


def test_rows_are_the_blocks_pictures_in_order(digit_stream: TaskStream) -> None:
    blocks = digit_blocks(digit_stream)
    array = pixel_array(blocks, ["1", "3"], 16)
    whole = [block.picture(i) for block in blocks for i in range(len(block))]
    assert torch.equal(array.batch(torch.arange(len(array))), torch.stack(whole))
    assert array.labels.tolist() == [1] * len(blocks[0]) + [0] * len(blocks[1])
    assert torch.equal(array.targets.argmax(1), array.labels)
    assert array.names == (*blocks[0].names, *blocks[1].names)


def test_a_second_reading_decodes_nothing(digit_stream: TaskStream, monkeypatch: pytest.MonkeyPatch) -> None:
    first = pixel_array(digit_blocks(digit_stream), ["1", "3"], 16)
    monkeypatch.setattr(Block, "picture", lambda *_: pytest.fail("decoded"))
    again = pixel_array(digit_blocks(digit_stream), ["1", "3"], 16)
    assert isinstance(again.pixels, np.memmap)
    assert np.array_equal(first.pixels, again.pixels)


@pytest.mark.parametrize("damage", ["short", "longer", "changed", "empty"])
def test_a_damaged_file_is_made_anew(digit_stream: TaskStream, cache: Path, damage: str) -> None:
    first = np.array(pixel_array(digit_blocks(digit_stream), ["1", "3"], 16).pixels)
    (file,) = (cache / "pixels").iterdir()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= damage == "changed"
    file.write_bytes({"short": content[:-50], "longer": content + b"x", "changed": content, "empty": b""}[damage])
    told = Told()
    again = pixel_array(digit_blocks(digit_stream), ["1", "3"], 16, told)
    assert np.array_equal(first, again.pixels)
    assert "damaged; decoding them again" in told.lines[0]
    assert pixel_array(digit_blocks(digit_stream), ["1", "3"], 16, told).pixels is not None
    assert len(told.lines) == 1


def test_pictures_of_differing_sizes_are_seen_as_by_the_frozen_backbone() -> None:
    encoded = [png(40, 30), png(24, 50), png(64, 64)]
    block = Block("x", "train", ["a", "b", "c"], encoded.__getitem__, ImageFile())
    array = pixel_array([block], ["x"], 20)
    assert array.pixels.shape == (3, 3, 20, 20)
    transform = PictureTransform(16, 3, resize=20)
    stored = transform(list(array.batch(torch.arange(3))))
    assert torch.allclose(stored, transform(block.pictures(range(3))), atol=0.6 / 255)  # rounded once more


def test_grey_and_coloured_pictures_lie_in_one_array() -> None:
    def decode(encoded: bytes) -> torch.Tensor:
        return ImageFile("L" if len(encoded) == len(grey) else "RGB")(encoded)

    grey, coloured = png(8, 8, "L"), png(8, 8)
    block = Block("x", "train", ["a", "b"], [coloured, grey].__getitem__, decode)
    array = pixel_array([block], ["x"], 8)
    assert array.pixels.shape == (2, 3, 8, 8)
    assert (array.pixels[1] == array.pixels[1, :1]).all()


def test_a_picture_that_cannot_be_read_is_named_and_nothing_is_left(cache: Path) -> None:
    encoded = [png(8, 8), png(8, 8)[:-40]]
    block = Block("x", "train", ["a.png", "b.png"], encoded.__getitem__, ImageFile())
    with pytest.raises(CallError, match=r"cannot read picture b\.png"):
        pixel_array([block], ["x"], 8)
    assert not list((cache / "pixels").iterdir())


def test_of_every_class_its_share_is_held_out() -> None:
    labels = torch.tensor([0] * 100 + [1] * 40 + [2] * 3)
    kept, held = held_out(labels, ["a", "b", "c"], 0.1, 0)
    assert labels[held].bincount().tolist() == [10, 4, 1]
    assert torch.cat([kept, held]).sort().values.tolist() == list(range(143))
    assert torch.equal(held, held_out(labels, ["a", "b", "c"], 0.1, 0)[1])
    assert not torch.equal(held, held_out(labels, ["a", "b", "c"], 0.1, 1)[1])
