"""scikit-learn's handwritten digits: 1,797 pictures of 8×8, in the package itself."""

from __future__ import annotations

import numpy as np

from cltool import PictureSet, stream
from cltool.pictures import RawPixels
from cltool_plugins.streams.arrays import blocks_of_arrays

LICENCE = "CC BY 4.0 (UCI Machine Learning Repository)"


@stream(
    source="E. Alpaydin and C. Kaynak, UCI, 1998, through scikit-learn",
    tasks=5,
    classes_per_task=2,
    backbone="universal:on=glyphs",
)
def digits() -> PictureSet:
    """Handwritten digits 0 to 9, 8×8 grey; comes with scikit-learn, needs no download.

    Every fifth picture of a class, in the file's order, is a test picture.

    >>> pictures = digits()
    >>> len(pictures.outputs), sum(map(len, pictures.train.values())), sum(map(len, pictures.test.values()))
    (10, 1442, 355)
    """
    from sklearn.datasets import load_digits

    data = load_digits()
    pixels = np.round(data.images * (255 / 16)).astype(np.uint8)[:, None]
    place = np.zeros(len(pixels), dtype=int)  # of each picture within its class
    for label in range(10):
        own = data.target == label
        place[own] = np.arange(own.sum())
    test = place % 5 == 4
    names = tuple(str(n) for n in data.target_names)
    decode = RawPixels(1, 8, 8)
    return PictureSet(
        names,
        blocks_of_arrays(names, "train", pixels[~test], data.target[~test], decode),
        blocks_of_arrays(names, "test", pixels[test], data.target[test], decode),
        licence=LICENCE,
    )
