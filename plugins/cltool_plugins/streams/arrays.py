"""Data sets that come as one array of pixels: cut into blocks by class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cltool.pictures import Block, RawPixels, Split


def blocks_of_arrays(
    names: Sequence[str], split: Split, pixels: NDArray[np.uint8], labels: NDArray[Any], decode: RawPixels
) -> dict[str, Block]:
    """Blocks of pixels [n, C, H, W] (or as `decode` wants them) by labels [n], which index `names`.

    >>> pixels = np.zeros((2, 1, 3, 3), np.uint8)
    >>> made = blocks_of_arrays(["a"], "train", pixels, np.zeros(2), RawPixels(1, 3, 3))
    >>> len(made["a"]), made["a"].picture(1).shape
    (2, torch.Size([1, 3, 3]))
    """

    def block(label: int, name: str) -> Block:
        at = np.flatnonzero(np.asarray(labels) == label)
        called = [f"{split} picture {i} ({name})" for i in at]
        return Block(name, split, called, lambda i: pixels[at[i]].tobytes(), decode)

    return {name: block(label, name) for label, name in enumerate(names)}
