"""EMNIST in the files its owners ship."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from cltool import CallError, PictureSet, stream
from cltool.pictures import RawPixels, Split
from cltool_plugins.streams.arrays import blocks_of_arrays
from cltool_plugins.streams.downloads import data_folder, offline, quietly

EmnistSplit = Literal["letters", "byclass", "bymerge", "balanced", "digits", "mnist"]

LICENCE = (
    "derived from NIST Special Database 19, taken to be in the public domain as a work of the US government; EMNIST's "
    "owners state no licence of their own"
)


@stream(source="Cohen et al. 2017", tasks=5, classes_per_task=5, backbone="universal:on=glyphs")
def emnist(
    data_root: Path | None,
    *,
    split: Annotated[EmnistSplit, Field(description="which of EMNIST's six splits")] = "letters",
) -> PictureSet:
    """EMNIST: handwritten characters, 28×28 grey; downloaded once (562 MB). Letters by default.

    `data_root` holds `EMNIST/raw/emnist-SPLIT-{train,test}-{images-idx3,labels-idx1}-ubyte`. The files keep
    their pictures transposed; here they stand upright. Raises CallError: offline with nothing there, a
    damaged file.
    """
    from torchvision.datasets import EMNIST

    root = data_folder("emnist", data_root)
    sides: dict[Split, EMNIST] = {}
    part: Split
    for part in ("train", "test"):
        here = _there(root, split, part)
        try:
            with quietly():
                side = EMNIST(str(root), split=split, train=part == "train", download=not here)
            if side.data.shape != (len(side.targets), 28, 28) or side.targets.max() >= len(side.classes):
                raise ValueError("pictures and labels do not fit together")
        except (OSError, RuntimeError, ValueError, AssertionError, TypeError, KeyError) as error:
            if not here and isinstance(error, OSError | RuntimeError):
                layout = f"EMNIST/raw/emnist-{split}-{{train,test}}-{{images-idx3,labels-idx1}}-ubyte"
                raise offline(error, EMNIST.url, layout, root) from None
            raise CallError(
                f"{root / 'EMNIST' / 'raw'}: emnist-{split}-{part}-… is damaged "
                f"({error if str(error) else 'its length is not what it says'}); "
                "replace its two files, or remove them to download them anew"
            ) from None
        sides[part] = side
    labels = np.unique(sides["train"].targets.numpy())  # letters count from 1
    names = tuple(sides["train"].classes[label] for label in labels)
    decode = RawPixels(1, 28, 28, transposed=True)
    train, test = (
        blocks_of_arrays(names, part, side.data.numpy(), np.searchsorted(labels, side.targets.numpy()), decode)
        for part, side in sides.items()
    )
    return PictureSet(names, train, test, licence=LICENCE)


def _there(root: Path, split: str, part: str) -> bool:
    stem = root / "EMNIST" / "raw" / f"emnist-{split}-{part}"
    return all(stem.with_name(f"{stem.name}-{kind}-ubyte").is_file() for kind in ("images-idx3", "labels-idx1"))
