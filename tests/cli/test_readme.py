"""README's example of a merge, done as it says."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torchvision.models import resnet18

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.slow
def test_the_merge_in_readme_runs_with_its_option(cltool: Callable, tmp_path: Path) -> None:
    text = README.read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n# mine\.py\n(.*?)```", text, re.DOTALL)
    (tmp_path / "mine.py").write_text(code)
    (spec,) = re.findall(r"--plugin mine\.py --merge (\S+)", text)
    quick = ("--backbone", "random:features=32", "--head", "ridge", "--no-joint")
    checked = cltool("plugins", "check", tmp_path / "mine.py")
    assert checked.code == 0, checked.out
    call = ("run", "--stream", "digits", *quick, "--plugin", tmp_path / "mine.py", "--merge", spec)
    found = cltool(*call, "--out", tmp_path / "run", "--json")
    assert found.code == 0, found.err
    assert json.loads(found.out)["merge"] == spec


@pytest.mark.slow
def test_the_comparison_in_readme_runs_as_printed(
    cltool: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    calls = re.findall(r"^cltool (compare [^#\n]*)", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(calls) == 2
    for call in calls:
        found = cltool(*shlex.split(call.replace("--seeds 3", "--seeds 1 --jobs 1")))
        assert found.code == 0, found.err
    told = json.loads(Path("digits-compared/comparison.json").read_text())
    assert told["complete"]
    assert [entry["strategy"] for entry in told["strategies"]] == [
        "alpha",
        "ridge+lift=relu:dim=400",
        "avalanche:icarl",
    ]


@pytest.mark.slow
def test_the_training_in_readme_runs_as_printed(
    cltool: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    calls = re.findall(r"^cltool (.*digits-trained.*)$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert [call.split()[:2] for call in calls] == [
        ["universal", "train"],
        ["universal", "evaluate"],
        ["run", "--stream"],
    ]
    for call in calls:
        found = cltool(*shlex.split(call))
        assert found.code == 0, found.err
    told = json.loads(Path("digits-trained/evaluation/evaluation.json").read_text())
    assert told["trainings"][0]["accuracy"] > 0.5
    assert Path("digits-trained/evaluation/confusion.png").is_file()


@pytest.mark.slow
def test_the_surgeries_on_models_in_readme_run_as_printed(
    cltool: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = resnet18(num_classes=3)
    for file, names in (("resnet18", "abc"), ("cats", ("lynx", "tabby", "unknown")), ("dogs", ("poodle", "unknown"))):
        body.fc = torch.nn.Linear(512, len(names))
        save_file(body.state_dict(), tmp_path / f"{file}.safetensors")
        (tmp_path / f"{file}.txt").write_text("".join(f"{name}\n" for name in names))
    monkeypatch.chdir(tmp_path)
    calls = re.findall(r"^cltool (surgery .*)$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert [call.split()[1] for call in calls] == ["inspect", "apply", "merge"]
    for call in calls:
        found = cltool(*shlex.split(call))
        assert found.code == 0, found.err
    assert load_file("both.safetensors")["fc.weight"].shape == (4, 512)
    assert float((load_file("pruned.safetensors")["fc.weight"] == 0).double().mean()) > 0.7
    assert all(Path(f"{name}.png").is_file() for name in ("layers", "pruned.safetensors", "both.safetensors"))


def test_pictures_and_pages_that_readme_points_to_are_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8")):
        assert (README.parent / target).is_file(), target


@pytest.mark.slow
def test_the_films_in_readme_become_features_as_printed(
    cltool: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, face_model: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    calls = re.findall(r"^cltool ((?:data|video) .*)$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert [call.split()[1] for call in calls] == [
        *("make", "extract", "show", "magnify"),
        *("train", "evaluate", "predict"),
    ]
    for call in calls:
        found = cltool(*shlex.split(call))
        assert found.code == 0, found.err
    index = json.loads(Path("features/index.json").read_text())
    assert [film["frames"] for film in index["films"].values()] == [100, 100]
    assert all(film["valid"]["mesh"] > 80 for film in index["films"].values())
    assert Path("features/synthetic-000.png").is_file()
    assert Path("magnified.mp4").stat().st_size > 10_000
    (told,) = json.loads(Path("audio/evaluation/evaluation.json").read_text())["trainings"]
    assert told["frames"] > 80
    assert len(Path("synthetic-001-affect/predictions.csv").read_text().splitlines()) == 101
    assert Path("synthetic-001-affect/overlay.mp4").stat().st_size > 10_000
