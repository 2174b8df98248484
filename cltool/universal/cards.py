"""Trained backbones as files: weights, and a card that tells what they are, what they saw and how they were made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from cltool.backbones import PictureTransform
from cltool.errors import CallError
from cltool.files import load_tensors, save_tensors

SCHEMA = 1


@dataclass(frozen=True)
class Card:
    """What a file of trained weights says of itself.

    `architecture`: the backbone plugin, spelled, that builds the network without its classifier and without
    weights. `transform`: how pictures come to it. `width`: features it gives; `parameters`: its weights. `classes`
    and `counts`: what it was trained on, in order, and pictures of each, the validation part not counted. `data`:
    the stream, as spelled, and its note. `licence`: what the data allow. `digests`: by the data's own class, a hash
    of its training pictures. `started_from`: the backbone, spelled, with the weights that training began with.
    `metrics`: of the kept epoch. `recipe`: all that decides the training, but where the data lie. `versions`: of
    what made it. `before`: for every earlier training that this one went on from, oldest first, its data, licence,
    classes and digests.
    """

    architecture: str
    transform: PictureTransform
    width: int
    parameters: int
    classes: tuple[str, ...]
    counts: Mapping[str, int]
    data: str
    licence: str
    digests: Mapping[str, str]
    started_from: str
    metrics: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    before: tuple[Mapping[str, Any], ...] = ()

    @property
    def trainings(self) -> tuple[Mapping[str, Any], ...]:
        """What the weights have learnt from, oldest first: of each training data, licence, classes and digests."""
        own = {"data": self.data, "licence": self.licence, "classes": self.classes, "digests": dict(self.digests)}
        return (*self.before, own)

    def save(self, path: str | Path, weights: Mapping[str, Tensor]) -> None:
        """Write weights, named as in the network without its classifier, with this card in the file's metadata."""
        save_tensors(path, weights, {"schema": SCHEMA, "card": asdict(self)})

    @classmethod
    def load(cls, path: str | Path) -> tuple[Card, dict[str, Tensor]]:
        """Card and weights (memory-mapped) of a file; raises CallError for one that has no card, or a broken one."""
        weights, facts = load_tensors(path, "trained backbone")
        try:
            told = dict(facts["card"])
            told["transform"] = PictureTransform(**_tuples(told["transform"]))
            told["before"] = tuple(_tuples(training) for training in told.get("before", ()))
            return cls(**_tuples(told)), weights
        except (KeyError, TypeError, ValueError) as error:
            raise CallError(
                f"{path} is no trained backbone of cltool: its card lacks or has a foreign {error}"
            ) from None


def _tuples(told: Mapping[str, Any]) -> dict[str, Any]:
    """JSON knows lists only."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in told.items()}
