"""Going on: after a kill at the very end, and from one training to the next."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cltool.training.checkpoints import Checkpoint
from cltool.universal.cards import Card
from cltool.universal.recipes import TrainingRecipe
from cltool.universal.setups import TrainingSetup, prepare
from cltool.universal.training import train

Make = Callable[..., TrainingSetup]


@pytest.mark.slow
def test_a_kill_after_the_last_checkpoint_leaves_nothing_behind(made: Make, tmp_path: Path) -> None:
    out = tmp_path / "out"
    card = train(made(epochs=2), out)
    journal, losses = (out / "journal.jsonl").read_text(), (out / "losses.png").read_bytes()
    (out / "journal.jsonl").write_text(journal.splitlines(keepends=True)[0])
    (out / "losses.png").unlink()
    shutil.rmtree(out / "tensorboard")
    assert train(made(epochs=2), out, resume=True) == card
    assert (out / "journal.jsonl").read_text() == journal
    assert (out / "losses.png").read_bytes() == losses
    assert list((out / "tensorboard").iterdir())


@pytest.mark.slow
def test_a_network_that_is_trained_further_forgets_nothing_and_tells_no_place(
    by_hand: Callable, tmp_path: Path
) -> None:
    keys = {"stream": "digits", "classes": 2, "epochs": 1, "augment": "none", "device": "cpu"}
    first = Card.load(by_hand() / "best.safetensors")[0]
    setup = prepare(TrainingRecipe(backbone=f"trained:weights={tmp_path / 'hand'}", **keys))
    card = train(setup, tmp_path / "second")
    assert card.before == first.trainings
    assert card.architecture == first.architecture
    page = (tmp_path / "second" / "card.md").read_text()
    assert str(tmp_path) not in json.dumps(card.recipe) + card.started_from + page
    assert card.started_from.startswith("trained:weights=best.safetensors@sha256:")
    assert card.recipe["backbone"]["options"]["weights"] == card.started_from.removeprefix("trained:weights=")
    assert {"torch", "torchvision", "timm"} <= set(card.versions)
    assert Checkpoint.load(tmp_path / "second").recipe["backbone"]["options"]["weights"] == str(tmp_path / "hand")
    third = prepare(TrainingRecipe(backbone=f"trained:weights={tmp_path / 'second'}", **keys))
    assert third.parent == card
    assert len(third.parent.trainings) == 2
    assert all(torch.isfinite(value).all() for value in Card.load(tmp_path / "second" / "best.safetensors")[1].values())
