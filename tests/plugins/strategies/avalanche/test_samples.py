"""What rivals learn from: both trainings start from the same features."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cltool import TaskStream
from cltool.backbones import Backbone, PictureTransform
from cltool.learner import Features
from cltool.standardization import Standardization
from cltool_plugins.strategies.avalanche.samples import FrozenFeatures, PictureBody, Pictures


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


def test_a_picture_alone_in_its_batch_can_be_learned_from() -> None:
    body = PictureBody(
        nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4)),
        PictureTransform(2, 1),
        Standardization(torch.zeros(4), torch.ones(4)),
    ).train()
    pictures = torch.arange(8, dtype=torch.uint8).view(2, 1, 2, 2)
    body(pictures[:1]).sum().backward()
    alone = body(pictures[:1])
    assert torch.equal(alone, body.eval()(pictures[:1]))
    assert not torch.allclose(body.train()(pictures)[:1], alone)  # two have moments of their own
