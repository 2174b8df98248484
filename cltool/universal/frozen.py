"""Trained backbones under heads: from a file of weights with a card to a frozen backbone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cltool.backbones import Backbone, count_parameters
from cltool.cache import cache_folder
from cltool.catalogue import Catalogue, discover
from cltool.errors import CallError
from cltool.files import save_text, sha256
from cltool.pictures import Block, PictureSet, RawPixels
from cltool.plugin import Configured, Spec
from cltool.progress import Silent
from cltool.tasks import TaskStream
from cltool.universal.cards import Card

BEST = "best.safetensors"


def weights_file(path: str | Path) -> Path:
    """The file of weights that a path names: itself, or the best epoch's of a training directory.

    Raises CallError where there is none.
    """
    path = Path(path)
    file = path / BEST if path.is_dir() else path
    if not file.is_file():
        more = " yet: no epoch has finished" if (path / "recipe.yaml").is_file() else ""
        raise CallError(f"there is no trained backbone in {path}{more}; give a training directory or its {BEST}")
    return file


def frozen(path: str | Path, stream: TaskStream, *, dtype: str = "float32") -> Backbone:
    """The backbone that a training left at `path`, a directory or its best.safetensors, to be put under heads.

    As `rebuilt`, with the plugins that are installed, and its `protocol` tells which of the stream's classes it was
    trained on.
    """
    card = Card.load(weights_file(path))[0]
    return replace(rebuilt(path, dtype=dtype), protocol=protocol(card, stream))


def rebuilt(path: str | Path, *, dtype: str = "float32", catalogue: Catalogue | None = None) -> Backbone:
    """The same, of plugins that may come from files too, and without a word of what it was trained on.

    Its first use builds the network and holds the weights against it, later ones build it when a picture has to go
    through. Raises CallError: no such file, one without a card, an architecture that is not installed, weights that
    do not fit it.
    """
    file = weights_file(path)
    card = Card.load(file)[0]
    source = _architecture(card, file, catalogue or discover())
    identity = sha256(file)
    build = partial(_built, source, file, identity)
    _check(card, build, identity, str(source), file)
    return _described(card, build, identity, str(Spec("trained", {"weights": path})), dtype)


def space(path: str | Path) -> str:
    """Fingerprint of the backbone that a file holds, in float32: what heads on it have as their space.

    Nothing is built for it. Raises CallError: no such file, one without a card.
    """
    file = weights_file(path)
    return _described(Card.load(file)[0], nn.Identity, sha256(file), file.name, "float32").fingerprint


def _described(card: Card, build: Callable[[], nn.Module], identity: str, name: str, dtype: str) -> Backbone:
    spelled = name if dtype == "float32" else f"{name},dtype={dtype}"
    precision = getattr(torch, dtype)
    return Backbone(spelled, build, identity, card.transform, card.width, card.parameters, dtype=precision)


def _architecture(card: Card, file: Path, catalogue: Catalogue) -> Configured:
    try:
        return catalogue.configure("backbone", Spec.parse(card.architecture))
    except CallError as error:
        raise CallError(f"{file} was trained as {card.architecture}, which cannot be built: {error}") from None


def blank_stream(channels: int, size: int) -> TaskStream:
    """One black picture [channels, size, size], for plugins that look at pictures to know their channels.

    >>> blank_stream(3, 8).pictures.train["blank"].picture(0).shape
    torch.Size([3, 8, 8])
    """
    decode = RawPixels(channels, size, size)
    block = Block("blank", "train", ["a black picture"], lambda _: bytes(channels * size * size), decode)
    pictures = PictureSet(("blank",), {"blank": block}, {"blank": replace(block, split="test")})
    return TaskStream(pictures, (("blank",),))


def _built(source: Configured, file: Path, identity: str) -> nn.Module:
    """The network with its weights, held against it strictly; it takes pictures as in training, whatever comes."""
    card, weights = Card.load(file)
    blank = blank_stream(card.transform.channels, card.transform.size)
    network: nn.Module = source(stream=blank, device="cpu", progress=Silent()).build()
    if sha256(file) != identity:  # its features would be kept as those of the other weights
        raise CallError(f"{file} was exchanged since it was described; start again")
    load_strictly(network, weights, f"{file} does not fit {source}")
    return network


def load_strictly(network: nn.Module, weights: Mapping[str, Tensor], what: str) -> None:
    """Load weights that have every name and shape of the network's and no others.

    Raises CallError, which begins with `what` and names the first that is missing, foreign or of another shape.
    """
    wanted = network.state_dict()
    missing = [key for key in wanted if key not in weights]
    foreign = [key for key in weights if key not in wanted]
    shaped = [key for key in wanted if key in weights and weights[key].shape != wanted[key].shape]
    for keys, how in ((missing, "lacks"), (foreign, "has a foreign"), (shaped, "has another shape for")):
        if keys:
            more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
            raise CallError(f"{what}: the file {how} {keys[0]!r}{more}; take the weights of that very network")
    network.load_state_dict(dict(weights))


def _check(card: Card, build: Callable[[], nn.Module], identity: str, architecture: str, file: Path) -> None:
    """Hold weights and card against the network, once for each file and architecture; the cache remembers that."""
    facts: dict[str, Any] = {"architecture": architecture, "transform": asdict(card.transform)}
    facts |= {"width": card.width, "parameters": card.parameters}
    mark = cache_folder("backbones") / f"trained-{identity[:32]}.json"
    if mark.is_file() and mark.read_text(encoding="utf-8") == json.dumps(facts):
        return
    network = build().eval()
    side, channels = card.transform.size, card.transform.channels
    try:
        with torch.inference_mode():
            width = network(torch.zeros(1, channels, side, side)).shape[1]
    except (RuntimeError, AssertionError, ValueError) as error:
        raise CallError(f"{file}: pictures of {channels} × {side} × {side} do not go through: {error}") from None
    found = {"width": width, "parameters": count_parameters(network)}
    for key, value in found.items():
        if facts[key] != value:
            raise CallError(f"{file}: its card tells of {key} {facts[key]}, {architecture} has {value}; train it anew")
    save_text(mark, json.dumps(facts))


def protocol(card: Card, stream: TaskStream) -> dict[str, Any] | None:
    """What of a stream's pictures a network was trained on; None where it saw none of its pictures or classes.

    All its trainings count, those it went on from too. `on`: "pictures" where they are the stream's own, told by
    their hash, or by the note on the data; "names" where only the classes are called the same. `classes`: how many
    of the stream's. `later`: of these, how many come after the first task. `leaks`: whether classes of later tasks
    were learnt from the stream's own pictures; None where only their names say so, and a reader has to judge.
    """
    named = set().union(*(training["classes"] for training in card.trainings)) & set(stream.pictures.outputs)
    own = _same_pictures(card, stream) | _same_data(card, stream)
    seen, first = own or named, set(stream.groups[0])
    if not seen:
        return None
    return {
        "on": "pictures" if own else "names",
        "leaks": True if own - first else None if named - first else False,
        "classes": len(seen),
        "later": len(seen - first),
        "data": "; then ".join(training["data"] for training in card.trainings),
    }


def _same_data(card: Card, stream: TaskStream) -> set[str]:
    """The stream's classes that were learnt under their names from data with the same note; most data have none."""
    note = stream.pictures.note
    noted = [set(training["classes"]) for training in card.trainings if note and note in training["data"]]
    return set().union(*noted) & set(stream.pictures.outputs)


def _same_pictures(card: Card, stream: TaskStream) -> set[str]:
    """The stream's classes whose pictures, of either split, the card has the hash of, whatever they were learnt as."""
    known = {digest for training in card.trainings for digest in training["digests"].values()}
    both = {name: (stream.pictures.train[name], stream.pictures.test[name]) for name in stream.pictures.outputs}
    return {
        name
        for name, blocks in both.items()
        if not known.isdisjoint(own.digest for block in blocks for own in block.sources)
    }
