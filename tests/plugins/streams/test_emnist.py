from __future__ import annotations

import gzip
import hashlib
import shutil
import string
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from torchvision.datasets import EMNIST

from cltool import PictureSet
from cltool_plugins.streams.emnist import emnist


def raw(root: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pixels [n, 28, 28] and labels [n] as they stand in the files, behind 16 and 8 bytes of header."""
    stem = root / "EMNIST" / "raw" / f"emnist-letters-{part}"
    images = np.fromfile(f"{stem}-images-idx3-ubyte", np.uint8, offset=16).reshape(-1, 28, 28)
    return images, np.fromfile(f"{stem}-labels-idx1-ubyte", np.uint8, offset=8)


def counts(pictures: PictureSet) -> tuple[set[int], set[int]]:
    """How many pictures the classes have, in training and in test."""
    return {len(b) for b in pictures.train.values()}, {len(b) for b in pictures.test.values()}


@pytest.fixture
def owners_site(letters: Path, site_folder: Path, site_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The letters on a web site of our own, packed as EMNIST's owner packs them."""
    archive = site_folder / "gzip.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for file in (letters / "EMNIST" / "raw").iterdir():
            packed.writestr(f"gzip/{file.name}.gz", gzip.compress(file.read_bytes(), compresslevel=1))
    monkeypatch.setattr(EMNIST, "url", f"{site_url}/gzip.zip")
    monkeypatch.setattr(EMNIST, "md5", hashlib.md5(archive.read_bytes()).hexdigest())
    return archive


def test_twenty_six_letters(letters: Path) -> None:
    pictures = emnist(letters)
    assert pictures.outputs == tuple(string.ascii_lowercase)
    assert counts(pictures) == ({480}, {120})


def test_labels_count_from_one_and_pictures_stand_upright(letters: Path) -> None:
    pictures = emnist(letters)
    for part, blocks in (("train", pictures.train), ("test", pictures.test)):
        images, labels = raw(letters, part)
        for label, name in ((1, "a"), (13, "m"), (26, "z")):
            lying = images[labels == label]
            assert not np.array_equal(lying, lying.transpose(0, 2, 1))
            standing = np.stack([blocks[name].picture(i)[0] for i in range(len(blocks[name]))])
            assert np.array_equal(standing, lying.transpose(0, 2, 1))


def test_picture_has_one_channel(letters: Path) -> None:
    assert emnist(letters).test["k"].picture(5).shape == (1, 28, 28)


@pytest.mark.usefixtures("owners_site")
def test_download_goes_to_the_cache_once(asked: list[str], cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert counts(emnist(None)) == ({480}, {120})
    assert set(asked) == {"/gzip.zip"}
    assert (cache / "data" / "emnist" / "EMNIST" / "raw" / "emnist-letters-test-labels-idx1-ubyte").is_file()
    before = len(asked)
    assert counts(emnist(None)) == ({480}, {120})
    assert len(asked) == before
    assert capsys.readouterr().out == ""  # standard output is for results


def test_missing_side_is_downloaded(letters: Path, owners_site: Path, asked: list[str], tmp_path: Path) -> None:
    shutil.copytree(letters / "EMNIST", tmp_path / "mine" / "EMNIST")
    (tmp_path / "mine" / "EMNIST" / "raw" / "emnist-letters-test-labels-idx1-ubyte").unlink()
    assert counts(emnist(tmp_path / "mine")) == ({480}, {120})
    assert asked
