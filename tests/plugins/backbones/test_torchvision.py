"""torchvision's classifiers without their classifiers, from every kind of weights."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torchvision import models

from cltool.backbones import Backbone
from cltool.errors import CallError
from cltool_plugins.backbones.torchvision import torchvision_backbone

PICTURES = [torch.randint(0, 256, (3, 40, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))]


@pytest.mark.parametrize(
    ("model", "width", "layer"),
    [
        ("resnet18", 512, "fc"),
        ("densenet121", 1024, "classifier"),
        ("mobilenet_v3_small", 1024, "classifier.3"),
        ("shufflenet_v2_x0_5", 1024, "fc"),
        ("efficientnet_b0", 1280, "classifier.1"),
    ],
)
def test_features_are_what_the_last_layer_reads(model: str, width: int, layer: str, tmp_path: Path) -> None:
    torch.manual_seed(3)
    whole = models.get_model(model, weights=None).eval()
    save_file(whole.state_dict(), tmp_path / "w.safetensors")
    backbone = torchvision_backbone(model, weights=str(tmp_path / "w.safetensors"), size=64)
    assert backbone.width == width
    seen = []
    whole.get_submodule(layer).register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].flatten(1)))
    with torch.inference_mode():
        whole(backbone.transform(PICTURES))
    assert torch.allclose(backbone(PICTURES), seen[0], atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "model", ["alexnet", "vgg11_bn", "googlenet", "inception_v3", "vit_b_16", "swin_t", "maxvit_t", "convnext_tiny"]
)
def test_all_families_give_one_vector_a_picture(model: str) -> None:
    backbone = torchvision_backbone(model, weights="none")
    found = backbone(PICTURES * 2)
    assert found.shape == (2, backbone.width)
    assert torch.isfinite(found).all()
    assert not any(p.shape[:1] == (1000,) for p in backbone.body.parameters())


@pytest.mark.slow
@pytest.mark.parametrize(("model", "size"), [("googlenet", 32), ("inception_v3", 75)])
def test_networks_with_auxiliary_classifiers_can_be_trained_without_them(model: str, size: int) -> None:
    backbone = torchvision_backbone(model, weights="none", size=size)
    found = backbone.build().train()(torch.rand(2, 3, size, size))
    assert type(found) is torch.Tensor
    assert found.shape == (2, backbone.width)
    found.sum().backward()


def test_the_module_has_the_models_and_nothing_else() -> None:
    from cltool_plugins.backbones import torchvision as module

    assert module.resnet50.__cltool_plugin__.name == "resnet50"
    for name in ("pytest_plugins", "resnet19"):
        with pytest.raises(AttributeError, match=name):
            getattr(module, name)


def test_a_squeezenets_maps_are_averaged(squeezenet: Path) -> None:
    backbone = torchvision_backbone("squeezenet1_0", weights=str(squeezenet), size=128)
    whole = models.squeezenet1_0()
    whole.load_state_dict(load_file(squeezenet))
    with torch.inference_mode():
        theirs = whole.eval().features(backbone.transform(PICTURES)).mean((2, 3))
    assert backbone.width == 512
    assert torch.allclose(backbone(PICTURES), theirs, atol=1e-4)
    assert backbone.parameters == sum(p.numel() for p in whole.features.parameters())


@pytest.mark.slow
def test_pth_and_safetensors_of_one_network_give_the_same(tmp_path: Path) -> None:
    torch.manual_seed(4)
    state = models.resnet18(num_classes=7).state_dict()
    torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, tmp_path / "a.pth")
    save_file({k: v for k, v in state.items() if not k.startswith("fc.")}, tmp_path / "b.safetensors")
    one, two = (
        torchvision_backbone("resnet18", weights=str(tmp_path / f), size=32) for f in ("a.pth", "b.safetensors")
    )
    assert torch.equal(one(PICTURES), two(PICTURES))


def test_a_pth_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"x": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(CallError, match="loading that could run code"):
        torchvision_backbone("resnet18", weights=str(tmp_path / "evil.pth"))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("change", ["missing", "foreign", "shape"])
def test_weights_of_another_network_are_refused(tmp_path: Path, change: str) -> None:
    state = models.resnet18().state_dict()
    if change == "missing":
        del state["layer1.0.conv1.weight"]
    elif change == "foreign":
        state["layer9.weight"] = torch.zeros(1)
    else:
        state["conv1.weight"] = torch.zeros(64, 1, 7, 7)
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(CallError, match=r"do not fit resnet18: the file (lacks|has a foreign|has another shape)"):
        torchvision_backbone("resnet18", weights=str(tmp_path / "w.safetensors"))


@pytest.mark.slow
def test_too_small_a_picture_is_refused_by_the_networks_own_word() -> None:
    with pytest.raises(CallError, match="pictures of 16 px do not go through"):
        torchvision_backbone("alexnet", weights="none", size=16)


def test_untrained_weights_are_the_same_every_time() -> None:
    one, two = (torchvision_backbone("resnet18", weights="none", size=32) for _ in range(2))
    assert torch.equal(one(PICTURES), two(PICTURES))
    assert one.fingerprint == two.fingerprint


def test_nothing_of_a_frozen_network_moves() -> None:
    """Every byte before and after, batch-norm statistics included, whatever mode somebody asks for."""
    backbone = torchvision_backbone("resnet18", weights="none", size=32)
    before = {key: value.clone() for key, value in backbone.body.state_dict().items()}
    found = backbone(PICTURES * 4)
    assert not found.requires_grad
    assert not backbone.body.training
    assert not any(p.requires_grad for p in backbone.body.parameters())
    assert all(torch.equal(value, before[key]) for key, value in backbone.body.state_dict().items())


def test_a_known_network_is_built_only_when_pictures_go_through(monkeypatch: pytest.MonkeyPatch) -> None:
    first = torchvision_backbone("resnet18", weights="none", size=32)
    monkeypatch.setattr(models, "get_model", lambda *a, **k: pytest.fail("built"))
    again = torchvision_backbone("resnet18", weights="none", size=32)
    assert (again.fingerprint, again.width, again.parameters) == (first.fingerprint, 512, first.parameters)


def test_half_precision_is_kept_and_is_another_backbone() -> None:
    full, half = (torchvision_backbone("resnet18", weights="none", size=32, dtype=d) for d in ("float32", "bfloat16"))
    assert half(PICTURES).dtype == torch.bfloat16
    assert half.fingerprint != full.fingerprint
    assert torch.allclose(half(PICTURES).float(), full(PICTURES), atol=0.2)


@pytest.fixture
def weight_server(tmp_path: Path) -> Iterator[tuple[str, Path, list[str]]]:
    """Weights of a ResNet-18 on a server on this machine, named by their hash as torch.hub wants it."""
    torch.manual_seed(5)
    file = tmp_path / "served" / "resnet18.pth"
    file.parent.mkdir()
    torch.save(models.resnet18().state_dict(), file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
    file = file.rename(file.with_name(f"resnet18-{digest}.pth"))
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            super().do_GET()

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(file.parent)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/{file.name}", file, asked
    server.shutdown()


def serve(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    class Preset:
        DEFAULT = type("W", (), {"url": url, "transforms": staticmethod(models.ResNet18_Weights.DEFAULT.transforms)})

    monkeypatch.setattr(models, "get_model_weights", lambda name: Preset)


def test_default_weights_are_downloaded_once_and_checked(
    monkeypatch: pytest.MonkeyPatch, weight_server: tuple[str, Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    url, file, asked = weight_server
    serve(monkeypatch, url)
    made: Backbone = torchvision_backbone("resnet18")
    assert (made.transform.size, made.transform.resize) == (224, 256)
    other = torchvision_backbone("resnet18", weights=str(file), size=224)
    assert torch.equal(made.body.conv1.weight, other.body.conv1.weight)
    assert torchvision_backbone("resnet18").body.conv1.weight is not None
    assert len(asked) == 1
    told = capsys.readouterr()
    assert "Downloading" in told.err
    assert told.out == ""  # which is for results, --json's above all


def test_damaged_default_weights_are_refused(
    monkeypatch: pytest.MonkeyPatch, weight_server: tuple[str, Path, list[str]]
) -> None:
    url, file, _ = weight_server
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    serve(monkeypatch, url)
    with pytest.raises(CallError, match=r"cannot download .*invalid hash"):
        torchvision_backbone("resnet18")


def test_offline_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, "http://127.0.0.1:9/resnet18-00000000.pth")
    with pytest.raises(CallError, match=r"cannot download .*connect once, put that file into .*weights=PATH"):
        torchvision_backbone("resnet18")
