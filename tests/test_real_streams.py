"""The main job on real pictures of every stream that needs data, on a few classes each."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from cltool.recipe import Recipe
from cltool.run import prepare, run
from cltool.rundir import Metrics, RunDirectory

pytestmark = pytest.mark.slow


def learn(out: Path, **recipe: Any) -> Metrics:
    return run(prepare(Recipe.of({"merge": "alpha", **recipe})), RunDirectory(out))


def unzip(archive: Path, out: Path) -> str:
    with zipfile.ZipFile(archive) as file:
        file.extractall(out)
    return str(out)


def test_letters_in_emnists_format_with_both_protocols(shared_data: Path, tmp_path: Path) -> None:
    data = unzip(shared_data / "emnist_format_letters.zip", tmp_path / "letters")
    go: dict[str, Any] = {"stream": "emnist", "data_root": data, "joint": False}
    leaking = learn(tmp_path / "all", backbone="universal:on=all,epochs=2", **go)
    honest = learn(tmp_path / "first", backbone="universal:on=first,epochs=2", **go)
    assert leaking.left_out == ["z"]
    assert leaking.cost.parameters_per_task == [605] * 5
    assert [len(task.outputs) for task in leaking.tasks] == [5] * 5
    assert {(task.train, task.test) for task in leaking.tasks} == {(5 * 480, 5 * 120)}
    assert leaking.accuracy_final > 0.687  # Table 4.4, on EMNIST itself
    assert 0.25 < honest.accuracy_final < leaking.accuracy_final


def test_pictures_in_folders_through_imagenets_squeezenet(shared_data: Path, squeezenet: Path, tmp_path: Path) -> None:
    found = learn(
        tmp_path / "run",
        stream="folder",
        data_root=str(shared_data / "tiny_imagenet_100.zip"),
        tasks=2,
        class_order=["n01443537", "n01641577", "n01698640", "n01768244"],
        backbone=f"squeezenet1_0:weights={squeezenet},size=64",
    )
    assert found.accuracy_final > 0.6
    assert found.joint is not None
    assert found.joint.curve[-1] > 0.6
    assert found.universal is None


def test_cifar100s_own_files(shared_data: Path, squeezenet: Path, tmp_path: Path) -> None:
    make = [sys.executable, str(shared_data / "make_cifar100_format.py"), str(tmp_path / "d")]
    subprocess.run(make, check=True)
    found = learn(
        tmp_path / "run",
        stream="cifar100:verify=false",
        data_root=str(tmp_path / "d"),
        tasks=2,
        classes_per_task=2,
        backbone=f"squeezenet1_0:weights={squeezenet},size=32",
    )
    assert found.accuracy_final > 0.3
    assert "not verified" in found.note
    assert len(found.left_out) == 96


@pytest.mark.parametrize("mode", ["majority", "crossentropy"])
def test_faces_straight_from_the_zip_hard_and_soft(
    shared_data: Path, squeezenet: Path, tmp_path: Path, mode: str
) -> None:
    found = learn(
        tmp_path / "run",
        stream=f"ferplus:mode={mode}",
        data_root=str(shared_data / "ferplus.zip"),
        tasks=2,
        class_order=["disgust", "contempt", "fear", "surprise"],
        backbone=f"squeezenet1_0:weights={squeezenet},size=32",
    )
    assert "fer2013new.csv" in found.note
    assert mode in found.note
    assert found.accuracy_final > 0.5
