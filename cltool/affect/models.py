"""Trained valence–arousal networks: a file of weights with a card, and what such a network says of films."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from cltool import __version__
from cltool.affect.frames import FilmFrames
from cltool.affect.inference import Reading, predicted, represented
from cltool.affect.recipes import Context
from cltool.affect.scaling import ScaledNetwork, Scaling
from cltool.catalogue import Catalogue, discover
from cltool.errors import CallError
from cltool.files import load_tensors, save_tensors
from cltool.plugin import Spec
from cltool.video.store import Index, StoredFilm

BEST = "best.safetensors"


class ModelCard(BaseModel):
    """What a trained network is, what it reads, and what it was trained on.

    `network`: the plugin, spelled. `reads`: numbers per frame by tensor. `shapes`: of a row of each. `modalities`: the
    plugins that give the tensors, spelled. `about`: by modality and origin, versions and checksums of what rows are
    made of. `backbone`: of pictures of faces, as the store's recipe spells it. `sequence`, `context`: how films are
    read. `rate`: frames a second of the training films, on the mean. `metrics`: the kept epoch's line in the journal.
    """

    model_config = ConfigDict(extra="forbid")
    schema_: Literal[1] = Field(default=1, alias="schema")
    network: str
    reads: dict[str, int]
    shapes: dict[str, list[int]]
    modalities: list[str]
    about: dict[str, dict[str, Any]]
    backbone: str | None
    sequence: int
    context: Context
    rate: float
    parameters: int
    data: str
    synthetic: bool
    train: list[str]
    validation: list[str]
    metrics: dict[str, Any]
    recipe: dict[str, Any]
    plugins: list[str] = Field(default_factory=list)
    versions: dict[str, str] = Field(default_factory=dict)

    def misfit(self, index: Index) -> str | None:
        """What is other in a store's features than in those that the network was trained on; None where they fit."""
        for tensor, shape in self.shapes.items():
            facts = index.tensors.get(tensor)
            if facts is None:
                known = ", ".join(index.tensors)
                return f"there is no {tensor!r} in it (there are {known}); extract with --modality {tensor}"
            if facts.shape != shape or facts.modality not in self.modalities:
                return (
                    f"{tensor!r} was made by {facts.modality}, rows {facts.shape}; the model reads {self._made(tensor)}"
                )
        for made, about in self.about.items():
            if made in index.about and (key := _other(about, index.about[made])) is not None:
                return (
                    f"features of another version: {made}'s {key} is {index.about[made].get(key)}, and was "
                    f"{about.get(key)} in training"
                )
        return None

    def _made(self, tensor: str) -> str:
        return f"{', '.join(self.modalities)}, {tensor!r} with rows {self.shapes[tensor]}"


def _other(trained: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """The first key in which rows are made of something else; None where they are made of the same.

    A backbone of the same fingerprint is the same, wherever the file of its weights lies.

    >>> _other({"backbone": "a:weights=here", "fingerprint": 1}, {"backbone": "a:weights=there", "fingerprint": 1})
    >>> _other({"librosa": "1"}, {"librosa": "2"})
    'librosa'
    """
    same = "fingerprint" in trained and trained["fingerprint"] == now.get("fingerprint")
    keys = [key for key in {**trained, **now} if not (same and key == "backbone")]
    return next((key for key in keys if trained.get(key) != now.get(key)), None)


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a network says of a film: `values` [T, 2], valence and arousal, NaN where not `seen` [T]."""

    values: NDArray[np.float32]
    seen: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network with its weights and its card; frozen, in eval mode."""

    card: ModelCard
    module: ScaledNetwork
    device: str = "cpu"

    @classmethod
    def load(cls, path: str | Path, device: str = "cpu") -> TrainedNetwork:
        """Read a training's best epoch; `path` is its directory, or the file itself.

        Raises CallError for what is no such file, a network plugin that is not there, and weights of another network.
        """
        path = weights_file(path)
        tensors, card = _read(path)
        catalogue = discover([Path(file) for file in card.plugins])
        module = built(card, catalogue)
        fill(module, tensors, str(path))
        return cls(card, module.eval().requires_grad_(False).to(device), device)

    @property
    def reading(self) -> Reading:
        """How it goes through films: as it was trained."""
        return Reading(self.card.sequence, self.card.context, self.device)

    def frames(self, film: StoredFilm) -> FilmFrames:
        """A film's frames as it reads them."""
        return FilmFrames(film, tuple(self.card.reads))

    def predict(self, film: StoredFilm) -> Prediction:
        """Valence and arousal of every frame; of the film's features it is not asked where they came from."""
        frames = self.frames(film)
        return Prediction(predicted(self.module, frames, self.reading), frames.seen)

    def represent(self, film: StoredFilm) -> NDArray[np.float32]:
        """What the last layer is given for every frame [T, H]; NaN where nothing is seen."""
        return represented(self.module, self.frames(film), self.reading)


def weights_file(path: str | Path) -> Path:
    """The file of weights that a path names: itself, or the best epoch's of a training directory."""
    path = Path(path)
    if path.is_dir():
        path = path / BEST
    if not path.is_file():
        raise CallError(
            f"there is no trained network at {path}; give a directory of `cltool video train`, or its {BEST}"
        )
    return path


def save(path: Path, card: ModelCard, weights: Mapping[str, Tensor]) -> None:
    """Write weights with their card, whole or not at all."""
    save_tensors(path, weights, {"card": card.model_dump(mode="json", by_alias=True)})


def _read(path: Path) -> tuple[dict[str, Tensor], ModelCard]:
    tensors, facts = load_tensors(path, "trained valence–arousal network")
    try:
        return tensors, ModelCard.model_validate(facts["card"])
    except (KeyError, ValidationError):
        raise CallError(f"{path} is no network of cltool video train; give one that is") from None


def read_card(path: str | Path) -> ModelCard:
    """The card of a trained network; raises CallError for what is none."""
    return _read(weights_file(path))[1]


def built(card: ModelCard, catalogue: Catalogue) -> ScaledNetwork:
    """The network that a card describes, its weights still by lot."""
    network = catalogue.configure("network", Spec.parse(card.network))
    blank = Scaling(*({name: torch.zeros(width) for name, width in card.reads.items()} for _ in range(2)))
    return ScaledNetwork(network(widths=dict(card.reads)), blank)


def fill(module: torch.nn.Module, weights: Mapping[str, Tensor], where: str) -> None:
    """Put weights into a network; raises CallError for those of another."""
    try:
        module.load_state_dict(dict(weights))
    except RuntimeError as error:
        first = str(error).splitlines()[1:2]
        raise CallError(f"{where} holds the weights of another network:{' '.join(first).strip()}") from None


def versions() -> dict[str, str]:
    """Versions that a card tells."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"cltool": __version__, "torch": torch.__version__, "python": platform.python_version()}
    for library in ("accelerate",):
        with suppress(PackageNotFoundError):
            found[library] = version(library)
    return found
