"""timm's classifiers without their classifiers, from every kind of weights, and narrower ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from cltool.errors import CallError
from cltool_plugins.backbones import timm_models
from cltool_plugins.backbones.timm_models import timm

PICTURES = [torch.randint(0, 256, (3, 40, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))]
pytestmark = pytest.mark.slow  # importing timm takes long
NARROW = {"weights": "none", "size": 64, "width": 0.25}


@pytest.mark.parametrize(
    ("model", "layer"), [("resnet18", "fc"), ("densenet121", "classifier"), ("mobilenetv3_small_050", "classifier")]
)
def test_features_are_what_the_classifier_reads(model: str, layer: str, tmp_path: Path) -> None:
    from timm import create_model

    torch.manual_seed(3)
    whole = create_model(model, num_classes=7).eval()
    save_file(whole.state_dict(), tmp_path / "w.safetensors")
    found = timm(model=model, weights=str(tmp_path / "w.safetensors"), size=64)
    seen = []
    whole.get_submodule(layer).register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    with torch.inference_mode():
        whole(found.transform(PICTURES))
    assert found.width == seen[0].shape[1]
    assert torch.allclose(found(PICTURES), seen[0], atol=1e-4)


@pytest.mark.parametrize(
    ("model", "width", "least"),
    [
        ("resnet18", 128, 0.6e6),
        ("resnet50", 512, 1.4e6),
        ("resnet26d", 512, 0.8e6),
        ("seresnext50_32x4d", 512, 1.5e6),
        ("densenet121", 256, 0.4e6),
        ("densenet161", 552, 1.6e6),
    ],
)
def test_a_quarter_of_the_channels_is_a_sixteenth_of_the_weights(model: str, width: int, least: float) -> None:
    found = timm(model=model, **NARROW)
    assert found.width == width
    assert least < found.parameters < 1.2 * least
    features = found(PICTURES * 2)
    assert features.shape == (2, width)
    assert torch.isfinite(features).all()
    assert "width=0.25" in found.name


def test_pictures_are_scaled_as_timm_says() -> None:
    found = timm(model="resnet18", weights="none")
    assert (found.transform.size, found.transform.resize) == (224, 235)  # crop_pct .95 of its default weights
    assert timm(model="resnet18", weights="none", size=64).transform.resize is None


def test_untrained_weights_are_the_same_every_time() -> None:
    one, two = (timm(model="resnet18", **NARROW) for _ in range(2))
    assert one.fingerprint == two.fingerprint
    assert torch.equal(one(PICTURES), two(PICTURES))
    assert timm(model="resnet18", weights="none", size=64).fingerprint != one.fingerprint


def test_a_known_network_is_built_only_when_pictures_go_through(monkeypatch: pytest.MonkeyPatch) -> None:
    first = timm(model="resnet18", **NARROW)
    monkeypatch.setattr(timm_models, "_build", lambda *_: pytest.fail("built"))
    again = timm(model="resnet18", **NARROW)
    assert (again.fingerprint, again.width, again.parameters) == (first.fingerprint, first.width, first.parameters)


def test_the_whole_width_is_no_width(tmp_path: Path) -> None:
    one, two = (timm(model="resnet18", weights="none", size=64, **w) for w in ({}, {"width": 1.0}))
    assert one.fingerprint == two.fingerprint
    assert one.name == two.name


# What is refused


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"model": "seresnext50_32x3d", "weights": "none"}, "did you mean 'seresnext50_32x4d'"),
        ({"model": "resnet18.imagenet", "weights": "none"}, "timm has no weights 'resnet18.imagenet'"),
        ({"model": "resnet18", "width": 0.5}, "nobody offers such weights; take weights=none or a file"),
        ({"model": "vgg11", "weights": "none", "width": 0.5}, "width is for ResNets and DenseNets"),
        ({"model": "legacy_seresnet18", "weights": "none", "width": 0.5}, "width is for ResNets and DenseNets"),
        ({"model": "seresnext50_32x4d", "weights": "none", "width": 0.05}, "as narrow as width=0.05"),
        ({"model": "seresnet152"}, "timm offers no weights of 'seresnet152'"),
        ({"model": "resnet18", "weights": "nowhere.pth"}, "weights nowhere.pth: No such file"),
        ({"model": "convnext_atto", "weights": "none", "size": 8}, "pictures of 8 px do not go through"),
    ],
)
def test_wrong_models(options: dict, told: str) -> None:
    with pytest.raises(CallError) as found:
        timm(**options)
    assert told in str(found.value)


@pytest.mark.parametrize("change", ["missing", "foreign", "shape"])
def test_weights_of_another_network_are_refused(tmp_path: Path, change: str) -> None:
    state = timm(model="resnet18", **NARROW).build().state_dict()
    if change == "missing":
        del state["layer1.0.conv1.weight"]
    elif change == "foreign":
        state["layer9.weight"] = torch.zeros(1)
    else:
        state["conv1.weight"] = torch.zeros(64, 1, 7, 7)
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(CallError, match=r"do not fit resnet18: the file (lacks|has a foreign|has another shape)"):
        timm(model="resnet18", **{**NARROW, "weights": str(tmp_path / "w.safetensors")})


def test_offline_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(CallError, match=r"cannot have timm's weights of resnet18 \(.*refused.*\).*weights=PATH"):
        timm(model="resnet18")
