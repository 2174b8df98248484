"""Rivals that keep earlier samples to see where a step would lead on them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Annotated, Any

from pydantic import Field
from torch import Generator, Tensor

from cltool import CallError, TaskStream, strategy
from cltool.backbones import Backbone
from cltool.learner import Features
from cltool_plugins.strategies.avalanche.learning import Learned, learn
from cltool_plugins.strategies.avalanche.options import (
    Batch,
    Decay,
    Epochs,
    Memory,
    MemoryBatch,
    Momentum,
    Rate,
    Train,
    Training,
)
from cltool_plugins.strategies.avalanche.parts import Given, Method, Parts


@strategy(
    name="avalanche:agem",
    source="Chaudhry et al. 2019, averaged gradient episodic memory, arXiv:1812.00420",
    example={"epochs": 2, "memory": 20, "learning_rate": 0.01},
)
def agem(
    stream: TaskStream,
    features: Features,
    backbone: Backbone,
    device: str,
    rng: Generator,
    *,
    train: Train = "head",
    memory: Memory = None,
    memory_batch: MemoryBatch = None,
    epochs: Epochs = 10,
    batch: Batch = 32,
    learning_rate: Rate = 0.001,
    momentum: Momentum = 0.9,
    decay: Decay = 0.0,
) -> Iterator[Learned]:
    """Turn a step that would raise the loss on kept samples until it does not.

    g ← g − (gᵀr / rᵀr) r where gᵀr < 0, r the gradient on `memory_batch` kept samples. Keeps `memory` samples, as many
    of every task, room for later tasks being left free.
    """
    given = Given(stream, features, backbone, device, rng)
    share = given.memory("avalanche:agem", memory, len(stream), "of every task") // len(stream)
    if memory_batch is not None and memory_batch < len(stream):
        raise CallError(
            f"strategy 'avalanche:agem', memory_batch={memory_batch}: a step looks at a sample of every task; "
            f"take {len(stream)} or more"
        )

    def build(parts: Parts) -> Any:
        from avalanche.training import AGEM

        sample = memory_batch or max(batch, len(stream))
        return AGEM(patterns_per_exp=share, sample_size=sample, **parts.settings(parts.growing()))

    training = Training(train, epochs, batch, learning_rate, momentum, decay)
    return learn(given, training, Method("avalanche:agem", build))


@strategy(
    name="avalanche:gem",
    source="Lopez-Paz & Ranzato 2017, gradient episodic memory, arXiv:1706.08840",
    example={"epochs": 2, "memory": 20},
)
def gem(
    stream: TaskStream,
    features: Features,
    backbone: Backbone,
    device: str,
    rng: Generator,
    *,
    train: Train = "head",
    memory: Memory = None,
    margin: Annotated[float, Field(ge=0, description="γ: how much the step leans towards earlier tasks")] = 0.5,
    epochs: Epochs = 10,
    batch: Batch = 32,
    learning_rate: Rate = 0.003,
    momentum: Momentum = 0.9,
    decay: Decay = 0.0,
) -> Iterator[Learned]:
    """Take the step nearest to the task's own that raises the loss on no earlier task's kept samples.

    A quadratic programme over the tasks so far, solved for every step that breaks a constraint. Keeps `memory` samples,
    as many of every task, room for later tasks being left free.
    """
    if find_spec("quadprog") is None:
        raise CallError("strategy 'avalanche:gem' needs quadprog; pip install cltool[avalanche]")
    given = Given(stream, features, backbone, device, rng)
    share = given.memory("avalanche:gem", memory, len(stream), "of every task") // len(stream)

    def build(parts: Parts) -> Any:
        from avalanche.training import GEM

        return GEM(patterns_per_exp=share, memory_strength=margin, **parts.settings(parts.growing()))

    training = Training(train, epochs, batch, learning_rate, momentum, decay)
    return learn(given, training, Method("avalanche:gem", build, copies=_gem_memory))


def _gem_memory(gem: Any) -> list[Tensor]:
    """The tensors that hold GEM's samples, one for each task."""
    return next(list(plugin.memory_x.values()) for plugin in gem.plugins if hasattr(plugin, "memory_x"))
