"""`cltool video train`: from a store to a training directory, and what wrong calls are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from cltool.affect.directory import AffectDirectory
from tests.affect.conftest import write_store

TRAIN = ("video", "train")
QUICK = ("--network", "pose:hidden=8", "--sequence", 20, "--batch", 8, "--epochs", 2, "--device", "cpu")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a small store in it."""
    monkeypatch.chdir(tmp_path)
    write_store(tmp_path / "store")
    return tmp_path


@pytest.mark.slow
def test_it_trains_says_what_came_out_and_goes_on(cltool: Callable, folder: Path) -> None:
    done = cltool(*TRAIN, "store", *QUICK, "--out", "out")
    assert done.code == 0, done.err
    assert "best epoch" in done.out
    assert "2 validation films (synthetic films)" in done.out
    assert "cltool video evaluate out" in done.out
    again = cltool(*TRAIN, "--resume", "out")
    assert (again.code, "had come to its end already" in again.err) == (0, True)


def test_json_is_all_that_is_printed(cltool: Callable, folder: Path) -> None:
    done = cltool(*TRAIN, "store", *QUICK, "--out", "out", "--json")
    found = json.loads(done.out)
    assert [line["epoch"] for line in found["epochs"]] == [1, 2]
    assert found["card"]["reads"] == {"body": 6}
    assert found["card"]["synthetic"] is True


@pytest.mark.slow
def test_a_preset_comes_from_the_network_or_by_name_and_options_beside_it_win(cltool: Callable, folder: Path) -> None:
    own = ("--network", "pose:hidden=8", "--sequence", 20, "--epochs", 1, "--device", "cpu")
    for out, preset, rate, optimizer in (
        ("network's", (), 3e-3, "adamw"),
        ("thesis'", ("--preset", "orgil-rnn"), 0.01, "sgd"),
        ("changed", ("--preset", "orgil-rnn", "--learning-rate", 0.02, "--early-stop", 0), 0.02, "sgd"),
    ):
        assert cltool(*TRAIN, "store", *own, *preset, "--out", out).code == 0
        recipe = AffectDirectory(folder / out).recipe()
        assert (recipe.learning_rate, recipe.optimizer, recipe.epochs) == (rate, optimizer, 1)
    assert AffectDirectory(folder / "network's").recipe().preset == "recurrent"
    assert AffectDirectory(folder / "changed").recipe().early_stop is None


@pytest.mark.slow
def test_an_earlier_recipe_is_a_preset(cltool: Callable, folder: Path) -> None:
    cltool(*TRAIN, "store", *QUICK, "--loss", "mse", "--out", "first")
    done = cltool(*TRAIN, "--preset", "first/recipe.yaml", "--seed", 3, "--out", "second")
    assert done.code == 0, done.err
    first, second = (yaml.safe_load((folder / out / "recipe.yaml").read_text()) for out in ("first", "second"))
    assert {key for key in first if first[key] != second[key]} == {"seed", "preset"}
    (folder / "store").rename(folder / "moved")
    gone = cltool(*TRAIN, "--preset", "first/recipe.yaml", "--out", "third")
    assert (gone.code, gone.err.count("\n"), "store is no feature store" in gone.err) == (2, 1, True)
    assert cltool(*TRAIN, "moved", "--preset", "first/recipe.yaml", "--out", "third").code == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "STORE is missing; give the folder of features"),
        (("store",), "--network is missing; there are: audio, evm, feature, full"),
        (("store", "--network", "poze"), "did you mean 'pose'?"),
        (("store", "--network", "full"), "network 'full' reads 'face', which"),
        (("nowhere", "--network", "pose"), "nowhere is no feature store"),
        (("store", "--network", "pose", "--preset", "orgil"), "did you mean 'orgil-rnn'?"),
        (("store", "--network", "pose", "--preset", ""), "there is no preset ''; there are: orgil-rnn"),
        (("store", "--network", "pose", "--clip", "inf"), "clip: Input should be a finite number"),
        (("store", "--network", "pose", "--preset", "gone.yaml"), "recipe gone.yaml: No such file"),
        (("store", "--network", "pose", "--sequence", 400), "--sequence 400: the longest training film, of 4, has 60"),
        (("store", "--network", "pose", "--loss", "ccc+mes"), "did you mean 'mse'?"),
        (("store", "--network", "pose", "--epochs", 0), "epochs: Input should be greater than or equal to 1"),
        (("store", "--network", "pose", "--split", "80/20"), "there is no split '80/20'"),
        (("store", "--network", "pose", "--device", "gpu"), "device"),
        (("store", "--network", "pose", "--out", "store"), "--out store is not empty"),
        (("--resume", "nowhere"), "there is no recipe.yaml, so no training to take up"),
        (("--resume", "store", "--epochs", 3), "takes its recipe from store; leave out --epochs"),
        (("store", "--resume", "store"), "takes its recipe from store; leave out STORE"),
    ],
)
def test_wrong_calls(cltool: Callable, folder: Path, arguments: tuple[object, ...], told: str) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    done = cltool(
        *TRAIN, *arguments, *(() if "--resume" in arguments or "--device" in arguments else ("--device", "cpu"))
    )
    assert done.code == 2, done.err
    assert told in done.err
    assert done.out == ""
    assert done.err.count("\n") == 1
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == before
