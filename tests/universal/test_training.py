"""Training: what it leaves, that it learns, and that breaking it off changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from cltool.catalogue import discover
from cltool.errors import DataGone
from cltool.heads import Head
from cltool.pictures import Block, targets_of
from cltool.training.checkpoints import Checkpoint
from cltool.training.optimisation import optimizer_of
from cltool.universal import epochs
from cltool.universal.cards import Card
from cltool.universal.frozen import rebuilt, space
from cltool.universal.pixels import held_out, pixel_array
from cltool.universal.recipes import TrainingRecipe
from cltool.universal.setups import TrainingSetup
from cltool.universal.training import train

FILES = {"recipe.yaml", "journal.jsonl", "last.pt", "best.safetensors", "head.safetensors", "card.md", "losses.png"}
Make = Callable[..., TrainingSetup]


def journal(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]


def timeless(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in line.items() if k not in ("seconds", "data_wait")} for line in lines]


def told(folder: Path) -> Mapping[str, list[int]]:
    """Per scalar that TensorBoard knows, the epochs it has a value for."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(folder / "tensorboard"))
    board.Reload()
    return {tag: [event.step for event in board.Scalars(tag)] for tag in board.Tags()["scalars"]}


@pytest.mark.slow
def test_it_learns_and_leaves_what_it_should(made: Make, tmp_path: Path, tiny: Path) -> None:
    setup, seen = made(epochs=8), []
    card = train(setup, tmp_path / "out", watch=seen.append)
    lines = journal(tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES | {"tensorboard"}
    assert seen == lines
    assert [line["epoch"] for line in lines] == list(range(1, 9))
    assert lines[-1]["validation"]["accuracy"] > 0.9
    assert lines[-1]["train"]["loss"] < lines[0]["train"]["loss"]
    assert all(sum(line["drawn"].values()) == 520 for line in lines)
    kept = [line for line in lines if line["best"]][-1]
    assert card.metrics["epoch"] == kept["epoch"]
    assert card.metrics["validation_accuracy"] == kept["validation"]["accuracy"]
    assert kept["validation"]["accuracy"] == max(line["validation"]["accuracy"] for line in lines)
    assert TrainingRecipe.load(tmp_path / "out" / "recipe.yaml") == setup.recipe
    assert told(tmp_path / "out")["loss/validation"] == list(range(1, 9))


@pytest.mark.slow
def test_the_frozen_body_under_the_kept_head_scores_as_the_journal_says(made: Make, tmp_path: Path, tiny: Path) -> None:
    setup = made(epochs=2)
    card = train(setup, tmp_path / "out")
    best = tmp_path / "out" / "best.safetensors"
    backbone, head = (
        rebuilt(best, catalogue=discover([tiny])),
        Head.load(best.with_name("head.safetensors")),
    )
    assert head.names == setup.classes == card.classes
    assert head.space == space(best) == backbone.fingerprint
    blocks = [setup.pictures.train[name] for name in setup.classes]
    array = pixel_array(blocks, setup.classes, setup.recipe.resize or 0)
    kept, held = held_out(array.labels, setup.classes, 0.1, 0)
    assert head.counts.tolist() == array.labels[kept].bincount().tolist() == list(card.counts.values())
    pictures = [picture for block in blocks for picture in block.pictures(range(len(block)))]
    found = head(backbone([pictures[i] for i in held])).argmax(1)
    assert float((found == array.labels[held]).float().mean()) == pytest.approx(card.metrics["validation_accuracy"])


@pytest.mark.slow
def test_the_card_tells_where_it_comes_from(made: Make, tmp_path: Path) -> None:
    setup = made(epochs=1)
    setup = replace(setup, pictures=replace(setup.pictures, note="a note", licence=""))
    card = train(setup, tmp_path / "out")
    loaded, weights = Card.load(tmp_path / "out" / "best.safetensors")
    assert loaded == card
    assert (card.architecture, card.started_from, card.width) == ("tiny", "tiny", 32)
    assert card.data == "digits; a note"
    assert card.licence == "unknown: ask the owner of the pictures"
    assert card.digests["2"] == setup.pictures.train["2"].digest
    assert card.transform == setup.described().transform
    assert card.versions["torch"] == torch.__version__
    assert set(weights) == set(setup.described().build().state_dict())
    page = (tmp_path / "out" / "card.md").read_text()
    for heading in ("Data", "Classes and counts", "Transform", "Metrics", "Recipe", "Licence", "Use it"):
        assert f"\n## {heading}\n" in page


@pytest.mark.slow
@pytest.mark.parametrize("look", [1, 2, 4, 9, 50])
def test_the_first_loss_that_is_no_number_is_named_however_seldom_they_are_looked_at(
    made: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look: int
) -> None:
    step, calls = epochs._step, []

    def diverging(*arguments: Any) -> torch.Tensor:
        calls.append(1)
        return step(*arguments) * (float("nan") if len(calls) in (3, 4, 8) else 1)

    monkeypatch.setattr(epochs, "_step", diverging)
    monkeypatch.setattr(epochs, "LOOK", look)
    with pytest.raises(RuntimeError, match="the loss of batch 3 in epoch 1 is no finite number"):
        train(made(epochs=1), tmp_path / "out")
    assert len(calls) == min(9, -(-3 // look) * look)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_step_is_one_kernel_on_a_gpu_only(optimizer: str) -> None:
    for device, fused in (("cpu", None), ("cuda", True)):
        recipe = TrainingRecipe(stream="digits", optimizer=optimizer, device=device)
        (group,) = optimizer_of(recipe, torch.nn.Linear(2, 2).parameters()).param_groups
        assert (group["fused"], group["lr"], group["weight_decay"]) == (fused, 0.01, 5e-4)


class BrokenOff(Exception):
    pass


def broken_off(epoch: int) -> Callable[[dict[str, Any]], None]:
    def watch(facts: dict[str, Any]) -> None:
        if facts["epoch"] == epoch:
            raise BrokenOff

    return watch


def assert_same_result(one: Path, other: Path) -> None:
    for name in ("best.safetensors", "head.safetensors", "card.md", "recipe.yaml"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    assert timeless(journal(one)) == timeless(journal(other))
    first, second = Checkpoint.load(one), Checkpoint.load(other)
    assert all(torch.equal(value, second.network[key]) for key, value in first.network.items())


@pytest.mark.slow
@pytest.mark.parametrize(
    "keys",
    [
        {"schedule": "plateau", "patience": 1, "early_stop": None, "augment": "warp"},
        {"schedule": "onecycle", "optimizer": "adamw", "learning_rate": 0.01},
        {"schedule": "cosine", "precision": "bfloat16", "sampler": "shuffled"},
        {"schedule": "constant", "label_smoothing": 0.1, "augment": "none"},
    ],
    ids=lambda keys: keys["schedule"],
)
def test_a_training_taken_up_again_ends_as_one_that_was_not_broken_off(
    made: Make, tmp_path: Path, keys: dict[str, Any]
) -> None:
    setup = made(epochs=4, **keys)
    train(setup, tmp_path / "whole")
    torch.manual_seed(99)  # whatever else the process does
    with pytest.raises(BrokenOff):
        train(setup, tmp_path / "broken", watch=broken_off(2))
    torch.manual_seed(1)
    seen: list[dict[str, Any]] = []
    train(made(epochs=4, **keys), tmp_path / "broken", watch=seen.append, resume=True)
    assert [facts["epoch"] for facts in seen] == [3, 4]
    assert_same_result(tmp_path / "whole", tmp_path / "broken")
    assert told(tmp_path / "broken")["accuracy/train"] == [1, 2, 3, 4]


@pytest.mark.slow
def test_a_kill_between_two_files_of_an_epoch_changes_nothing(
    made: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup, save = made(), Checkpoint.save
    train(setup, tmp_path / "whole")

    def killed(checkpoint: Checkpoint, folder: Path) -> None:
        if len(checkpoint.journal) == 2:
            raise BrokenOff
        save(checkpoint, folder)

    monkeypatch.setattr(Checkpoint, "save", killed)
    with pytest.raises(BrokenOff):
        train(setup, tmp_path / "broken")
    monkeypatch.undo()
    (tmp_path / "broken" / "journal.jsonl").unlink()  # as if the kill had come a moment later
    train(setup, tmp_path / "broken", resume=True)
    assert_same_result(tmp_path / "whole", tmp_path / "broken")


@pytest.mark.slow
def test_a_training_that_is_over_gives_its_card_and_trains_no_more(made: Make, tmp_path: Path) -> None:
    setup = made(epochs=2)
    card = train(setup, tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").glob("*.*")}
    assert train(setup, tmp_path / "out", watch=lambda _: pytest.fail("trained"), resume=True) == card
    assert before == {path: path.read_bytes() for path in (tmp_path / "out").glob("*.*")}


@pytest.mark.slow
def test_it_stops_early_and_keeps_the_first_best(made: Make, tmp_path: Path) -> None:
    """With a rate that moves nothing, and no batch-norm to move by itself, the first epoch stays the best."""
    card = train(made(backbone="random", epochs=9, early_stop=2, learning_rate=1e-30, augment="none"), tmp_path / "out")
    assert [line["best"] for line in journal(tmp_path / "out")] == [True, False, False]
    assert card.metrics["epoch"] == 1


@pytest.mark.slow
def test_the_test_split_is_never_read(made: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Block._read

    def training_only(block: Block, index: int) -> bytes:
        if block.split == "test":
            raise DataGone("the test split is not for training")
        return read(block, index)

    monkeypatch.setattr(Block, "_read", training_only)
    assert train(made(epochs=1), tmp_path / "out").metrics["epoch"] == 1


@pytest.mark.slow
def test_soft_targets_are_learnt_as_they_are(made: Make, tmp_path: Path) -> None:
    """Every picture is a third of the next class; the network comes to say so."""
    setup = made(epochs=12, augment="none", backbone="random")
    shares = torch.eye(4) * 2 / 3 + torch.eye(4).roll(1, 1) / 3

    def softened(blocks: Mapping[str, Block]) -> dict[str, Block]:
        return {
            name: replace(block, targets=shares[i].expand(len(block), -1))
            for i, (name, block) in enumerate(blocks.items())
        }

    pictures = replace(setup.pictures, train=softened(setup.pictures.train), soft=True)
    assert targets_of([pictures.train["1"]], setup.classes, setup.classes)[0].tolist() == pytest.approx(
        [0, 2 / 3, 1 / 3, 0]
    )
    train(replace(setup, pictures=pictures), tmp_path / "out")
    entropy = -(2 / 3 * torch.tensor(2 / 3).log() + 1 / 3 * torch.tensor(1 / 3).log())
    last = journal(tmp_path / "out")[-1]["validation"]
    assert last["accuracy"] > 0.9
    assert entropy < last["loss"] < entropy + 0.15


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(tmp_path: Path) -> None:
    """Without dropout, batch-norm and augmentation, down to the order of sums; an odd batch is shared unequally."""
    call = "universal train --stream digits --classes 3 --backbone random:features=32 --augment none --epochs 2 "
    call += "--batch 33 --device cpu --out"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    main = tmp_path / "main.py"
    main.write_text("from cltool.cli import main\n\nmain()\n")
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for started, out in (([], "one"), (torchrun, "two")):
        done = subprocess.run(
            [sys.executable, *started, main, *call.split(), tmp_path / out],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("best epoch") == 1
    one, two = (load_file(tmp_path / out / "best.safetensors") for out in ("one", "two"))
    assert all(torch.allclose(value, two[key], atol=1e-5) for key, value in one.items())
    first, second = journal(tmp_path / "one"), journal(tmp_path / "two")
    for a, b in zip(first, second, strict=True):
        assert a["drawn"] == b["drawn"]
        for part in ("train", "validation"):
            assert a[part]["loss"] == pytest.approx(b[part]["loss"], abs=1e-5)
            assert a[part]["accuracy"] == pytest.approx(b[part]["accuracy"])
