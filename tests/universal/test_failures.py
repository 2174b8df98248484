"""Wrong calls of a training: one line that says what is wrong and what to do, and nothing made."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from cltool.errors import CallError
from cltool.pictures import Block
from cltool.training.checkpoints import Checkpoint
from cltool.universal import epochs, pixels, training
from cltool.universal.directory import TrainingDirectory
from cltool.universal.recipes import TrainingRecipe
from cltool.universal.setups import TrainingSetup, prepare
from cltool.universal.training import train
from cltool_plugins.streams.digits import digits

Make = Callable[..., TrainingSetup]
PARITY = {str(n): "even" if n % 2 == 0 else "odd" for n in range(10)}


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"label_map": {**PARITY, "ten": "even"}}, "no class 'ten'"),
        ({"label_map": {"0": "x", "1": "y"}}, "nothing is said of '2'; --label-map must name every class of the data"),
        ({"label_map": dict.fromkeys(PARITY)}, "leaves out every class; --label-map must name every class"),
        ({"label_map": dict.fromkeys(PARITY, "digit")}, "one class only, 'digit'"),
        ({"label_map": PARITY, "classes": ["even", "1"]}, "no class '1'"),
        ({"classes": 11}, "--classes 11: the data have 10 classes"),
        ({"classes": ["3", "three"]}, "no class 'three'"),
        ({"classes": ["3", "4", "3"]}, "'3' stands twice"),
        ({"classes": ["3"]}, "one class only"),
        ({"stream": "digit"}, "did you mean 'digits'"),
        ({"backbone": "randon"}, "did you mean 'random'"),
        ({"size": 16, "backbone": "random:size=12"}, "--size 16, but --backbone random:size=12; give one of the two"),
        ({"size": 24, "backbone": "universal:on=none"}, "takes pictures of 28 px; leave out --size"),
        ({"backbone": "universal:on=all"}, "--backbone universal:on=all is trained on the stream by itself; take a pl"),
        ({"resize": 20, "backbone": "random:size=24"}, "--resize 20 is smaller than 24"),
        ({"precision": "float16"}, "take bfloat16 or float32"),
        ({"data_root": "nowhere"}, "--data-root nowhere: there is nothing"),
    ],
)
def test_a_recipe_that_does_not_fit_says_why(keys: dict[str, Any], told: str) -> None:
    recipe = TrainingRecipe(**{"stream": "digits", "backbone": "random", "device": "cpu", **keys})
    with pytest.raises(CallError, match=re.escape(told)):
        prepare(recipe)


def test_a_class_of_too_few_pictures_cannot_be_cut(made: Make, tmp_path: Path) -> None:
    setup = made()
    few = {**setup.pictures.train, "2": setup.pictures.train["2"].part([0], "train")}
    setup = replace(setup, pictures=replace(setup.pictures, train=few))
    with pytest.raises(CallError, match=r"--validation 0.1: '2' has 1 training pictures, too few to be cut"):
        train(setup, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_fewer_pictures_than_two_a_process_are_refused() -> None:
    """Processes without a batch would wait for the others for ever."""
    training.check_shares(8, 4)
    with pytest.raises(CallError, match=r"7 pictures to learn from leave each of 4 process\(es\) fewer than 2"):
        training.check_shares(7, 4)


def test_a_picture_that_cannot_be_read_is_named(made: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(block: Block, index: int) -> torch.Tensor:
        raise CallError(f"cannot read picture {block.names[index]}: broken")

    monkeypatch.setattr(Block, "picture", broken)
    with pytest.raises(CallError, match="cannot read picture"):
        train(made(), tmp_path / "new" / "out")
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("most", "batch", "told"),
    [(40, 256, "--batch 256 does not fit into the memory of cpu; --batch 32 does"), (1, 64, "nor does any smaller")],
)
def test_a_batch_that_does_not_fit_into_memory(made: Make, tmp_path: Path, most: int, batch: int, told: str) -> None:
    with pytest.raises(CallError, match=told):
        train(made(backbone=f"tiny:most={most}", batch=batch), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_memory_that_torch_cannot_have_counts_too(made: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = epochs._step

    def hungry(trained: epochs.Training, batch: Any, total: int) -> torch.Tensor:
        torch.empty(1 << 50)
        return step(trained, batch, total)

    monkeypatch.setattr(epochs, "_step", hungry)
    with pytest.raises(CallError, match=r"--batch 64 does not fit .* --batch 32 does"):
        train(made(), tmp_path / "out")


def test_a_batch_must_hold_two_pictures(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="batch: Input should be greater than or equal to 2"):
        TrainingRecipe.of({"stream": "digits", "batch": 1})


@pytest.mark.slow
def test_a_loss_that_is_no_number_stops_and_keeps_what_was_finished(
    made: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = epochs._step
    calls = []

    def diverging(*arguments: Any) -> torch.Tensor:
        calls.append(1)
        return step(*arguments) * (float("nan") if len(calls) == 12 else 1)  # 9 batches an epoch

    with monkeypatch.context() as patched:
        patched.setattr(epochs, "_step", diverging)
        with pytest.raises(RuntimeError, match=r"loss of batch 3 in epoch 2 .*--learning-rate 0\.005"):
            train(made(), tmp_path / "out")
    assert len(Checkpoint.load(tmp_path / "out").journal) == 1
    train(made(), tmp_path / "out", resume=True)
    assert len(TrainingDirectory(tmp_path / "out").journal()) == 3


@pytest.mark.slow
def test_a_rate_that_is_far_too_high_is_told(made: Make, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"epoch \d .*is no finite number"):
        train(made(learning_rate=1e30, backbone="random"), tmp_path / "out")


def test_an_output_that_holds_something_is_left_alone(made: Make, tmp_path: Path) -> None:
    kept = tmp_path / "out" / "precious.txt"
    kept.parent.mkdir()
    kept.write_text("mine")
    with pytest.raises(CallError, match=r"is not empty; take another, or --resume"):
        train(made(), kept.parent)
    assert [path.name for path in kept.parent.iterdir()] == ["precious.txt"]


@pytest.fixture
def trained(made: Make, tmp_path: Path) -> Path:
    """A training broken off after its first epoch."""
    train(made(epochs=1), tmp_path / "out")
    return tmp_path / "out"


def changed(folder: Path, **keys: Any) -> None:
    recipe = yaml.safe_load((folder / "recipe.yaml").read_text())
    (folder / "recipe.yaml").write_text(yaml.safe_dump({**recipe, **keys}))


@pytest.mark.slow
def test_a_checkpoint_of_another_recipe_is_refused(made: Make, trained: Path) -> None:
    before = (trained / "last.pt").read_bytes()
    changed(trained, learning_rate=0.5)
    told = "was made by another recipe than recipe.yaml: learning_rate was 0.05 and is 0.5"
    with pytest.raises(CallError, match=re.escape(told)):
        train(prepare(TrainingDirectory.recipe_of(trained)), trained, resume=True)
    assert (trained / "last.pt").read_bytes() == before


@pytest.mark.slow
def test_a_checkpoint_of_another_recipe_than_the_callers_is_refused(made: Make, trained: Path) -> None:
    with pytest.raises(CallError, match="made by another recipe than the one to go on with: seed was 0 and is 7"):
        train(made(epochs=1, seed=7), trained, resume=True)


@pytest.mark.slow
def test_another_number_of_processes_is_refused(made: Make, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train(made(), tmp_path / "out", watch=interrupt)
    replace(Checkpoint.load(tmp_path / "out"), processes=2).save(tmp_path / "out")
    told = "trained by 2 process(es), not 1; start it as before, torchrun --nproc-per-node 2"
    with pytest.raises(CallError, match=re.escape(told)):
        train(made(), tmp_path / "out", resume=True)


class Interrupted(Exception):
    pass


def interrupt(facts: object) -> None:
    raise Interrupted


@pytest.mark.slow
def test_a_checkpoint_of_other_pictures_is_refused(made: Make, trained: Path) -> None:
    setup = made(epochs=1)
    fewer = {**setup.pictures.train, "2": setup.pictures.train["2"].part(range(50), "train")}
    with pytest.raises(CallError, match="the training pictures of '2' are not those that training began with"):
        train(replace(setup, pictures=replace(setup.pictures, train=fewer)), trained, resume=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda path: path.unlink(), "there is no last.pt, so no finished epoch to go on from; start anew"),
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), "last.pt is damaged"),
        (lambda path: path.write_bytes(b"no pickle"), "last.pt is damaged"),
        (lambda path: torch.save({"epoch": 3}, path), "last.pt is damaged"),
        (lambda path: torch.save([1], path), "last.pt is damaged"),
        (lambda path: torch.save({"x": Path("code")}, path), "last.pt is damaged"),
    ],
    ids=["missing", "short", "foreign", "other keys", "a list", "code"],
)
def test_a_checkpoint_that_is_no_good_is_refused(
    made: Make, trained: Path, damage: Callable[[Path], Any], told: str
) -> None:
    damage(trained / "last.pt")
    with pytest.raises(CallError, match=re.escape(told)):
        train(made(epochs=1), trained, resume=True)


def test_there_must_be_a_training_to_take_up(tmp_path: Path) -> None:
    with pytest.raises(CallError, match=r"there is no recipe\.yaml, so no training to take up"):
        TrainingDirectory.recipe_of(tmp_path)


def test_a_full_disk_is_told_before_pictures_are_decoded(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pixels.os, "posix_fallocate", full)
    blocks = [digits().train["3"]]
    with pytest.raises(CallError, match=r"no room for 0\.0 GB .*No space left on device.*; set CLTOOL_CACHE"):
        pixels.pixel_array(blocks, ["3"], 8)
    assert not list((cache / "pixels").iterdir())
