"""Every classification model of torchvision, its classifier taken off, under torchvision's own name."""

from __future__ import annotations

import hashlib
import sys
from contextlib import redirect_stdout
from functools import cache, partial
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Annotated, Any
from urllib.error import URLError

import torch
from pydantic import Field
from torch import Tensor, nn

from cltool import Backbone, CallError, backbone
from cltool.cache import cache_folder
from cltool.catalogue import GROUP
from cltool_plugins.backbones.weights import Card, Precision, described, digest, load, read

EXAMPLE = {"weights": "none", "size": 64}
CHECKED = ("resnet18", "squeezenet1_1")  # the contract tries these unasked: a last linear layer, and none


@cache
def _announced() -> frozenset[str]:
    """The models that entry points name; importing torchvision to ask it takes longer than importing torch."""
    points = entry_points(group=GROUP)
    return frozenset(p.name.removeprefix("backbone.") for p in points if p.module == __name__)


def __getattr__(name: str) -> Any:
    """The plugin for a model: `cltool_plugins.backbones.torchvision.resnet18`, as its entry point asks."""
    if name not in _announced():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = _plugin(name)
    return globals()[name]


def _plugin(model: str) -> Any:
    @backbone(name=model, source="torchvision", example=EXAMPLE if model in CHECKED else None)
    def build(
        *,
        weights: Annotated[
            str,
            Field(description="default (torchvision's best, downloaded once), none, or a .pth/.safetensors file"),
        ] = "default",
        size: Annotated[
            int | None,
            Field(ge=8, description="side of the pictures it is shown; default: as the weights were trained"),
        ] = None,
        dtype: Annotated[
            Precision, Field(description="precision of the forward pass and of kept features")
        ] = "float32",
    ) -> Backbone:
        return torchvision_backbone(model, weights=weights, size=size, dtype=dtype)

    build.__doc__ = f"torchvision's {model} without its classifier."
    return build


def torchvision_backbone(
    model: str, *, weights: str = "default", size: int | None = None, dtype: Precision = "float32"
) -> Backbone:
    """A torchvision classification model up to the features its last layer reads.

    Taken off is the last linear layer, or the convolutional classifier of a SqueezeNet, whose feature maps
    are averaged instead (512 numbers). `weights=none` draws them with seed 0. Its first use builds the
    network and keeps a card of it in the cache; later ones build it only where features are missing.
    Raises CallError: weights that cannot be downloaded, read, or do not fit the model.
    """
    given = weights if weights in ("default", "none") else digest(Path(weights))
    identity = hashlib.sha256(f"{model} {given} torchvision {version('torchvision')}".encode()).hexdigest()
    path = cache_folder("backbones") / f"{model}-{identity[:16]}-{size or 'default'}.json"
    card, build = described(path, partial(_build, model, weights), partial(_card, model=model, size=size))
    spelled = f"{model}:weights={weights},size={card.size}" + ("" if dtype == "float32" else f",dtype={dtype}")
    precision = getattr(torch, dtype)
    return Backbone(spelled, build, identity, card.transform, card.width, card.parameters, dtype=precision)


def _build(model: str, weights: str) -> nn.Module:
    """The network without its classifier, its weights loaded."""
    from torchvision import models

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = models.get_model(model, weights=None, **_plain_start(model))
    classifier = _take_off_classifier(network)
    if weights == "default":
        url = models.get_model_weights(model).DEFAULT.url
        load(network, _downloaded(url, model), (classifier,), model, url)
    elif weights != "none":
        load(network, read(Path(weights)), (classifier,), model, weights)
    return network.eval()


def _card(network: nn.Module, model: str, size: int | None) -> Card:
    """Try the network on an empty picture of the wanted size, or of that its weights were trained at."""
    from torchvision import models

    preset = models.get_model_weights(model).DEFAULT.transforms()
    side = size or preset.crop_size[0]
    return Card.of(network, model, side, None if size else max(side, preset.resize_size[0]))


def _plain_start(model: str) -> dict[str, Any]:
    """Inception and GoogLeNet warn, and take long, unless told not to use their own initialisation."""
    return {"init_weights": False} if model in ("googlenet", "inception_v3") else {}


def _take_off_classifier(network: nn.Module) -> str:
    """Replace the classifier by nothing; gives its name, whose weights a file may hold or not."""
    # GoogLeNet's and Inception's further classifiers, which only training looks at, and would look for
    for auxiliary, nothing in (("aux1", None), ("aux2", None), ("AuxLogits", None), ("aux_logits", False)):
        if hasattr(network, auxiliary):
            setattr(network, auxiliary, nothing)
    linear = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    if linear:
        parent, _, child = linear[-1].rpartition(".")
        setattr(network.get_submodule(parent), child, nn.Identity())
        return linear[-1]
    network.classifier = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return "classifier"


def _downloaded(url: str, model: str) -> dict[str, Tensor]:
    folder = cache_folder("weights")
    try:
        with redirect_stdout(sys.stderr):  # torch.hub tells there what it downloads; results alone go to stdout
            return torch.hub.load_state_dict_from_url(
                url, model_dir=str(folder), check_hash=True, map_location="cpu", weights_only=True
            )
    except (URLError, OSError, RuntimeError) as error:
        cause = getattr(error, "reason", None) or error
        raise CallError(
            f"cannot download {url} ({cause}); connect once, put that file into {folder}, or give "
            f"--backbone {model}:weights=PATH (or weights=none for an untrained network)"
        ) from None
