"""Rivals that remember a class by its mean, its exemplars or its covariance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field
from torch import Generator, Tensor, nn

from cltool import CallError, TaskStream, strategy
from cltool.backbones import Backbone
from cltool.learner import Features
from cltool_plugins.strategies.avalanche.covariances import blockwise_slda, cached_fecam
from cltool_plugins.strategies.avalanche.learning import Learned, learn
from cltool_plugins.strategies.avalanche.options import (
    UNTRAINED,
    Batch,
    Decay,
    Epochs,
    Memory,
    Momentum,
    Rate,
    Train,
    Training,
    only_head,
)
from cltool_plugins.strategies.avalanche.parts import Given, Method, Parts
from cltool_plugins.strategies.avalanche.samples import Network


@strategy(
    name="avalanche:icarl",
    source="Rebuffi et al. 2017, iCaRL, arXiv:1611.07725",
    example={"epochs": 2, "memory": 20},
)
def icarl(
    stream: TaskStream,
    features: Features,
    backbone: Backbone,
    device: str,
    rng: Generator,
    *,
    train: Train = "head",
    memory: Memory = None,
    epochs: Epochs = 10,
    batch: Batch = 32,
    learning_rate: Rate = 0.01,
    momentum: Momentum = 0.9,
    decay: Decay = 0.0,
) -> Iterator[Learned]:
    """Keep exemplars of every class; a picture belongs to the class whose exemplars' mean is nearest.

    Exemplars are herded, m / classes of each; the network learns by binary cross-entropy on the classes that are new
    and the last model's scores of those that are not. Features are scaled to length 1. On frozen features all that is
    trained, and kept as the last model, has no say: the exemplars decide. Keeps at most `memory` samples, the last
    model, and a mean of every class.
    """
    given = Given(stream, features, backbone, device, rng)
    size = given.memory("avalanche:icarl", memory, given.classes, "of every class")

    def build(parts: Parts) -> Any:
        from avalanche.training import ICaRL

        extractor, classifier = parts.samples.extractor(), parts.fixed().classifier
        optimizer = parts.training.optimizer(nn.ModuleList([extractor, classifier]))
        return ICaRL(
            feature_extractor=extractor,
            classifier=classifier,
            optimizer=optimizer,
            memory_size=size,
            buffer_transform=None,
            fixed_memory=True,
            **parts.loop(),
        )

    def before(icarl: Any, number: int) -> None:
        seen = len(stream.seen(number))
        _exemplars(icarl).memory_size = size // seen * seen  # else Avalanche rounds a class's share up

    training = Training(train, epochs, batch, learning_rate, momentum, decay)
    method = Method("avalanche:icarl", build, before, copies=lambda icarl: _exemplars(icarl).x_memory)
    return learn(given, training, method)


def _exemplars(icarl: Any) -> Any:
    """The plugin that keeps iCaRL's exemplars."""
    return next(plugin for plugin in icarl.plugins if hasattr(plugin, "x_memory"))


@strategy(
    name="avalanche:slda",
    source="Hayes & Kanan 2020, deep streaming linear discriminant analysis, arXiv:1909.01520",
)
def slda(
    stream: TaskStream,
    features: Features,
    backbone: Backbone,
    device: str,
    rng: Generator,
    *,
    train: Train = "head",
    shrinkage: Annotated[float, Field(gt=0, le=1, description="ε: share of the identity in the covariance")] = 1e-4,
) -> Iterator[Learned]:
    """Keep a mean of every class and one covariance, updated sample by sample.

    Scores xᵀΛμ_c − ½ μ_cᵀΛμ_c, Λ = ((1 − ε) Σ + ε I)⁻¹. Keeps C means, Σ and Λ: 4 · (C·D + 2·D²) bytes, and C counts.
    The network stays frozen, as in the paper.
    """
    only_head("avalanche:slda", train)

    def build(parts: Parts) -> Any:
        return blockwise_slda(
            slda_model=Network(parts.samples.extractor(), nn.Identity()),
            criterion=nn.CrossEntropyLoss(),
            input_size=parts.samples.width,
            num_classes=parts.classes,
            shrinkage_param=shrinkage,
            **parts.loop(),
        )

    method = Method("avalanche:slda", build, weights=lambda classes, width: classes * (width + 1))
    return learn(Given(stream, features, backbone, device, rng), UNTRAINED, method)


@strategy(
    name="avalanche:ncm",
    source="Mensink et al. 2013, distance-based image classification; Rebuffi et al. 2017, iCaRL, arXiv:1611.07725",
    example={"epochs": 2},
)
def ncm(
    stream: TaskStream,
    features: Features,
    backbone: Backbone,
    device: str,
    rng: Generator,
    *,
    train: Train = "head",
    normalize: Annotated[bool, Field(description="scale features and means to length 1")] = True,
    epochs: Epochs = 10,
    batch: Batch = 32,
    learning_rate: Rate = 0.01,
    momentum: Momentum = 0.9,
    decay: Decay = 0.0,
) -> Iterator[Learned]:
    """Keep a mean of every class; a picture belongs to the class whose mean is nearest.

    Scores −‖x − μ_c‖. With train=all the network learns by cross-entropy meanwhile, and old means stay where they were.
    Keeps C means.
    """

    def build(parts: Parts) -> Any:
        from avalanche.models import NCMClassifier, TrainEvalModel
        from avalanche.training import Naive
        from avalanche.training.plugins.update_ncm import CurrentDataNCMUpdate

        model = TrainEvalModel(parts.samples.extractor(), parts.growing_classifier(), NCMClassifier(normalize))
        return Naive(plugins=[CurrentDataNCMUpdate()], **parts.settings(model))

    # on frozen features means are all there is to learn
    training = Training(train, epochs, batch, learning_rate, momentum, decay) if train == "all" else UNTRAINED
    method = Method("avalanche:ncm", build, weights=lambda classes, width: classes * width)
    return learn(Given(stream, features, backbone, device, rng), training, method)


@strategy(
    name="avalanche:fecam",
    source="Goswami et al. 2023, FeCAM, arXiv:2309.14062",
)
def fecam(
    stream: TaskStream,
    features: Features,
    backbone: Backbone,
    device: str,
    rng: Generator,
    *,
    train: Train = "head",
    power: Annotated[
        float | None,
        Field(gt=0, le=1, description="of Tukey's transform; 1: none; default: 0.5, none where a feature is below 0"),
    ] = None,
    shrinkage: Annotated[
        float, Field(ge=0, description="of the covariances, to the mean variance and covariance")
    ] = 1.0,
) -> Iterator[Learned]:
    """Keep a mean and a covariance of every class; Mahalanobis distance between features of length 1.

    Features, not standardised, are raised to `power` (Tukey 1977); each covariance is shrunk twice and scaled to
    correlations. The network stays frozen; the paper trains it on the first task. Keeps 4 · C · (D + D²) bytes.
    """
    only_head("avalanche:fecam", train)

    tukey = power

    def check(x: Tensor) -> None:
        nonlocal tukey
        if tukey is None:
            tukey = 0.5 if (x >= 0).all() else 1.0
        if tukey < 1 and (x < 0).any():
            raise CallError(
                "strategy 'avalanche:fecam': features below 0 have no root; take power=1 with this backbone"
            )

    def build(parts: Parts) -> Any:
        from avalanche.models import TrainEvalModel
        from avalanche.training import Naive
        from avalanche.training.plugins.update_fecam import CurrentDataFeCAMUpdate

        assert tukey is not None  # the first task's features have decided
        classifier = cached_fecam(tukey=tukey < 1, tukey1=tukey, shrink1=shrinkage, shrink2=shrinkage)
        model = TrainEvalModel(parts.samples.extractor(), parts.growing_classifier(), classifier)
        return Naive(plugins=[CurrentDataFeCAMUpdate()], **parts.settings(model))

    def weights(classes: int, width: int) -> int:
        return classes * width * (width + 1)

    method = Method("avalanche:fecam", build, plain=True, check=check, weights=weights)
    return learn(Given(stream, features, backbone, device, rng), UNTRAINED, method)
