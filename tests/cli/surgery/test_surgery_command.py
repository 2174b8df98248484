"""`cltool surgery` as a user calls it, on real networks."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn
from torchvision.models import resnet18

from cltool.cli.surgery import sparkline


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    return resnet18(num_classes=20)


@pytest.fixture
def model(network: nn.Module, tmp_path: Path) -> Path:
    save_file(network.state_dict(), tmp_path / "in.safetensors")
    return tmp_path / "in.safetensors"


@pytest.mark.slow
def test_the_call_of_the_acceptance_check(cltool: Callable, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    found = cltool("surgery", "apply", "prune:margin=0.01", "--layer", "fc", model, "-o", out)
    assert found.code == 0, found.err
    a, b = load_file(model), load_file(out)
    resnet18(num_classes=20).load_state_dict(b, strict=True)
    assert all(torch.equal(a[k], b[k]) for k in a if k != "fc.weight")
    w = a["fc.weight"]
    inside = (w >= w.min() + 0.01) & (w <= w.max() - 0.01)
    assert torch.equal(b["fc.weight"], torch.where(inside, torch.zeros(()), w))
    for words in ("prune:margin=0.01", "76.8%", "-0.044 … 0.044", str(out)):
        assert words in found.out
    assert "@" not in found.out
    assert Image.open(tmp_path / "out.safetensors.png").size[0] > 800


@pytest.mark.slow
def test_what_changes_nothing_is_called_a_no_op(cltool: Callable, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    drawing = ("--picture", tmp_path / "p.svg")
    found = cltool("surgery", "apply", "prune:margin=9", "clahe", model, "-o", out, "--seed", 3, *drawing)
    assert found.code == 0, found.err
    assert "prune:margin=9.0 (no-op)" in found.out
    assert "clahe (no-op)" not in found.out
    assert "prune:margin=9.0 (no-op) + clahe" in (tmp_path / "p.svg").read_text()
    assert not (tmp_path / "out.safetensors.png").exists()


def test_apply_in_json_and_in_place(cltool: Callable, model: Path) -> None:
    call = ("surgery", "apply", "prune:margin=0.01", model, "-o", model, "--no-picture", "--force", "--json")
    found = cltool(*call)
    assert found.code == 0, found.err
    facts = json.loads(found.out)
    assert (facts["out"], facts["picture"], facts["seed"]) == (str(model), None, 0)
    ((layer,), effect) = facts["layers"], facts["layers"][0]["effects"][0]
    assert (layer["layer"], effect["no_op"]) == ("fc", False)
    assert effect["sparsity"] == float((load_file(model)["fc.weight"] == 0).double().mean())
    assert [path.name for path in model.parent.iterdir() if path.is_file()] == [model.name]


@pytest.mark.slow
def test_inspect_shows_the_layers_and_draws_them(cltool: Callable, squeezenet: Path, tmp_path: Path) -> None:
    found = cltool("surgery", "inspect", squeezenet, "--picture", tmp_path / "p.png")
    assert found.code == 0, found.err
    (line,) = (line for line in found.out.splitlines() if line.startswith("classifier.1"))
    for words in ("1000 × 512", "float16", "512", "80.0%", "-0.5 … 0.212", "█"):
        assert words in line
    assert "features.9.expand1x1: 1 dead row(s): 19" in found.out
    assert Image.open(tmp_path / "p.png").size[0] > 1000


def test_inspect_in_json_is_json_whatever_the_numbers(cltool: Callable, tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.full((1, 2), torch.nan), "b.weight": torch.eye(2)}, tmp_path / "m.pt")
    found = cltool("surgery", "inspect", tmp_path / "m.pt", "--json")
    assert found.code == 0, found.err
    broken, whole = json.loads(found.out, parse_constant=pytest.fail)["layers"]
    assert (broken["layer"], broken["not_finite"], broken["rank"], broken["least"]) == ("fc", 2, None, None)
    assert (whole["rank"], whole["norm"], whole["zeros"], len(whole["counts"])) == (2, 2**0.5, 0.5, 101)
    shown = cltool("surgery", "inspect", tmp_path / "m.pt")
    assert "fc: 2 number(s) not finite, in row(s) 0" in shown.out


@pytest.mark.slow
def test_merge_tells_the_rows_and_what_to_build(
    cltool: Callable, network: nn.Module, model: Path, tmp_path: Path
) -> None:
    other = copy.deepcopy(network)
    other.fc = nn.Linear(512, 2)
    save_file(other.state_dict(), tmp_path / "b.safetensors")
    (tmp_path / "n.txt").write_text("".join(f"c{i}\t{i}\n" for i in range(19)) + "unknown\ncat\t5\nunknown\n")
    out = tmp_path / "ab.safetensors"
    call = ("surgery", "merge", "alpha", model, tmp_path / "b.safetensors", "--layer", "fc")
    found = cltool(*call, "-o", out, "--outputs", tmp_path / "n.txt")
    assert found.code == 0, found.err
    assert "layer fc has 21 outputs now: build the model with 21" in found.out
    assert "c0, c1, c2 and 17 more" in found.out
    resnet18(num_classes=21).load_state_dict(load_file(out), strict=True)
    assert (tmp_path / "ab.safetensors.png").is_file()
    again = cltool("surgery", "merge", "concat", out, out, "-o", tmp_path / "c.safetensors", "--no-picture", "--json")
    facts = json.loads(again.out, parse_constant=pytest.fail)
    assert facts["rows"] == len(facts["outputs"]) == 21
    assert facts["counts"] == [*range(19), 5, None]
    assert facts["files"][0] == {"file": str(out), "outputs": facts["outputs"]}
    assert facts["outputs_file"] is None


def test_a_state_dicts_names_lie_beside_it_and_the_user_is_told(cltool: Callable, tmp_path: Path) -> None:
    for name in "ab":
        torch.save(nn.Linear(2, 1).state_dict(), tmp_path / f"{name}.pth")
        (tmp_path / f"{name}.txt").write_text(f"{name}\n")
    texts = [text for name in "ab" for text in ("--outputs", tmp_path / f"{name}.txt")]
    files = [tmp_path / f"{name}.pth" for name in "ab"]
    found = cltool("surgery", "merge", "concat", *files, "-o", tmp_path / "ab.pth", *texts)
    assert found.code == 0, found.err
    assert str(tmp_path / "ab.pth.outputs.txt") in found.out
    assert (tmp_path / "ab.pth.outputs.txt").read_text() == "a\nb\n"


def test_a_surgery_of_ones_own(cltool: Callable, model: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from dataclasses import replace\nfrom cltool import Head, surgery\n\n\n"
        '@surgery\ndef negate(head: Head) -> Head:\n    """Turn signs."""\n'
        "    return replace(head, weight=-head.weight)\n"
    )
    out = tmp_path / "out.safetensors"
    found = cltool("surgery", "apply", "negate", model, "-o", out, "--plugin", tmp_path / "mine.py", "--no-picture")
    assert found.code == 0, found.err
    assert torch.equal(load_file(out)["fc.weight"], -load_file(model)["fc.weight"])


@pytest.mark.parametrize("command", ["inspect", "apply", "merge"])
def test_help_teaches_by_an_example(cltool: Callable, command: str) -> None:
    found = cltool("surgery", command, "--help")
    assert found.code == 0
    assert f"Example: cltool surgery {command}" in found.out


def test_help_imports_neither_torch_nor_pydantic() -> None:
    code = "import sys, cltool.cli.surgery; sys.exit(bool({'torch', 'pydantic', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_sparkline_holds_all_counts() -> None:
    assert sparkline((0,) * 101, 24) == " " * 24
    assert sparkline((*(0,) * 100, 1), 24) == " " * 23 + "▁"
    assert sparkline((1, 10, 100, 0), 4) == "▁▅█ "


def test_inspect_draws_over_nothing_unless_it_is_told(cltool: Callable, tmp_path: Path) -> None:
    model, kept = tmp_path / "m.safetensors", tmp_path / "kept.png"
    save_file({"fc.weight": torch.eye(2)}, model)
    kept.write_text("precious")
    found = cltool("surgery", "inspect", model, "--picture", kept)
    assert (found.code, kept.read_text()) == (2, "precious")
    assert "is there already; give --force" in found.err
    (tmp_path / "folder.png").mkdir()
    assert "is a folder" in cltool("surgery", "inspect", model, "--picture", tmp_path / "folder.png").err
    odd = tmp_path / "model.png"
    odd.write_bytes(model.read_bytes())
    found = cltool("surgery", "inspect", odd, "--picture", odd, "--force")
    assert "two things at once" in found.err
    assert odd.read_bytes() == model.read_bytes()
    assert cltool("surgery", "inspect", model, "--picture", kept, "--force").code == 0


def test_weights_too_far_apart_are_one_line(cltool: Callable, tmp_path: Path) -> None:
    model = tmp_path / "m.safetensors"
    save_file({"fc.weight": torch.tensor([[1e308, -1e308]], dtype=torch.float64)}, model)
    for call in (("inspect", model), ("apply", "clahe", model, "-o", tmp_path / "o.safetensors")):
        found = cltool("surgery", *call)
        assert found.code == 2
        assert "too far apart" in found.err
        assert len(found.err.splitlines()) == 1
    save_file({"fc.weight": torch.full((2, 3), 1e300, dtype=torch.float64)}, model)
    assert json.loads(cltool("surgery", "inspect", model, "--json").out)["layers"][0]["norm"] == pytest.approx(
        6**0.5 * 1e300
    )
