"""What rivals learn from: both trainings start from the same features."""

from __future__ import annotations

import pytest
import torch

from cltool import TaskStream
from cltool.backbones import Backbone
from cltool.learner import Features
from cltool_plugins.strategies.avalanche.samples import FrozenFeatures, Pictures


def test_a_whole_network_starts_from_the_standardised_features(
    digit_stream: TaskStream, features: Features, backbone: Backbone
) -> None:
    first, later = (digit_stream.test(group) for group in digit_stream.groups[:2])
    frozen, pictures = FrozenFeatures(features, backbone.width), Pictures(backbone, features)
    frozen(first), pictures(first)  # which decides the moments
    network = pictures.extractor()
    for blocks in (first, later):
        assert torch.allclose(network(pictures(blocks)), frozen(blocks), atol=1e-4)
    assert network(pictures(first)).mean().item() == pytest.approx(0, abs=1e-4)
    assert all(weight.requires_grad for weight in network.parameters())
