from __future__ import annotations

import hashlib
import pickle
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torchvision.datasets import CIFAR100

from cltool import CallError, PictureSet
from cltool_plugins.streams.cifar100 import cifar100

ARCHIVE = "cifar-100-python.tar.gz"


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def unpickled(path: Path) -> dict[str, Any]:
    return pickle.loads(path.read_bytes())


def counts(pictures: PictureSet) -> tuple[set[int], set[int]]:
    """How many pictures the classes have, in training and in test."""
    return {len(b) for b in pictures.train.values()}, {len(b) for b in pictures.test.values()}


@pytest.fixture
def owners_site(cifar100_format: Path, site_folder: Path, site_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The archive on a web site of our own, which torchvision takes for CIFAR-100's owner's."""
    archive, files = site_folder / ARCHIVE, cifar100_format / "cifar-100-python"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(files, files.name)
    monkeypatch.setattr(CIFAR100, "url", f"{site_url}/{ARCHIVE}")
    monkeypatch.setattr(CIFAR100, "tgz_md5", md5(archive))
    monkeypatch.setattr(CIFAR100, "train_list", [["train", md5(files / "train")]])
    monkeypatch.setattr(CIFAR100, "test_list", [["test", md5(files / "test")]])
    monkeypatch.setattr(CIFAR100, "meta", {**CIFAR100.meta, "md5": md5(files / "meta")})
    return archive


def test_every_class_has_the_pixels_of_its_label(cifar100_format: Path) -> None:
    pictures = cifar100(cifar100_format, verify=False)
    files = cifar100_format / "cifar-100-python"
    assert list(pictures.outputs) == unpickled(files / "meta")["fine_label_names"]
    assert counts(pictures) == ({3}, {2})
    for split, blocks in (("train", pictures.train), ("test", pictures.test)):
        content = unpickled(files / split)
        for label, name in enumerate(pictures.outputs):
            own = content["data"][np.array(content["fine_labels"]) == label].reshape(-1, 3, 32, 32)
            assert np.array_equal([blocks[name].picture(i) for i in range(len(blocks[name]))], own)


@pytest.mark.slow
def test_whole_set_has_all_its_pictures(whole_cifar100_format: Path) -> None:
    pictures = cifar100(whole_cifar100_format, verify=False)
    assert len(pictures.outputs) == 100
    assert counts(pictures) == ({100}, {50})
    last = pictures.outputs[-1]
    content = unpickled(whole_cifar100_format / "cifar-100-python" / "train")
    at = np.flatnonzero(np.array(content["fine_labels"]) == 99)[-1]
    assert np.array_equal(pictures.train[last].picture(99).flatten(), content["data"][at])


def test_folder_of_the_files_themselves_is_taken_too(cifar100_format: Path) -> None:
    inner = cifar100(cifar100_format / "cifar-100-python", verify=False)
    outer = cifar100(cifar100_format, verify=False)
    assert [b.digest for b in inner.train.values()] == [b.digest for b in outer.train.values()]


def test_files_pickled_by_an_old_numpy_are_read(cifar100_format: Path, tmp_path: Path) -> None:
    shutil.copytree(cifar100_format / "cifar-100-python", tmp_path / "old")
    for name in ("train", "test"):  # CIFAR-100's own files name numpy.core, numpy 2 writes numpy._core
        content = (tmp_path / "old" / name).read_bytes()
        assert b"cnumpy._core.multiarray\n" in content
        old = content.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")
        (tmp_path / "old" / name).write_bytes(old)
    assert counts(cifar100(tmp_path / "old", verify=False)) == ({3}, {2})


def test_results_will_say_that_files_were_not_verified(cifar100_format: Path, owners_site: Path) -> None:
    assert "not verified" in cifar100(cifar100_format, verify=False).note
    assert cifar100(cifar100_format, verify=True).note == ""


@pytest.mark.usefixtures("owners_site")
def test_download_goes_to_the_cache_once(asked: list[str], cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert counts(cifar100(None)) == ({3}, {2})
    assert set(asked) == {f"/{ARCHIVE}"}
    assert (cache / "data" / "cifar100" / "cifar-100-python" / "train").is_file()
    before = len(asked)
    assert counts(cifar100(None)) == ({3}, {2})
    assert len(asked) == before
    assert capsys.readouterr().out == ""  # standard output is for results


@pytest.mark.usefixtures("owners_site")
def test_download_goes_to_the_data_root_where_one_is_given(tmp_path: Path, cache: Path) -> None:
    assert counts(cifar100(tmp_path / "mine")) == ({3}, {2})
    assert (tmp_path / "mine" / "cifar-100-python" / "meta").is_file()
    assert not cache.exists()


@pytest.mark.usefixtures("asked")
def test_damaged_download_is_refused_and_fetched_anew(owners_site: Path) -> None:
    sound = owners_site.read_bytes()
    owners_site.write_bytes(sound[:-1000])
    with pytest.raises(CallError, match="corrupted"):
        cifar100(None)
    owners_site.write_bytes(sound)
    assert counts(cifar100(None)) == ({3}, {2})
