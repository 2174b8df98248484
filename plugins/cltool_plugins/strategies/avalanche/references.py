"""Between what the rivals move: no care for forgetting at all, and all samples kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Generator

from cltool import TaskStream, strategy
from cltool.backbones import Backbone
from cltool.learner import Features
from cltool_plugins.strategies.avalanche.learning import Learned, learn
from cltool_plugins.strategies.avalanche.options import Batch, Decay, Epochs, Momentum, Rate, Train, Training
from cltool_plugins.strategies.avalanche.parts import Given, Method, Parts


@strategy(
    name="avalanche:naive",
    source="Lomonaco et al. 2021, Avalanche, arXiv:2104.00405",
    example={"epochs": 2, "learning_rate": 0.01},
)
def naive(
    stream: TaskStream,
    features: Features,
    backbone: Backbone,
    device: str,
    rng: Generator,
    *,
    train: Train = "head",
    epochs: Epochs = 10,
    batch: Batch = 32,
    learning_rate: Rate = 0.001,
    momentum: Momentum = 0.9,
    decay: Decay = 0.0,
) -> Iterator[Learned]:
    """Learn task after task with no care for forgetting.

    SGD on the cross-entropy over all classes seen. Keeps nothing.
    """

    def build(parts: Parts) -> Any:
        from avalanche.training import Naive

        return Naive(**parts.settings(parts.growing()))

    training = Training(train, epochs, batch, learning_rate, momentum, decay)
    return learn(Given(stream, features, backbone, device, rng), training, Method("avalanche:naive", build))


@strategy(
    name="avalanche:cumulative",
    source="Lomonaco et al. 2021, Avalanche, arXiv:2104.00405",
    keeps_all=True,
    example={"epochs": 2},
)
def cumulative(
    stream: TaskStream,
    features: Features,
    backbone: Backbone,
    device: str,
    rng: Generator,
    *,
    train: Train = "head",
    epochs: Epochs = 10,
    batch: Batch = 32,
    learning_rate: Rate = 0.01,
    momentum: Momentum = 0.9,
    decay: Decay = 0.0,
) -> Iterator[Learned]:
    """Train on with the samples of all tasks so far.

    One model goes on learning. Keeps every sample.
    """

    def build(parts: Parts) -> Any:
        from avalanche.training import Cumulative

        return Cumulative(**parts.settings(parts.growing()))

    training = Training(train, epochs, batch, learning_rate, momentum, decay)
    return learn(Given(stream, features, backbone, device, rng), training, Method("avalanche:cumulative", build))


@strategy(
    name="avalanche:joint",
    source="Lomonaco et al. 2021, Avalanche, arXiv:2104.00405",
    keeps_all=True,
    example={"epochs": 2},
)
def joint(
    stream: TaskStream,
    features: Features,
    backbone: Backbone,
    device: str,
    rng: Generator,
    *,
    train: Train = "head",
    epochs: Epochs = 10,
    batch: Batch = 32,
    learning_rate: Rate = 0.01,
    momentum: Momentum = 0.9,
    decay: Decay = 0.0,
) -> Iterator[Learned]:
    """Train a new model on the samples of all tasks so far, after each.

    Keeps every sample.
    """

    def build(parts: Parts) -> Any:
        from avalanche.training import JointTraining

        return JointTraining(**parts.settings(parts.growing()))

    training = Training(train, epochs, batch, learning_rate, momentum, decay)
    method = Method("avalanche:joint", build, anew=True)
    return learn(Given(stream, features, backbone, device, rng), training, method)
