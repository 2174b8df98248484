"""`cltool video evaluate` as a user sees it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cltool.affect.recipes import AffectRecipe
from cltool.affect.setups import prepare
from cltool.affect.training import train
from tests.affect.conftest import write_store

FILES = {"evaluation.json", "table.md"}


@pytest.fixture
def model(tmp_path: Path) -> Callable[..., Path]:
    """Trains a network for an epoch, into a folder of the store's folder."""

    def make(name: str, network: str = "audio:hidden=8") -> Path:
        store = tmp_path / "store"
        if not store.exists():
            write_store(store)
        keys = {"network": network, "sequence": 20, "epochs": 1, "batch": 8, "device": "cpu"}
        train(prepare(AffectRecipe.of({"store": str(store), **keys})), tmp_path / name)
        return tmp_path / name

    return make


@pytest.mark.slow
def test_one_model_into_its_own_folder_which_is_made_anew(cltool: Callable, model: Callable) -> None:
    one = model("one")
    for _ in range(2):
        found = cltool("video", "evaluate", one)
        assert found.code == 0, found.err
        assert {path.name for path in (one / "evaluation").iterdir()} == FILES | {"curves.png"}
    (training,) = json.loads((one / "evaluation" / "evaluation.json").read_text())["trainings"]
    told = " ".join(found.out.split())
    assert "one (audio:hidden=8, trained on ccc, sequence 20) on store: validation, 2 films" in told
    for video in training["videos"]:
        assert any(line.split()[:2] == [video["film"], "validation"] for line in found.out.splitlines())
        assert f"{video['ccc_valence']:.3f}" in told


@pytest.mark.slow
def test_several_side_by_side_and_json_alone(cltool: Callable, model: Callable, tmp_path: Path) -> None:
    one, two = model("one"), model("two", "pose:hidden=8")
    found = cltool("video", "evaluate", one, two, "--films", "all", "--out", tmp_path / "out", "--json")
    assert found.code == 0, found.err
    told = json.loads(found.out)
    assert told == json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert [training["network"] for training in told["trainings"]] == ["audio:hidden=8", "pose:hidden=8"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES | {"one.png", "two.png"}
    shown = cltool("video", "evaluate", one, two, "--out", tmp_path / "again").out
    assert all(any(line.split()[:1] == [name] for line in shown.splitlines()) for name in ("one", "two"))


@pytest.mark.slow
def test_other_films_than_its_own(cltool: Callable, model: Callable, tmp_path: Path) -> None:
    other = write_store(tmp_path / "other", films=4, frames=50)
    found = cltool("video", "evaluate", model("one"), "--store", other, "--json", "--out", tmp_path / "out")
    (training,) = json.loads(found.out)["trainings"]
    assert (training["store"], training["films"], training["frames"]) == ("other", "all", 200)
    assert {video["part"] for video in training["videos"]} == {None}


@pytest.mark.slow
def test_a_file_does_not_write_over_the_evaluation_of_another_of_its_name(
    cltool: Callable, model: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    one, two = model("one"), model("other/one", "pose:hidden=8")
    for _ in range(2):
        assert cltool("video", "evaluate", one / "best.safetensors").code == 0
    before = (tmp_path / "evaluation" / "evaluation.json").read_bytes()
    found = cltool("video", "evaluate", two / "best.safetensors")
    assert (found.code, "holds no evaluation of the same" in found.err) == (2, True)
    assert (tmp_path / "evaluation" / "evaluation.json").read_bytes() == before


def test_help_teaches(cltool: Callable) -> None:
    told = " ".join(cltool("video", "evaluate", "--help").out.replace("│", " ").split())
    for words in ("all valid frames of all films", "--films", "--store", "cltool video evaluate trainings/full"):
        assert words in told
