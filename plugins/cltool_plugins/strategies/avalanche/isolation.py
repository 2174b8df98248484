"""Rivals that set weights apart for what was learned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field
from torch import Generator, nn

from cltool import CallError, TaskStream, strategy
from cltool.backbones import Backbone
from cltool.learner import Features
from cltool_plugins.strategies.avalanche.learning import Learned, learn
from cltool_plugins.strategies.avalanche.options import Batch, Decay, Epochs, Momentum, Rate, Train, Training
from cltool_plugins.strategies.avalanche.parts import Given, Method, Parts
from cltool_plugins.strategies.avalanche.samples import Network


@strategy(
    name="avalanche:cwr*",
    source="Lomonaco et al. 2020, rehearsal-free continual learning over small non-i.i.d. batches, arXiv:1907.03799",
    example={"epochs": 2},
)
def cwr_star(
    stream: TaskStream,
    features: Features,
    backbone: Backbone,
    device: str,
    rng: Generator,
    *,
    train: Train = "head",
    epochs: Epochs = 10,
    batch: Batch = 32,
    learning_rate: Rate = 0.003,
    momentum: Momentum = 0.9,
    decay: Decay = 0.0,
) -> Iterator[Learned]:
    """Train the classifier on each task anew, and put every class's trained row aside.

    Rows of the task's classes start at 0 (at what they were, for a class seen before), are shifted by the mean of all
    of them when trained, and stand beside those put aside. After the first task the network is frozen. Keeps the rows.
    """

    def build(parts: Parts) -> Any:
        from avalanche.training import CWRStar

        # without a bias: Avalanche puts weights aside only, and later tasks would move old classes' biases
        model = parts.fixed(bias=False)
        return CWRStar(cwr_layer_name="classifier", **parts.settings(model))

    training = Training(train, epochs, batch, learning_rate, momentum, decay)
    return learn(Given(stream, features, backbone, device, rng), training, Method("avalanche:cwr*", build))


@strategy(
    name="avalanche:packnet",
    source="Mallya & Lazebnik 2018, PackNet, arXiv:1711.05769",
    task_aware=True,
    example={"epochs": 12, "tuning_epochs": 3, "batch": 4, "learning_rate": 0.1},
)
def packnet(
    stream: TaskStream,
    features: Features,
    backbone: Backbone,
    device: str,
    rng: Generator,
    *,
    train: Train = "head",
    hidden: Annotated[int, Field(ge=1, description="width of the hidden layer; train=head only")] = 256,
    pruned: Annotated[
        float | None,
        Field(gt=0, lt=1, description="share of the free weights given up; default: equal shares for all tasks"),
    ] = None,
    tuning_epochs: Annotated[int, Field(ge=1, description="of `epochs`, those after the pruning")] = 3,
    epochs: Epochs = 10,
    batch: Batch = 32,
    learning_rate: Rate = 0.01,
    momentum: Momentum = 0.9,
) -> Iterator[Learned]:
    """Give each task weights of its own by pruning; is told the task of a test picture.

    A task trains all weights that are free, keeps the largest, trains those on for `tuning_epochs`, and freezes them; a
    test picture goes through its own task's and earlier ones' weights. With train=head these are the weights of a
    network of one hidden layer on the frozen features. Keeps for each weight its task.
    """
    if tuning_epochs >= epochs:
        raise CallError(
            f"strategy 'avalanche:packnet': of {epochs} epochs {tuning_epochs} come after the pruning; "
            f"take tuning_epochs={epochs - 1} or fewer, or more epochs"
        )
    tasks = len(stream)
    shares = [pruned if pruned is not None else 1 - 1 / (tasks - number) for number in range(tasks)]

    def build(parts: Parts) -> Any:
        from avalanche.models.packnet import PackNetModel, PackNetPlugin
        from avalanche.training import Naive

        extractor, width = parts.samples.extractor(), parts.samples.width
        if train == "head":
            extractor, width = nn.Sequential(extractor, nn.Linear(width, hidden), nn.ReLU()), hidden
        try:
            model = PackNetModel(Network(extractor, nn.Linear(width, parts.classes)))
        except ValueError as error:
            raise CallError(f"strategy 'avalanche:packnet' cannot prune this backbone: {error}; take another") from None
        return Naive(plugins=[PackNetPlugin(tuning_epochs, shares)], **parts.settings(model))

    training = Training(train, epochs, batch, learning_rate, momentum, decay=0.0)  # decay would move frozen weights
    return learn(
        Given(stream, features, backbone, device, rng), training, Method("avalanche:packnet", build, told=True)
    )
