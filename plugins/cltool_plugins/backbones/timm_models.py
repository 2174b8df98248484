"""Every classification model of timm, its classifier taken off; ResNets and DenseNets also narrower than they are."""

from __future__ import annotations

import hashlib
import warnings
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import torch
from pydantic import Field
from torch import nn

from cltool import Backbone, CallError, backbone
from cltool.cache import cache_folder
from cltool.errors import nearest
from cltool.plugin import Spec
from cltool_plugins.backbones.weights import Card, Precision, described, digest, load, read


@backbone(source="Wightman 2019, timm", example={"model": "resnet18", "weights": "none", "size": "32", "width": "0.25"})
def timm(
    *,
    model: Annotated[
        str,
        Field(
            description="timm's name of it, e.g. seresnext50_32x4d, seresnext101_32x4d, senet154 (the SE-ResNeXt of "
            "152 layers, with a deeper stem), densenet201"
        ),
    ],
    weights: Annotated[
        str,
        Field(description="default (timm's own, downloaded once), none, or a .pth/.safetensors file"),
    ] = "default",
    size: Annotated[
        int | None,
        Field(ge=8, description="side of the pictures it is shown; default: as the weights were trained"),
    ] = None,
    width: Annotated[
        float | None,
        Field(gt=0, le=1, description="share of a ResNet's or DenseNet's channels, for small machines; default: all"),
    ] = None,
    dtype: Annotated[Precision, Field(description="precision of the forward pass and of kept features")] = "float32",
) -> Backbone:
    """Any of timm's classification models without its classifier.

    `weights=none` draws them with seed 0. Pictures are scaled as timm says for the model, always bilinearly. `width`
    multiplies the channels of all stages; the first layer of a ResNet keeps its 64 where timm leaves no choice.
    Its first use builds the network and keeps a card of it in the cache; later ones build it only where features are
    missing. Raises CallError: no such model, weights that cannot be downloaded, read, or do not fit, a width for
    another family.
    """
    share = None if width == 1 else width
    if share and weights == "default":
        raise CallError(f"backbone timm, width={share:g}: nobody offers such weights; take weights=none or a file")
    given = weights if weights in ("default", "none") else digest(Path(weights))
    told = f"timm {model} {share} {given} {version('timm')}"
    identity = hashlib.sha256(told.encode()).hexdigest()
    path = cache_folder("backbones") / f"timm-{identity[:24]}-{size or 'default'}.json"
    card, build = described(path, partial(_build, model, weights, share), partial(_card, model=model, size=size))
    options = {"model": model, "weights": weights, "size": card.size}
    options |= {"width": share} if share else {}
    options |= {"dtype": dtype} if dtype != "float32" else {}
    name, precision = str(Spec("timm", options)), getattr(torch, dtype)
    return Backbone(name, build, identity, card.transform, card.width, card.parameters, dtype=precision)


def _build(model: str, weights: str, share: float | None) -> nn.Module:
    """The network without its classifier, its weights loaded."""
    from timm import create_model

    _check_name(model)
    narrowed = _narrowed(model, share) if share else {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if weights == "default":
            return _downloaded(model).eval()
        network: Any = create_model(model, num_classes=0, **narrowed)
    if weights != "none":
        classifier = network.pretrained_cfg.get("classifier") or ()
        names = (classifier,) if isinstance(classifier, str) else tuple(classifier)
        load(network, read(Path(weights)), names, model, weights)
    return network.eval()


def _check_name(model: str) -> None:
    """Raise CallError for what is no model of timm's, or no tag of its weights."""
    from timm import is_model, list_models, list_pretrained

    name, dot, _ = model.partition(".")
    if not is_model(name):
        raise CallError(f"timm has no model {model!r}; {nearest(name, list_models())}")
    if dot and model not in list_pretrained(f"{name}.*"):
        raise CallError(f"timm has no weights {model!r}; {nearest(model, list_pretrained(f'{name}.*'))}")


def _downloaded(model: str) -> nn.Module:
    """The network with timm's own weights, from the cache or the network."""
    from timm import create_model, is_model_pretrained, list_models

    if not is_model_pretrained(model):
        hint = nearest(model, list_models(pretrained=True))
        raise CallError(f"timm offers no weights of {model!r} ({hint}); take weights=none, or weights=PATH")
    folder = cache_folder("weights")
    try:
        kept = _kept(model, folder)
        if not kept:
            _reach_hub()
        own: dict[str, Any] = {"pretrained_cfg_overlay": {"file": kept}} if kept else {}
        return create_model(model, pretrained=True, num_classes=0, cache_dir=str(folder), **own)
    except Exception as error:  # three libraries download, each with errors of its own
        cause = getattr(error, "reason", None) or str(error).partition("\n")[0]
        raise CallError(
            f"cannot have timm's weights of {model} ({cause}); connect once (they are kept in {folder}), or give "
            f"--backbone timm:model={model},weights=PATH (or weights=none for an untrained network)"
        ) from None


def _kept(model: str, folder: Path) -> str | None:
    """The file of an earlier download; timm itself would ask the network first whether there is a newer one."""
    from huggingface_hub import try_to_load_from_cache
    from timm.models import get_pretrained_cfg

    told = get_pretrained_cfg(model)
    if told is None or not told.hf_hub_id or told.custom_load:
        return None
    found = try_to_load_from_cache(told.hf_hub_id, told.hf_hub_filename or "model.safetensors", cache_dir=folder)
    return found if isinstance(found, str) else None


def _reach_hub() -> None:
    """Raise URLError where the hub cannot be reached at all; timm would try for a minute, and say so each time."""
    from huggingface_hub import constants

    with suppress(HTTPError):  # it answers
        urlopen(Request(constants.ENDPOINT, method="HEAD"), timeout=10)


def _card(network: nn.Module, model: str, size: int | None) -> Card:
    """Try the network on an empty picture of the wanted size, or of that its weights were trained at."""
    from timm.data import resolve_model_data_config

    told = resolve_model_data_config(network)
    side = size or told["input_size"][1]
    resize = None if size or told["crop_pct"] >= 1 else int(side / told["crop_pct"])
    return Card.of(network, model, side, resize, (tuple(told["mean"]), tuple(told["std"])))


def _narrowed(model: str, share: float) -> dict[str, Any]:
    """What timm has to be told for a narrower network: read off the full one, which is built without memory."""
    from timm import create_model
    from timm.models.densenet import DenseNet
    from timm.models.resnet import ResNet

    with torch.device("meta"):
        network = create_model(model, num_classes=0)
    whole: Any = network  # whose layers are known by name only
    if isinstance(network, DenseNet):
        return {"growth_rate": _part(whole.features.denseblock1.denselayer1.conv2.out_channels, share, 4)}
    if not isinstance(network, ResNet):
        raise CallError(f"timm's {model} cannot be made narrower: width is for ResNets and DenseNets; leave it out")
    expansion = whole.layer1[0].expansion
    channels = [info["num_chs"] // expansion for info in whole.feature_info[1:]]
    narrow: dict[str, Any] = {"channels": tuple(_part(n, share, 8) for n in channels)}
    deep = isinstance(whole.conv1, nn.Sequential)
    if deep:
        narrow["stem_width"] = _part(whole.conv1[3].out_channels, share, 8)
    try:
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of layers without channels, which are refused here
            made = create_model(model, num_classes=0, **narrow)
        if not all(weight.numel() for weight in made.parameters()):
            raise ValueError("a layer would have no channels")
    except (ValueError, RuntimeError, ZeroDivisionError) as error:  # groups that have no channel left
        raise CallError(f"timm's {model} cannot be made as narrow as width={share:g} ({error}); take more") from None
    return narrow


def _part(channels: int, share: float, unit: int) -> int:
    """A share of so many channels, a multiple of `unit`."""
    return max(unit, round(channels * share / unit) * unit)
