"""The random projection."""

from __future__ import annotations

import torch

from cltool.tasks import TaskStream
from cltool_plugins.backbones.random import random


def test_it_follows_the_streams_pictures_and_its_own_seed_only(digit_stream: TaskStream) -> None:
    one, same, other = random(digit_stream), random(digit_stream), random(digit_stream, seed=1)
    assert (one.transform.size, one.transform.channels, one.width) == (8, 1, 512)
    assert one.fingerprint == same.fingerprint != other.fingerprint


def test_each_feature_is_active_on_some_pictures(digit_stream: TaskStream) -> None:
    block = digit_stream.pictures.train["5"]
    found = random(digit_stream)(block.pictures(range(len(block))))
    assert found.min() == 0
    assert 0.3 < (found > 0).float().mean() < 0.7
    assert torch.isfinite(found).all()
