"""`cltool universal train` as it is called."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from cltool.cli.arguments import parse_label_map

TRAIN = ("universal", "train", "--stream", "digits", "--backbone", "random", "--device", "cpu")
SHORT = (*TRAIN, "--classes", 3, "--epochs", 2, "--learning-rate", 0.05)


@pytest.mark.slow
def test_json_is_the_card_and_the_epochs(cltool: Callable, tmp_path: Path) -> None:
    called = cltool(*SHORT, "--out", tmp_path / "out", "--json")
    assert called.code == 0, called.err
    found = json.loads(called.out)
    assert set(found) == {"schema", "out", "card", "epochs"}
    assert found["out"] == str(tmp_path / "out")
    assert found["card"]["classes"] == ["0", "1", "2"]
    assert [facts["epoch"] for facts in found["epochs"]] == [1, 2]


@pytest.mark.slow
def test_it_says_what_came_out_and_what_to_do_next(
    cltool: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    called = cltool(*SHORT)
    assert called.code == 0, called.err
    (out,) = (tmp_path / "trainings").iterdir()
    assert out.name.startswith("digits-random-")
    assert "best epoch 2 of 2: accuracy" in called.out
    assert f"cltool universal evaluate trainings/{out.name}" in called.out
    assert f"--backbone trained:weights=trainings/{out.name}/best.safetensors" in called.out
    again = cltool("universal", "train", "--resume", out)
    assert again.code == 0, again.err
    assert "had come to its end already" in again.err
    assert "best epoch 2 of 2" in again.out


@pytest.mark.slow
def test_a_recipe_repeats_a_training_and_options_beside_it_win(cltool: Callable, tmp_path: Path) -> None:
    assert cltool(*SHORT, "--out", tmp_path / "one", "--no-flip").code == 0
    recipe = tmp_path / "one" / "recipe.yaml"
    assert cltool("universal", "train", recipe, "--out", tmp_path / "two").code == 0
    assert recipe.read_text() == (tmp_path / "two" / "recipe.yaml").read_text()
    best = [(tmp_path / out / "best.safetensors").read_bytes() for out in ("one", "two")]
    assert best[0] == best[1]
    call = ("universal", "train", recipe, "--out", tmp_path / "three", "--size", 12, "--early-stop", 0)
    assert cltool(*call).code == 0
    found = yaml.safe_load((tmp_path / "three" / "recipe.yaml").read_text())
    assert (found["size"], found["resize"], found["early_stop"], found["flip"]) == (12, 14, None, False)
    assert found["backbone"]["options"]["size"] == 12


@pytest.mark.slow
def test_a_label_map_is_a_file(cltool: Callable, tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text(
        "".join(f"{n}: {'even' if n % 2 == 0 else 'odd'}\n" for n in range(9)) + "9: null\n"
    )
    call = (*TRAIN, "--label-map", tmp_path / "map.yaml", "--epochs", 1, "--out", tmp_path / "out", "--json")
    called = cltool(*call)
    assert called.code == 0, called.err
    assert json.loads(called.out)["card"]["classes"] == ["even", "odd"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("universal", "train"), "--stream is missing; there are:"),
        ((*TRAIN, "--classes", "1,11"), "no class '11'"),
        ((*TRAIN, "--classes", "1"), "--classes 1: a network learns to tell two or more apart"),
        ((*TRAIN, "--stream", "digits:b"), "'digits:b': 'b' is not key=value"),
        ((*TRAIN, "--backbone", "random:b"), "'random:b': 'b' is not key=value"),
        ((*TRAIN, "--batch", "1"), "batch: Input should be greater than or equal to 2"),
        ((*TRAIN, "--augment", "flip"), "augment: Input should be 'crop', 'warp' or 'none'"),
        ((*TRAIN, "--size", "16", "--resize", "12"), "resize 12 is smaller than size 16"),
        ((*TRAIN, "--label-map", "nowhere.yaml"), "--label-map nowhere.yaml: No such file"),
        (("universal", "train", "nowhere.yaml"), "recipe nowhere.yaml: No such file"),
        (("universal", "train", "--resume", "nowhere"), "no training to take up"),
        (("universal", "train", "--resume", "nowhere", "--epochs", "3"), "leave out epochs"),
        (("universal", "train", "--resume", "nowhere", "--out", "x"), "leave out out"),
        ((*TRAIN, "--epoch", "5"), "--epoch"),
    ],
    ids=lambda value: " ".join(value[-2:]) if isinstance(value, tuple) else "",
)
def test_wrong_calls(
    cltool: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    called = cltool(*arguments)
    assert called.code == 2
    assert len(called.err.splitlines()) == 1, called.err
    assert told in called.err
    assert not called.out
    assert {path.name for path in tmp_path.iterdir()} <= {"cache"}


@pytest.mark.parametrize(
    ("text", "told"), [("[", "is no YAML"), ("- 1", "must be lines of"), ("1: [2]", "must be lines of")]
)
def test_a_label_map_that_is_none(cltool: Callable, tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "map.yaml").write_text(text)
    called = cltool(*TRAIN, "--label-map", tmp_path / "map.yaml")
    assert called.code == 2
    assert told in called.err


def test_names_in_a_label_map_are_what_stands_there(tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text(
        "010: yes\n1.50: 2026-01-01\nno: ~\nn: null\nempty:\n'null': 'null'\n0x1: 1_000\n"
    )
    assert parse_label_map(tmp_path / "map.yaml") == {
        "010": "yes",
        "1.50": "2026-01-01",
        "no": None,
        "n": None,
        "empty": None,
        "null": "null",
        "0x1": "1_000",
    }


def test_help_tells_of_several_gpus(cltool: Callable) -> None:
    assert "torchrun --nproc-per-node 2 --no-python cltool universal train" in " ".join(
        cltool("universal", "train", "--help").out.replace("│", " ").split()
    )
