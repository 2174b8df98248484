"""Rivals that keep no sample, but hold weights or scores where they were."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field
from torch import Generator

from cltool import TaskStream, strategy
from cltool.backbones import Backbone
from cltool.learner import Features
from cltool_plugins.strategies.avalanche import mended
from cltool_plugins.strategies.avalanche.learning import Learned, learn
from cltool_plugins.strategies.avalanche.options import Batch, Decay, Epochs, Momentum, Rate, Train, Training
from cltool_plugins.strategies.avalanche.parts import Given, Method, Parts

Strength = Annotated[float, Field(ge=0, description="weight of the penalty in the loss")]


@strategy(
    name="avalanche:ewc",
    source="Kirkpatrick et al. 2017, elastic weight consolidation, arXiv:1612.00796",
    example={"epochs": 2, "strength": 1, "learning_rate": 0.01},
)
def ewc(
    stream: TaskStream,
    features: Features,
    backbone: Backbone,
    device: str,
    rng: Generator,
    *,
    train: Train = "head",
    strength: Strength = 1000.0,
    epochs: Epochs = 10,
    batch: Batch = 32,
    learning_rate: Rate = 0.003,
    momentum: Momentum = 0.9,
    decay: Decay = 0.0,
) -> Iterator[Learned]:
    """Hold each weight where earlier tasks left it, as firmly as it mattered to them.

    Loss + `strength` · Σ_t Σ_i F_t,i (θ_i − θ_t,i)², F the squared gradient, a mean over mini-batches of the task.
    Keeps weights and importances of every task: 8 bytes for each weight and task.
    """

    def build(parts: Parts) -> Any:
        from avalanche.training import EWC

        return EWC(ewc_lambda=strength, mode="separate", **parts.settings(parts.growing()))

    training = Training(train, epochs, batch, learning_rate, momentum, decay)
    return learn(Given(stream, features, backbone, device, rng), training, Method("avalanche:ewc", build))


@strategy(
    name="avalanche:si",
    source="Zenke et al. 2017, synaptic intelligence, arXiv:1703.04200; Maltoni & Lomonaco 2019, arXiv:1806.08568",
    example={"epochs": 2, "learning_rate": 0.01},
)
def si(
    stream: TaskStream,
    features: Features,
    backbone: Backbone,
    device: str,
    rng: Generator,
    *,
    train: Train = "head",
    strength: Strength = 1000.0,
    epochs: Epochs = 10,
    batch: Batch = 32,
    learning_rate: Rate = 0.003,
    momentum: Momentum = 0.9,
    decay: Decay = 0.0,
) -> Iterator[Learned]:
    """Hold each weight as firmly as its way through training lowered the loss.

    Loss + `strength` / 2 · Σ_i Ω_i (θ_i − θ*_i)², Ω_i the loss that weight i's steps lowered over its squared way, from
    0 to 0.001. Keeps seven numbers for each weight.
    """

    def build(parts: Parts) -> Any:
        return mended.synaptic_intelligence(si_lambda=strength, **parts.settings(parts.growing()))

    training = Training(train, epochs, batch, learning_rate, momentum, decay)
    return learn(Given(stream, features, backbone, device, rng), training, Method("avalanche:si", build))


@strategy(
    name="avalanche:lwf",
    source="Li & Hoiem 2016, learning without forgetting, arXiv:1606.09282",
    example={"epochs": 2, "learning_rate": 0.01},
)
def lwf(
    stream: TaskStream,
    features: Features,
    backbone: Backbone,
    device: str,
    rng: Generator,
    *,
    train: Train = "head",
    strength: Strength = 10.0,
    temperature: Annotated[float, Field(gt=0, description="of the softmax of old and new scores")] = 2.0,
    epochs: Epochs = 10,
    batch: Batch = 32,
    learning_rate: Rate = 0.001,
    momentum: Momentum = 0.9,
    decay: Decay = 0.0,
) -> Iterator[Learned]:
    """Hold the old classes' scores of the new pictures where the last model has them.

    Loss + `strength` · KL(softmax(old / T) ‖ softmax(new / T)) over the classes of earlier tasks. Keeps the last model.
    """

    def build(parts: Parts) -> Any:
        from avalanche.training import LwF

        return LwF(alpha=strength, temperature=temperature, **parts.settings(parts.growing()))

    training = Training(train, epochs, batch, learning_rate, momentum, decay)
    return learn(Given(stream, features, backbone, device, rng), training, Method("avalanche:lwf", build))


@strategy(
    name="avalanche:mas",
    source="Aljundi et al. 2018, memory aware synapses, arXiv:1711.09601",
    example={"epochs": 2, "learning_rate": 0.01},
)
def mas(
    stream: TaskStream,
    features: Features,
    backbone: Backbone,
    device: str,
    rng: Generator,
    *,
    train: Train = "head",
    strength: Strength = 1.0,
    old: Annotated[float, Field(ge=0, le=1, description="share of the earlier importance in the new one")] = 0.5,
    epochs: Epochs = 10,
    batch: Batch = 32,
    learning_rate: Rate = 0.001,
    momentum: Momentum = 0.9,
    decay: Decay = 0.0,
) -> Iterator[Learned]:
    """Hold each weight as firmly as the scores move with it.

    Loss + `strength` · Σ_i Ω_i (θ_i − θ*_i)², Ω_i the mean size of the gradient of ‖scores‖² by weight i. Keeps the
    last weights and one importance for each.
    """

    def build(parts: Parts) -> Any:
        from avalanche.training import Naive

        return Naive(plugins=[mended.mas(lambda_reg=strength, alpha=old)], **parts.settings(parts.growing()))

    training = Training(train, epochs, batch, learning_rate, momentum, decay)
    return learn(Given(stream, features, backbone, device, rng), training, Method("avalanche:mas", build))
