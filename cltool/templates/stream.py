"""The first of scikit-learn's handwritten digits."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field
from sklearn.datasets import load_digits

from cltool import Block, PictureSet, stream
from cltool.pictures import RawPixels, Split


# How the classes are cut into tasks, and which backbone sees them, where a run does not say.
@stream(source="where the pictures come from", classes_per_task=2, backbone="random")
def mine(
    *,
    classes: Annotated[int, Field(ge=1, le=10, description="how many, from 0 on")] = 6,
) -> PictureSet:
    """Handwritten digits from 0 on, 8×8 grey; every fifth picture of a class is a test picture.

    >>> pictures = mine(classes=2)
    >>> pictures.outputs, len(pictures.train["0"]), len(pictures.test["0"])
    (('0', '1'), 142, 36)
    >>> pictures.test["1"].picture(0).shape
    torch.Size([1, 8, 8])
    """
    data = load_digits()
    pixels = (data.images * 255 / 16).astype(np.uint8)

    def block(name: str, split: Split) -> Block:
        at = np.flatnonzero(data.target == int(name))
        at = at[::5] if split == "test" else np.delete(at, np.s_[::5])
        called = [f"digit {i}" for i in at]  # what a message calls a picture that cannot be read
        return Block(name, split, called, lambda i: pixels[at[i]].tobytes(), RawPixels(1, 8, 8))

    outputs = tuple(str(number) for number in range(classes))
    train, test = ({name: block(name, split) for name in outputs} for split in ("train", "test"))
    return PictureSet(outputs, train, test)
