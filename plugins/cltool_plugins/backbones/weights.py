"""What networks from libraries have in common: weights from files, and cards that spare building them again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from cltool import CallError, PictureTransform
from cltool.backbones import count_parameters
from cltool.checkpoints import open_checkpoint
from cltool.files import save_text, sha256
from cltool.universal.frozen import load_strictly

Precision = Literal["float32", "bfloat16", "float16"]
Moments = tuple[float, ...]
IMAGENET: tuple[Moments, Moments] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True)
class Card:
    """What has to be known of a network that has been built before and need not be built again."""

    size: int
    resize: int | None
    width: int
    parameters: int
    mean: Moments = IMAGENET[0]
    deviation: Moments = IMAGENET[1]

    @classmethod
    def of(
        cls, network: nn.Module, model: str, size: int, resize: int | None, moments: tuple[Moments, Moments] = IMAGENET
    ) -> Card:
        """Try a network on an empty picture of `size`; raises CallError where it does not go through."""
        channels = len(moments[0])
        try:
            with torch.inference_mode():
                width = network(torch.zeros(1, channels, size, size)).shape[1]
        except (RuntimeError, AssertionError, ValueError) as error:
            raise CallError(f"backbone {model}: pictures of {size} px do not go through: {error}") from None
        return cls(size, resize, width, count_parameters(network), *moments)

    @property
    def transform(self) -> PictureTransform:
        """How pictures come to the network."""
        return PictureTransform(self.size, len(self.mean), tuple(self.mean), tuple(self.deviation), self.resize)


def described(
    path: Path, build: Callable[[], nn.Module], look: Callable[[nn.Module], Card]
) -> tuple[Card, Callable[[], nn.Module]]:
    """A network's card and how to have the network: the card from `path`, or, at its first use, from the network."""
    try:
        return Card(**json.loads(path.read_text())), build
    except (OSError, ValueError, TypeError):
        network = build()
        card = look(network)
        save_text(path, json.dumps(asdict(card)))
        return card, lambda: network


def digest(path: Path) -> str:
    """sha256 of a file; raises CallError where it cannot be read."""
    try:
        return sha256(path)
    except OSError as error:
        raise CallError(f"weights {path}: {error.strerror}") from None


def read(path: Path) -> dict[str, Tensor]:
    """A state dict, under the names that the network has without DataParallel around it."""
    checkpoint = open_checkpoint(path)
    return {key.removeprefix("module."): checkpoint.read(key) for key in checkpoint.tensors}


def load(network: nn.Module, state: dict[str, Tensor], classifiers: tuple[str, ...], model: str, where: object) -> None:
    """Load all but the classifiers, auxiliary ones too, strictly; raises CallError for weights that do not fit."""
    heads = tuple(f"{name}." for name in classifiers)
    wanted = network.state_dict()
    auxiliary = {key for key in state if key not in wanted and "aux" in key.lower()}
    body = {key: value for key, value in state.items() if key not in auxiliary and not key.startswith(heads)}
    load_strictly(network, body, f"weights {where} do not fit {model}")
