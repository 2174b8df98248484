from __future__ import annotations

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cltool import CallError
from cltool.pictures import Block
from cltool_plugins.streams.folder import folder


def files_of(blocks: Mapping[str, Block]) -> set[str]:
    """CLASS/FILE of every picture."""
    return {"/".join(Path(name).parts[-2:]) for block in blocks.values() for name in block.names}


@pytest.fixture
def two_classes(tiny_imagenet: Path, tmp_path: Path) -> Path:
    """Two real classes of 60 pictures in class folders, with nothing said about a split."""
    for place in sorted((tiny_imagenet / "train").iterdir())[:2]:
        (tmp_path / "pictures" / place.name).mkdir(parents=True)
        for file in sorted(place.iterdir())[:60]:
            shutil.copy(file, tmp_path / "pictures" / place.name)
    return tmp_path / "pictures"


def test_train_and_val_folders_are_the_two_splits(tiny_imagenet: Path) -> None:
    pictures = folder(data_root=tiny_imagenet)
    assert pictures.outputs == tuple(sorted(place.name for place in (tiny_imagenet / "train").iterdir()))
    assert len(pictures.outputs) == 20
    for side, blocks, count in (("train", pictures.train, 100), ("val", pictures.test, 50)):
        assert {len(block) for block in blocks.values()} == {count}
        assert files_of(blocks) == {
            f"{file.parent.name}/{file.name}" for file in (tiny_imagenet / side).rglob("*.JPEG")
        }


def test_picture_is_what_pillow_reads_under_its_name(tiny_imagenet: Path) -> None:
    block = folder(data_root=tiny_imagenet).test["n02123045"]
    with Image.open(block.names[7]) as image:
        expected = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    assert np.array_equal(block.picture(7), expected)
    assert block.picture(7).shape == (3, 64, 64)


def test_test_folder_is_preferred_to_val(two_classes: Path, tmp_path: Path) -> None:
    for name, number in (("train", 60), ("val", 40), ("test", 30)):
        for place in two_classes.iterdir():
            (tmp_path / "root" / name / place.name).mkdir(parents=True)
            for file in sorted(place.iterdir())[:number]:
                shutil.copy(file, tmp_path / "root" / name / place.name)
    assert {len(block) for block in folder(data_root=tmp_path / "root").test.values()} == {30}


def test_zip_gives_the_very_same_blocks(tiny_imagenet: Path, tiny_imagenet_zip: Path) -> None:
    zipped, unzipped = folder(data_root=tiny_imagenet_zip), folder(data_root=tiny_imagenet)
    assert len(zipped.outputs) == 100
    assert zipped.outputs[::5] == unzipped.outputs
    for name in unzipped.outputs[::4]:
        assert zipped.train[name].digest == unzipped.train[name].digest
        assert zipped.test[name].digest == unzipped.test[name].digest


def test_zip_of_one_folder_that_holds_it_all_is_split_alike(two_classes: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "wrapped.zip", "w") as archive:
        for file in two_classes.rglob("*.JPEG"):
            archive.write(file, Path("mine", file.relative_to(two_classes)))
    wrapped, plain = folder(data_root=tmp_path / "wrapped.zip"), folder(data_root=two_classes)
    assert wrapped.outputs == plain.outputs
    assert files_of(wrapped.test) == files_of(plain.test)


def test_single_folder_is_split_without_overlap_or_loss(tiny_imagenet: Path) -> None:
    pictures = folder(data_root=tiny_imagenet / "train")
    train, test = files_of(pictures.train), files_of(pictures.test)
    assert not train & test
    assert len(train | test) == 20 * 100


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_single_folder_holds_out_about_the_wanted_share(tiny_imagenet: Path, share: float) -> None:
    test = files_of(folder(data_root=tiny_imagenet / "train", test_share=share).test)
    assert len(test) / 2000 == pytest.approx(share, abs=3 * np.sqrt(share * (1 - share) / 2000))


def test_added_pictures_move_none_to_the_other_side(two_classes: Path, tiny_imagenet: Path) -> None:
    before = folder(data_root=two_classes)
    for place in two_classes.iterdir():
        shutil.copytree(tiny_imagenet / "train" / place.name, place, dirs_exist_ok=True)
    after = folder(data_root=two_classes)
    assert files_of(before.train) < files_of(after.train)
    assert files_of(before.test) < files_of(after.test)
    assert len(files_of(after.train) | files_of(after.test)) == 200


def test_split_follows_its_seed_alone(two_classes: Path) -> None:
    first, again, other = (files_of(folder(data_root=two_classes, split_seed=s).test) for s in (0, 0, 1))
    assert first == again
    assert first != other


def test_larger_share_only_adds_to_the_held_out(two_classes: Path) -> None:
    small, large = (files_of(folder(data_root=two_classes, test_share=s).test) for s in (0.2, 0.4))
    assert small < large


def test_grey_mode_gives_one_channel(two_classes: Path) -> None:
    grey, colour = (folder(data_root=two_classes, mode=mode) for mode in ("L", "RGB"))
    name = grey.outputs[0]
    with Image.open(grey.train[name].names[0]) as image:
        assert np.array_equal(grey.train[name].picture(0)[0], np.asarray(image.convert("L")))
    assert grey.train[name].picture(0).shape == (1, 64, 64)
    assert grey.train[name].digest != colour.train[name].digest


def test_pictures_may_differ_in_size_and_format(two_classes: Path) -> None:
    place = sorted(two_classes.iterdir())[0]
    for file in sorted(place.iterdir())[:20]:
        with Image.open(file) as image:
            image.resize((40, 30)).save(file.with_suffix(".PNG"))
            image.resize((20, 50)).convert("L").save(file.with_suffix(".bmp"))
    (place / "notes.txt").write_text("no picture")
    block = folder(data_root=two_classes).train[place.name]
    shapes = {Path(name).suffix: tuple(block.picture(i).shape) for i, name in enumerate(block.names)}
    assert shapes == {".JPEG": (3, 64, 64), ".PNG": (3, 30, 40), ".bmp": (3, 50, 20)}


def test_intact_pictures_pass_the_check(two_classes: Path) -> None:
    block = next(iter(folder(data_root=two_classes).train.values()))
    assert [block.check(i) for i in range(len(block))] == [None] * len(block)


def test_classes_may_lie_two_folders_deep(shared_data: Path) -> None:
    omniglot = folder(data_root=shared_data / "omniglot_small1.zip", mode="L", test_share=0.3, depth=2)
    assert len(omniglot.outputs) == 136
    assert omniglot.outputs[0] == "Balinese/character01"
    assert {len(omniglot.train[name]) + len(omniglot.test[name]) for name in omniglot.outputs} == {20}
    assert omniglot.train["Greek/character03"].picture(0).shape == (1, 105, 105)


def test_pictures_that_lie_less_deep_than_a_class_are_none(two_classes: Path) -> None:
    with pytest.raises(CallError, match="holds no pictures"):
        folder(data_root=two_classes, depth=3)
