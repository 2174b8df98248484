from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import load_digits

from cltool_plugins.streams.digits import digits


def test_ten_digits_with_every_fifth_picture_held_out() -> None:
    pictures, data = digits(), load_digits()
    assert pictures.outputs == tuple("0123456789")
    for label, name in enumerate(pictures.outputs):
        own = np.round(data.images[data.target == label] * 255 / 16).astype(np.uint8)
        train = [pictures.train[name].picture(i)[0].numpy() for i in range(len(pictures.train[name]))]
        test = [pictures.test[name].picture(i)[0].numpy() for i in range(len(pictures.test[name]))]
        assert np.array_equal(test, own[4::5])
        assert np.array_equal(train, np.delete(own, np.s_[4::5], axis=0))


def test_split_follows_no_random_state() -> None:
    np.random.seed(1)
    torch.manual_seed(1)
    first = {name: block.digest for name, block in digits().test.items()}
    np.random.seed(2)
    torch.manual_seed(2)
    assert {name: block.digest for name, block in digits().test.items()} == first


def test_pixels_use_the_whole_range() -> None:
    pictures = digits()
    seen = torch.cat([block.picture(i) for block in pictures.train.values() for i in range(len(block))])
    assert seen.dtype == torch.uint8
    assert seen.shape == (1442, 8, 8)
    assert sorted(seen.unique().tolist()) == [round(step * 255 / 16) for step in range(17)]
