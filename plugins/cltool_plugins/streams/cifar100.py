"""CIFAR-100 in the files its owners ship."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Annotated, Any
from urllib.error import URLError

import numpy as np
from pydantic import Field

from cltool import CallError, PictureSet, stream
from cltool.pictures import RawPixels
from cltool_plugins.streams.arrays import blocks_of_arrays
from cltool_plugins.streams.downloads import data_folder, offline, quietly

LICENCE = "its owners state none; pictures collected from the web, used for research"


@stream(source="Krizhevsky 2009", tasks=10, classes_per_task=10, backbone="resnet18")
def cifar100(
    data_root: Path | None,
    *,
    verify: Annotated[bool, Field(description="refuse files whose checksums are not the owner's")] = True,
) -> PictureSet:
    """CIFAR-100: 100 classes of 500 + 100 colour pictures of 32×32; downloaded once (169 MB).

    `data_root` holds `cifar-100-python/{train,test,meta}`. Raises CallError: offline with nothing there,
    files with foreign checksums unless `verify=false`, files that are no CIFAR-100.
    """
    from torchvision.datasets import CIFAR100
    from torchvision.datasets.utils import check_integrity, download_and_extract_archive

    root = data_folder("cifar100", data_root)
    files = dict((*CIFAR100.train_list, *CIFAR100.test_list))
    files[CIFAR100.meta["filename"]] = CIFAR100.meta["md5"]
    folder = root if (root / "train").is_file() else root / CIFAR100.base_folder
    if not any((folder / name).exists() for name in files):
        try:
            with quietly():
                download_and_extract_archive(CIFAR100.url, str(root), md5=CIFAR100.tgz_md5)
        except (URLError, OSError, RuntimeError) as error:
            raise offline(error, CIFAR100.url, f"{CIFAR100.base_folder}/{{train,test,meta}}", root) from None
    for name, md5 in files.items():
        if not (folder / name).is_file():
            raise CallError(
                f"{folder} lacks {name!r}; CIFAR-100 is train, test and meta together: put it there, "
                "or remove the others to download them all"
            )
        if verify and not check_integrity(str(folder / name), md5):
            raise CallError(
                f"{folder / name} has not the checksum of CIFAR-100's own file; a repackaged copy is "
                "accepted with --stream cifar100:verify=false"
            )
    names = tuple(_read(folder / "meta", "fine_label_names")[0])
    decode = RawPixels(3, 32, 32)
    parts = {}
    for split in ("train", "test"):
        pixels, labels = _read(folder / split, "data", "fine_labels")
        if np.shape(pixels) != (len(labels), 3 * 32 * 32):
            raise CallError(f"{folder / split} is no file of CIFAR-100: its pictures are not of 3×32×32")
        pixels = np.asarray(pixels, dtype=np.uint8)
        parts[split] = blocks_of_arrays(names, split, pixels, np.asarray(labels), decode)
    note = "" if verify else "files not verified to be CIFAR-100's own"
    return PictureSet(names, parts["train"], parts["test"], note=note, licence=LICENCE)


class _DataOnly(pickle.Unpickler):
    """Unpickles numpy arrays and plain values, and refuses everything that could run code."""

    allowed = frozenset(
        {
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
            ("_codecs", "encode"),
        }
    )

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.allowed:
            raise pickle.UnpicklingError(f"it wants to load {module}.{name}")
        return super().find_class(module, name)


def _read(path: Path, *keys: str) -> list[Any]:
    try:
        with path.open("rb") as file:
            content = _DataOnly(file, encoding="latin1").load()
        return [content[key] for key in keys]
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise CallError(
            f"{path} is no file of CIFAR-100: {error}; put its own there, or remove the folder to download it"
        ) from None
