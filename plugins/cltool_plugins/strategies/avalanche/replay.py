"""Rivals that keep a buffer of earlier samples, its size stated in samples."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field
from torch import Generator

from cltool import CallError, TaskStream, strategy
from cltool.backbones import Backbone
from cltool.learner import Features
from cltool_plugins.strategies.avalanche import mended
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
    name="avalanche:replay",
    source="Chaudhry et al. 2019, on tiny episodic memories, arXiv:1902.10486",
    example={"epochs": 2, "memory": 20},
)
def replay(
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
    learning_rate: Rate = 0.01,
    momentum: Momentum = 0.9,
    decay: Decay = 0.0,
) -> Iterator[Learned]:
    """Mix kept samples of earlier tasks into every step.

    A buffer of `memory` samples, as many of every task, drawn by lot. Keeps those.
    """
    given = Given(stream, features, backbone, device, rng)
    size = given.memory("avalanche:replay", memory)

    def build(parts: Parts) -> Any:
        from avalanche.training import Naive
        from avalanche.training.plugins import ReplayPlugin

        plugin = ReplayPlugin(mem_size=size, batch_size=batch, batch_size_mem=memory_batch or batch)
        return Naive(plugins=[plugin], **parts.settings(parts.growing()))

    training = Training(train, epochs, batch, learning_rate, momentum, decay)
    return learn(given, training, Method("avalanche:replay", build))


@strategy(
    name="avalanche:gdumb",
    source="Prabhu et al. 2020, GDumb, ECCV",
    example={"epochs": 20, "memory": 40},
)
def gdumb(
    stream: TaskStream,
    features: Features,
    backbone: Backbone,
    device: str,
    rng: Generator,
    *,
    train: Train = "head",
    memory: Memory = None,
    epochs: Epochs = 30,
    batch: Batch = 32,
    learning_rate: Rate = 0.01,
    momentum: Momentum = 0.9,
    decay: Decay = 0.0,
) -> Iterator[Learned]:
    """Train a new model on the buffer alone.

    A buffer of `memory` samples, as many of every class, drawn by lot from the task and what was kept; a new model
    learns on it for `epochs` passes. Keeps the buffer and the weights every model starts from.
    """
    given = Given(stream, features, backbone, device, rng)
    size = given.memory("avalanche:gdumb", memory)

    def build(parts: Parts) -> Any:
        from avalanche.training import GDumb

        return GDumb(mem_size=size, **parts.settings(parts.growing()))

    training = Training(train, epochs, batch, learning_rate, momentum, decay)
    return learn(given, training, Method("avalanche:gdumb", build))


@strategy(
    name="avalanche:der",
    source="Buzzega et al. 2020, dark experience for general continual learning, arXiv:2004.07211",
    example={"epochs": 4, "batch": 4, "memory": 20},
)
def der(
    stream: TaskStream,
    features: Features,
    backbone: Backbone,
    device: str,
    rng: Generator,
    *,
    train: Train = "head",
    memory: Memory = None,
    memory_batch: MemoryBatch = None,
    alpha: Annotated[float, Field(ge=0, description="weight of the kept scores")] = 0.1,
    beta: Annotated[float, Field(ge=0, description="weight of the kept labels")] = 0.5,
    epochs: Epochs = 10,
    batch: Batch = 32,
    learning_rate: Rate = 0.01,
    momentum: Momentum = 0.9,
    decay: Decay = 0.0,
) -> Iterator[Learned]:
    """Keep samples with the scores they had, and hold those scores.

    Loss + `alpha` · ‖scores − kept scores‖² / C + `beta` · cross-entropy on kept samples (DER++; DER without the last).
    Keeps `memory` samples, as many of every class, and C scores of each.
    """
    given = Given(stream, features, backbone, device, rng)
    size = given.memory("avalanche:der", memory)

    def build(parts: Parts) -> Any:
        from avalanche.training import DER

        # rows for all classes from the start: kept scores must be as many as later ones
        return DER(
            mem_size=size,
            batch_size_mem=min(memory_batch or batch, size),
            alpha=alpha,
            beta=beta,
            **parts.settings(parts.fixed()),
        )

    training = Training(train, epochs, batch, learning_rate, momentum, decay)
    return learn(given, training, Method("avalanche:der", build))


@strategy(
    name="avalanche:er-ace",
    source="Caccia et al. 2022, new insights on reducing abrupt representation change, arXiv:2104.05025",
    example={"epochs": 4, "batch": 4, "memory": 20},
)
def er_ace(
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
    learning_rate: Rate = 0.01,
    momentum: Momentum = 0.9,
    decay: Decay = 0.0,
) -> Iterator[Learned]:
    """Replay, the new classes competing only among themselves in the new samples' loss.

    Half the cross-entropy of the task's samples over the classes in the step, half that of kept ones over all. Keeps
    `memory` samples, as many of every class; the task's own are among them while it lasts.
    """
    given = Given(stream, features, backbone, device, rng)
    size = given.memory("avalanche:er-ace", memory)

    def build(parts: Parts) -> Any:
        from avalanche.training import ER_ACE

        rows = min(memory_batch or batch, size)
        return ER_ACE(mem_size=size, batch_size_mem=rows, **parts.settings(parts.growing()))

    training = Training(train, epochs, batch, learning_rate, momentum, decay)
    return learn(given, training, Method("avalanche:er-ace", build))


@strategy(
    name="avalanche:bic",
    source="Wu et al. 2019, large scale incremental learning, arXiv:1905.13260",
    example={"epochs": 4, "memory": 60, "correction_epochs": 20},
)
def bic(
    stream: TaskStream,
    features: Features,
    backbone: Backbone,
    device: str,
    rng: Generator,
    *,
    train: Train = "head",
    memory: Memory = None,
    memory_batch: MemoryBatch = None,
    held_back: Annotated[float, Field(gt=0, lt=1, description="samples for the correction, per one replayed")] = 0.1,
    correction_epochs: Annotated[int, Field(ge=1, description="passes over those")] = 200,
    correction_rate: Annotated[float, Field(gt=0, description="learning rate of the correction")] = 0.1,
    epochs: Epochs = 10,
    batch: Batch = 32,
    learning_rate: Rate = 0.01,
    momentum: Momentum = 0.9,
    decay: Decay = 0.0,
) -> Iterator[Learned]:
    """Replay and distillation, then a scale and a shift for the newest classes, fitted on samples held back.

    The old model's scores are turned into shares over the samples of a step, as Avalanche has it, rather than over the
    classes, as the paper. Keeps `memory` samples, a share of them for the correction, and the last model.
    """
    given = Given(stream, features, backbone, device, rng)
    # Avalanche keeps `size` samples to replay and held_back · size more for the correction, one at least of every class
    size = int(given.memory("avalanche:bic", memory, given.classes, "of every class") / (1 + held_back))
    if int(held_back * size) < given.classes:
        least = math.ceil(given.classes * (1 + 1 / held_back)) + 1
        raise CallError(
            f"strategy 'avalanche:bic', memory={memory}: of every class it holds back one sample at least for the "
            f"correction; take memory={least}, or a larger held_back"
        )

    def build(parts: Parts) -> Any:
        from avalanche.training import Naive

        plugin = mended.bic(
            mem_size=size,
            batch_size=batch,
            batch_size_mem=memory_batch or batch,
            val_percentage=held_back,
            stage_2_epochs=correction_epochs,
            lr=correction_rate,
        )
        return Naive(plugins=[plugin], **parts.settings(parts.growing()))

    training = Training(train, epochs, batch, learning_rate, momentum, decay)
    return learn(given, training, Method("avalanche:bic", build))
