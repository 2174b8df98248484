"""Linear layers of anybody's checkpoint: which count as such, what their rows are called, and there and back."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models import resnet18

from cltool.checkpoints import Checkpoint, open_checkpoint
from cltool.errors import CallError
from cltool.heads import Head
from cltool.layers import (
    SPACE,
    Layer,
    Outputs,
    OutputsFile,
    choose_layers,
    facts_with,
    head_of,
    is_head,
    linear_layers,
    outputs_in,
    tensors_of,
)


def saved(path: Path, tensors: dict[str, Tensor], facts: dict[str, str] | None = None) -> Checkpoint:
    save_file(tensors, path, facts)
    return open_checkpoint(path)


def names(layers: list[Layer]) -> list[str]:
    return [layer.name for layer in layers]


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    path = tmp_path_factory.mktemp("resnet") / "resnet.pt"
    torch.save(resnet18(num_classes=7).state_dict(), path)
    return open_checkpoint(path)


def test_a_networks_only_linear_layer_is_found(resnet: Checkpoint) -> None:
    assert linear_layers(resnet) == [Layer("fc", "fc.weight", "fc.bias", 7, 512)]
    assert choose_layers(resnet) == linear_layers(resnet)
    assert choose_layers(resnet, ["fc.weight"]) == choose_layers(resnet, ["f*"]) == linear_layers(resnet)


def test_one_by_one_convolutions_count_only_where_there_is_nothing_else(resnet: Checkpoint, squeezenet: Path) -> None:
    squeeze = open_checkpoint(squeezenet)
    assert Layer("classifier.1", "classifier.1.weight", "classifier.1.bias", 1000, 512) in linear_layers(squeeze)
    assert not any("expand3x3" in name for name in names(linear_layers(squeeze)))
    assert names(choose_layers(resnet, ["*"])) == ["fc"]
    assert names(choose_layers(resnet, ["layer4.*"])) == ["layer4.0.downsample.0"]  # nothing else is meant by it
    assert choose_layers(resnet, ["layer4.0.downsample.0"])[0].bias is None


def test_several_patterns_give_each_layer_once_in_the_files_order(tmp_path: Path) -> None:
    layers = {f"{name}.weight": torch.ones(2, 3) for name in ("a", "b", "c")}
    found = choose_layers(saved(tmp_path / "m.safetensors", layers), ["c", "b.weight", "[bc]"])
    assert names(found) == ["b", "c"]


def test_a_bare_linear_layer_and_one_whose_bias_is_something_else(tmp_path: Path) -> None:
    torch.save(nn.Linear(3, 2).state_dict(), tmp_path / "linear.pt")
    assert linear_layers(open_checkpoint(tmp_path / "linear.pt")) == [Layer("weight", "weight", "bias", 2, 3)]
    odd = {"fc.weight": torch.ones(2, 3), "fc.bias": torch.ones(1), "norm.weight": torch.ones(2)}
    assert linear_layers(saved(tmp_path / "odd.safetensors", odd)) == [Layer("fc", "fc.weight", None, 2, 3)]


@pytest.mark.parametrize(
    ("patterns", "told"),
    [
        ([], "has 3 linear layers; say which with --layer: a, b, head"),
        (["haed"], "no linear layer 'haed'; did you mean 'head'"),
        (["x.*"], "no linear layer 'x.*'; there are: a, b, head"),
        (["conv"], "'conv.weight' of .* is float32 .4, 3, 7, 7., no linear layer"),
        (["norm.weight"], "no linear layer"),
        (["quantised"], "is int8 .2, 3., no linear layer; take the model as it was before it was quantised"),
    ],
)
def test_what_cannot_be_chosen_is_said(tmp_path: Path, patterns: list[str], told: str) -> None:
    tensors = {f"{name}.weight": torch.ones(2, 3) for name in ("head", "a", "b")}
    others = {"conv.weight": torch.ones(4, 3, 7, 7), "norm.weight": torch.ones(3)}
    quantised = {"quantised.weight": torch.ones(2, 3, dtype=torch.int8)}
    with pytest.raises(CallError, match=told):
        choose_layers(saved(tmp_path / "m.safetensors", {**tensors, **others, **quantised}), patterns)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("sides", [(), (1, 1)])
def test_there_and_back_is_the_same_to_the_bit(tmp_path: Path, dtype: torch.dtype, sides: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    tensors = {
        "fc.weight": torch.randn(5, 4, *sides, dtype=torch.float64).to(dtype),
        "fc.bias": torch.randn(5).to(dtype),
    }
    checkpoint = saved(tmp_path / "m.safetensors", tensors)
    (layer,) = linear_layers(checkpoint)
    head = head_of(checkpoint, layer)
    assert head.weight.dtype == torch.promote_types(dtype, torch.float32)
    assert head.space == SPACE
    assert torch.isnan(head.counts).all()
    back = tensors_of(head, layer, checkpoint)
    assert {key: tensor.dtype for key, tensor in back.items()} == dict.fromkeys(tensors, dtype)
    assert all(torch.equal(back[key], tensors[key]) for key in tensors)


def test_a_bias_that_is_finer_than_its_weights_stays_so(tmp_path: Path) -> None:
    tensors = {"fc.weight": torch.ones(1, 2).half(), "fc.bias": torch.tensor([1 / 3], dtype=torch.float64)}
    checkpoint = saved(tmp_path / "m.safetensors", tensors)
    (layer,) = linear_layers(checkpoint)
    assert torch.equal(tensors_of(head_of(checkpoint, layer), layer, checkpoint)["fc.bias"], tensors["fc.bias"])


def test_what_the_file_has_no_room_for_is_refused(tmp_path: Path) -> None:
    checkpoint = saved(tmp_path / "m.safetensors", {"fc.weight": torch.ones(1, 2).half()})
    (layer,) = linear_layers(checkpoint)
    head = head_of(checkpoint, layer)
    assert list(tensors_of(head, layer, checkpoint)) == ["fc.weight"]
    with pytest.raises(CallError, match="too large for float16"):
        tensors_of(Head(head.names, head.weight * 1e6, head.bias, head.counts, SPACE), layer, checkpoint)
    with pytest.raises(CallError, match="has no bias"):
        tensors_of(Head(head.names, head.weight, head.bias + 1, head.counts, SPACE), layer, checkpoint)


def test_a_head_of_ours_is_a_whole_head(tmp_path: Path) -> None:
    ours = Head(("cat", "unknown"), torch.randn(2, 3), torch.randn(2), torch.tensor([9.0, 0.0]), "space")
    ours.save(tmp_path / "head.safetensors")
    checkpoint = open_checkpoint(tmp_path / "head.safetensors")
    (layer,) = linear_layers(checkpoint)
    assert is_head(checkpoint, layer)
    head = head_of(checkpoint, layer)
    assert (head.names, head.space, head.counts.tolist()) == (ours.names, "space", [9.0, 0.0])
    new = tensors_of(head, layer, checkpoint)
    checkpoint.write(tmp_path / "copy.safetensors", new, facts_with(checkpoint, layer, outputs_in(checkpoint, layer)))
    assert (tmp_path / "copy.safetensors").read_bytes() == (tmp_path / "head.safetensors").read_bytes()


def test_names_and_counts_come_back_from_metadata_beside_what_was_there(tmp_path: Path) -> None:
    tensors = {"a.weight": torch.ones(2, 3), "b.weight": torch.ones(1, 2)}
    checkpoint = saved(tmp_path / "m.safetensors", tensors, {"author": "Ärger"})
    a, b = linear_layers(checkpoint)
    assert outputs_in(checkpoint, a) is None
    for layer, told in ((a, Outputs(("x\ty", "unknown"), (3.0, math.nan))), (b, Outputs(("z",), (math.nan,)))):
        checkpoint.write(tmp_path / "m.safetensors", {}, facts_with(checkpoint, layer, told))
        checkpoint = open_checkpoint(tmp_path / "m.safetensors")
    assert checkpoint.facts["author"] == "Ärger"
    entries = json.loads(checkpoint.facts["cltool"])["outputs"]
    assert entries == {"a": {"names": ["x\ty", "unknown"], "counts": [3, None]}, "b": {"names": ["z"], "counts": None}}
    found = outputs_in(checkpoint, a)
    assert found is not None
    assert found.names == ("x\ty", "unknown")
    assert found.counts[0] == 3
    assert math.isnan(found.counts[1])


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ("no JSON", "what cltool has not written"),
        ("[]", "what cltool has not written"),
        ('{"outputs": {"fc": {"names": ["a"]}}}', "they name 1 of 2 rows"),
        ('{"outputs": {"fc": {"names": ["a", "a"]}}}', "a name that repeats"),
        ('{"outputs": {"fc": {"names": ["a", 1]}}}', "do not fit layer fc"),
        ('{"outputs": {"fc": {"names": ["a", "b"], "counts": [1]}}}', "2 names and 1 counts"),
        ('{"outputs": {"fc": 3}}', "do not fit layer fc"),
    ],
)
def test_metadata_that_do_not_fit_are_said(tmp_path: Path, facts: str, told: str) -> None:
    checkpoint = saved(tmp_path / "m.safetensors", {"fc.weight": torch.ones(2, 3)}, {"cltool": facts})
    (layer,) = linear_layers(checkpoint)
    with pytest.raises(CallError, match=told):
        outputs_in(checkpoint, layer)


def test_a_text_file_of_names_comes_back(tmp_path: Path) -> None:
    told = Outputs(("Katze ü", "dog, big", "x\u2028y"), (12.0, math.nan, 0.5))
    (tmp_path / "names.txt").write_text(told.text, encoding="utf-8")
    found = Outputs.load(tmp_path / "names.txt", 3)
    assert found.names == told.names
    assert found.counts[::2] == told.counts[::2]
    assert math.isnan(found.counts[1])
    (tmp_path / "windows.txt").write_bytes(b"\xef\xbb\xbfcat\t3\r\ndog\r\n")
    assert Outputs.load(tmp_path / "windows.txt", 2).names == ("cat", "dog")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a\n\nb\n", "line 2 of .* has no name"),
        ("a\nb\n\n", "line 3 of .* has no name"),
        ("a\n\t3\nb\n", "line 2 of .* has no name"),
        ("a\nb\na\n", "line 3 of .*: 'a' stands in line 1 already"),
        ("a\nb\n", "has 2 lines; there are 3 rows"),
        ("a\nb\nc\nd\n", "has 4 lines; there are 3 rows"),
        ("a\nb\tmany\nc", "line 2 of .*: 'many' is no number of samples"),
        ("a\nb\t-1\nc", "line 2 of .*: '-1' is no number"),
        ("a\nb\tnan\nc", "line 2 of .*: 'nan' is no number"),
        ("a\nb\t\nc", "line 2 of .*: '' is no number"),
        ("", "has 0 lines"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "names.txt").write_text(text)
    with pytest.raises(CallError, match=told):
        Outputs.load(tmp_path / "names.txt", 3)


def test_a_file_that_is_no_text_and_names_that_would_not_come_back(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CallError, match="no UTF-8 text"):
        OutputsFile.load(tmp_path / "names.txt")
    with pytest.raises(CallError, match="cannot be read: No such file"):
        OutputsFile.load(tmp_path / "nowhere.txt")
    for name in ("a\nb", " a", "", "a\tb"):
        with pytest.raises(CallError, match="cannot stand in a line"):
            _ = Outputs((name,), (1.0,)).text
