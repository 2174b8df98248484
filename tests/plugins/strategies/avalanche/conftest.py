"""What tests of rivals share: digits on a few random features, and a rival run over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from cltool import TaskStream
from cltool.backbones import Backbone
from cltool.catalogue import discover
from cltool.features import FeatureBank
from cltool.learner import Features
from cltool.plugin import Spec
from cltool.progress import Silent
from cltool.seeding import generator

Run = Callable[..., Iterator]


@pytest.fixture
def backbone(digit_stream: TaskStream) -> Backbone:
    """32 random features of the pixels."""
    return discover().configure("backbone", Spec.parse("random:features=32"))(stream=digit_stream)


@pytest.fixture
def features(backbone: Backbone) -> Features:
    bank = FeatureBank(progress=Silent())
    return lambda blocks: bank.features(blocks, backbone)


@pytest.fixture
def run(digit_stream: TaskStream, features: Features, backbone: Backbone) -> Run:
    """Runs a rival, spelled as on the command line, over a stream (the digits); gives its predictors in turn."""

    def start(spelled: str, stream: TaskStream = digit_stream, seed: int = 0) -> Iterator:
        rival = discover().configure("strategy", Spec.parse(spelled))
        given = {"stream": stream, "features": features, "backbone": backbone, "device": "cpu"}
        return rival(**given, rng=generator(seed, "rival"))

    return start
