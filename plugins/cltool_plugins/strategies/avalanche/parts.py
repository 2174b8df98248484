"""What a rival is made of: what it was given, the parts of its strategy, and where it differs from others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Generator, Tensor, nn

from cltool import CallError, TaskStream
from cltool.backbones import Backbone
from cltool.learner import Features
from cltool_plugins.strategies.avalanche.options import SHARE, Training
from cltool_plugins.strategies.avalanche.samples import Network, Samples

EVALUATED = 4096  # samples scored at once; of pictures PICTURES
PICTURES = 64


@dataclass(frozen=True)
class Given:
    """What a strategy plugin is given, for a rival to be made of."""

    stream: TaskStream
    features: Features
    backbone: Backbone
    device: str
    rng: Generator

    @property
    def classes(self) -> int:
        """How many classes the whole stream has."""
        return len(self.stream.seen(len(self.stream) - 1))

    def memory(self, name: str, wanted: int | None, least: int = 1, each: str = "") -> int:
        """How many samples may be kept; raises CallError for fewer than `least`, one for `each`."""
        memory = SHARE * self.classes if wanted is None else wanted
        if memory < least:
            raise CallError(f"strategy {name!r}, memory={memory}: it keeps at least one sample {each}; take {least}")
        return memory


@dataclass(frozen=True)
class Parts:
    """What Avalanche's strategy is built of, anew for every run: a model, its training and where it runs."""

    samples: Samples
    training: Training
    classes: int
    device: str

    def growing(self) -> Network:
        """The extractor under a linear classifier that gets a row for a class when the class comes."""
        return Network(self.samples.extractor(), self.growing_classifier())

    def growing_classifier(self) -> nn.Module:
        """Avalanche's classifier of as many rows as classes came; one row before the first."""
        from avalanche.models import IncrementalClassifier

        classifier: nn.Module = IncrementalClassifier(self.samples.width, initial_out_features=1)
        return classifier

    def fixed(self, bias: bool = True) -> Network:
        """The extractor under a linear classifier with a row for every class of the stream from the start."""
        return Network(self.samples.extractor(), nn.Linear(self.samples.width, self.classes, bias=bias))

    def settings(self, model: nn.Module) -> dict[str, Any]:
        """What all of Avalanche's strategies are called with."""
        optimizer = self.training.optimizer(model)
        return {"model": model, "optimizer": optimizer, "criterion": nn.CrossEntropyLoss(), **self.loop()}

    def loop(self) -> dict[str, Any]:
        """Of those, what is neither model, optimizer nor loss."""
        from avalanche.training.plugins import EvaluationPlugin

        return {
            "train_mb_size": self.training.batch,
            "train_epochs": self.training.epochs,
            "eval_mb_size": EVALUATED if self.training.train == "head" else PICTURES,
            "device": self.device,
            "evaluator": EvaluationPlugin(loggers=[]),
        }


Build = Callable[[Parts], Any]  # → an Avalanche strategy


@dataclass(frozen=True)
class Method:
    """A rival: how its strategy is built, and where it differs from others.

    `before`: called with the strategy and the number of the task that comes. `copies`: the tensors in which it keeps
    samples of its own. `told`: whether it is told the task of a sample. `anew`: whether each task gets a strategy of
    its own, which is given the experiences of all tasks so far. `plain`: whether features are not standardised.
    `check`: raises CallError for samples that it cannot learn from. `weights`: of so many classes and features, how
    many numbers its scores need, where these are not the weights of its model.
    """

    name: str
    build: Build
    before: Callable[[Any, int], None] = lambda strategy, number: None
    copies: Callable[[Any], Sequence[Tensor]] = lambda strategy: ()
    told: bool = False
    anew: bool = False
    plain: bool = False
    check: Callable[[Tensor], None] = lambda x: None
    weights: Callable[[int, int], int] | None = None
