"""Training learns what there is to learn, tells all of it, and goes on to the byte where it was broken off."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from cltool.affect.concordance import scores
from cltool.affect.directory import AffectDirectory
from cltool.affect.models import TrainedNetwork, read_card
from cltool.affect.setups import AffectSetup
from cltool.affect.training import train
from cltool.affect.windows import epoch_batches
from cltool.video.store import VALID, FeatureStore
from tests.affect.conftest import write_store

Make = Callable[..., AffectSetup]


def journal(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]


def timeless(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in line.items() if k not in ("seconds", "learning_s", "data_wait")} for line in lines]


def tagged(folder: Path) -> Mapping[str, list[int]]:
    """Per scalar that TensorBoard knows, the epochs it has a value for."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(folder / "tensorboard"))
    board.Reload()
    return {tag: [event.step for event in board.Scalars(tag)] for tag in board.Tags()["scalars"]}


@pytest.mark.slow
def test_it_learns_what_the_features_tell_and_leaves_what_it_should(setup_of: Make, tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []
    card = train(setup_of(epochs=25), tmp_path / "out", watch=seen.append)
    lines = journal(tmp_path / "out")
    assert seen == lines
    assert card == read_card(tmp_path / "out")
    assert card.metrics == [line for line in lines if line["best"]][-1]
    assert min(card.metrics["validation"][f"ccc_{name}"] for name in ("valence", "arousal")) > 0.9
    left = {"recipe.yaml", "journal.jsonl", "best.safetensors", "last.pt", "training.png", "tensorboard"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == left
    parts = {f"{key}/{part}" for part in ("train", "validation") for key in lines[0]["validation"]}
    assert {"mse/train", "ccc/validation", "non-inertial/train", "ccc_valence/validation"} <= parts
    told = tagged(tmp_path / "out")
    assert parts <= set(told)
    assert all(epochs == list(range(1, 26)) for epochs in told.values())


@pytest.mark.slow
def test_sound_that_tells_arousal_alone_teaches_arousal_alone(setup_of: Make, tmp_path: Path) -> None:
    card = train(setup_of(epochs=25, network="audio:hidden=16,dropout=0"), tmp_path / "out")
    held = card.metrics["validation"]
    assert held["ccc_arousal"] > 0.9
    assert abs(held["ccc_valence"]) < held["ccc_arousal"] - 0.3  # short paths resemble each other by chance


@pytest.mark.slow
def test_of_shuffled_labels_nothing_is_learnt_and_the_films_keep_theirs(setup_of: Make, tmp_path: Path) -> None:
    setup = setup_of(epochs=25, shuffle_labels=True)
    train(setup, tmp_path / "out")
    model = TrainedNetwork.load(tmp_path / "out")
    film = FeatureStore(Path(setup.recipe.store))["film-2"]
    assert abs(scores(model.predict(film).values, film.labels)["ccc_mean"]) < 0.2
    own, dealt = film.labels, setup.validation[0].labels
    assert not np.array_equal(own, dealt)


def test_what_is_kept_predicts_what_the_journal_says(setup_of: Make, tmp_path: Path) -> None:
    setup = setup_of(context="overlap")
    card = train(setup, tmp_path / "out")
    model = TrainedNetwork.load(tmp_path / "out")
    films = [film.film for film in setup.validation]
    predictions = np.concatenate([model.predict(film).values for film in films])
    found = scores(predictions, np.concatenate([film.labels for film in films]))
    assert found == pytest.approx({key: card.metrics["validation"][key] for key in found}, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"network": "pose:hidden=8", "context": "state", "order": "films"},
        {"optimizer": "sgd", "schedule": "onecycle"},
        {"network": "pose:hidden=8", "precision": "bfloat16", "order": "windows"},
    ],
)
def test_a_training_taken_up_ends_to_the_byte_where_an_unbroken_one_does(
    setup_of: Make, tmp_path: Path, settings: dict[str, Any]
) -> None:
    class Broken(Exception):
        pass

    def stop(facts: Mapping[str, Any]) -> None:
        if facts["epoch"] == 2:
            raise Broken

    setup = setup_of(epochs=4, **settings)
    train(setup, tmp_path / "whole")
    with pytest.raises(Broken):
        train(setup, tmp_path / "broken", watch=stop)
    train(setup, tmp_path / "broken", resume=True)
    assert timeless(journal(tmp_path / "broken")) == timeless(journal(tmp_path / "whole"))
    last = [torch.load(tmp_path / out / "last.pt", weights_only=True)["network"] for out in ("whole", "broken")]
    assert all(torch.equal(value, last[1][key]) for key, value in last[0].items())
    assert (tmp_path / "whole" / "best.safetensors").stat().st_size
    one, two = (load_file(tmp_path / out / "best.safetensors") for out in ("whole", "broken"))
    assert all(torch.equal(value, two[key]) for key, value in one.items())


def test_a_kill_after_the_last_checkpoint_leaves_nothing_behind(setup_of: Make, tmp_path: Path) -> None:
    out = tmp_path / "out"
    card = train(setup_of(), out)
    lines, picture = (out / "journal.jsonl").read_text(), (out / "training.png").read_bytes()
    (out / "journal.jsonl").write_text(lines.splitlines(keepends=True)[0])
    (out / "training.png").unlink()
    shutil.rmtree(out / "tensorboard")
    assert train(setup_of(), out, resume=True) == card
    assert (out / "journal.jsonl").read_text() == lines
    assert (out / "training.png").read_bytes() == picture
    assert list((out / "tensorboard").iterdir())


def test_it_stops_early_and_the_plateau_lowers_the_rate(setup_of: Make, tmp_path: Path) -> None:
    """At a rate that tears everything apart nothing gets better for long."""
    setup = setup_of(epochs=30, learning_rate=3.0, patience=1, early_stop=4, loss="mse", choose="loss")
    train(setup, tmp_path / "out")
    lines = journal(tmp_path / "out")
    assert len(lines) == max(line["epoch"] for line in lines if line["best"]) + 4 < 30
    assert lines[-1]["learning_rate"] < 1


def test_frames_without_a_label_or_out_of_sight_count_for_nothing(setup_of: Make, tmp_path: Path) -> None:
    def holes(name: str, tensors: dict[str, NDArray[Any]]) -> None:
        tensors["labels"][::4] = np.nan
        tensors["body" + VALID][1::4] = False
        tensors["body"][1::4] = np.nan

    store = write_store(tmp_path / "holes", change=holes)
    card = train(setup_of(store=str(store), epochs=3), tmp_path / "out")
    assert np.isfinite(list(card.metrics["train"].values())).all()
    assert all(film.counted.sum() == 30 for film in setup_of(store=str(store)).train)


@pytest.mark.slow
def test_a_model_tells_what_a_store_has_otherwise(setup_of: Make, tmp_path: Path) -> None:
    card = train(setup_of(network="audio:hidden=8", epochs=1), tmp_path / "out")
    assert card.misfit(FeatureStore(Path(setup_of().recipe.store)).index) is None
    other = FeatureStore(write_store(tmp_path / "other", librosa="2"))
    assert "features of another version: mel's librosa is 2, and was 1" in str(card.misfit(other.index))


def test_the_directory_tells_its_recipe_and_epochs(setup_of: Make, tmp_path: Path) -> None:
    setup = setup_of(epochs=1)
    train(setup, tmp_path / "out")
    directory = AffectDirectory(tmp_path / "out")
    assert directory.recipe() == setup.recipe
    assert [line["epoch"] for line in directory.journal()] == [1]


COUNTING = '''"""A network that remembers how many frames it has seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cltool import network

SEEN: list[tuple[bool, list[float]]] = []


class Counting(nn.Module):
    """Writes down, window by window, how many frames its state tells of."""

    def __init__(self) -> None:
        super().__init__()
        self.outputs = nn.Linear(1, 2)

    def forward(self, features: Mapping[str, Tensor], mask: Tensor) -> Tensor:
        return self.continued(features, mask, None)[0]

    def continued(self, features: Mapping[str, Tensor], mask: Tensor, state: Any) -> tuple[Tensor, Any]:
        before = torch.zeros(1, len(mask)) if state is None else state[0]
        SEEN.append((self.training, before[0].tolist()))
        return self.outputs(mask.cumsum(1)[..., None].float()), (before + mask.shape[1],)


@network(reads=("body",))
def counting(widths: Mapping[str, int]) -> nn.Module:
    """Counts."""
    return Counting()
'''


def test_what_is_remembered_is_of_the_same_film_in_training_and_validation(setup_of: Make, tmp_path: Path) -> None:
    """Films of 60, 43, 26 and 9 frames follow each other in two places."""

    def shorter(name: str, tensors: dict[str, NDArray[Any]]) -> None:
        for key in tensors:
            tensors[key] = tensors[key][: {"film-1": 43, "film-3": 26, "film-4": 9, "film-5": 31}.get(name)]

    store, file = write_store(tmp_path / "films", change=shorter), tmp_path / "counting.py"
    file.write_text(COUNTING)
    chosen = {"network": "counting", "plugins": [str(file)], "context": "state", "batch": 2, "epochs": 2}
    setup = setup_of(store=str(store), **chosen)
    train(setup, tmp_path / "out")
    seen = setup.network.plugin.function.__globals__["SEEN"]
    lengths = [len(film) for film in setup.train]
    assert sorted(lengths) == [9, 26, 43, 60]
    windows = [batch for epoch in (1, 2) for batch in epoch_batches(lengths, setup.recipe, epoch)]
    learnt = [counts for training, counts in seen if training]
    assert len(learnt) == len(windows)
    for counts, batch in zip(learnt, windows, strict=True):
        assert counts == [window.start if window else 0 for window in batch]
    assert [counts for training, counts in seen if not training] == [[0], [20], [40], [0], [20]] * 2


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["onecycle", "cosine"])
def test_the_rate_ends_with_the_last_step_however_many_an_epoch_has(
    setup_of: Make, tmp_path: Path, schedule: str
) -> None:
    """Where memory goes on, films of different lengths fill the places of batches in more or fewer steps."""

    def shorter(name: str, tensors: dict[str, NDArray[Any]]) -> None:
        for key in tensors:
            tensors[key] = tensors[key][: 60 - 13 * int(name[-1]) % 50]

    store = str(write_store(tmp_path / "films", change=shorter))
    setup = setup_of(store=store, sequence=5, context="state", batch=2, schedule=schedule, epochs=6, seed=1)
    steps = [len(epoch_batches([len(film) for film in setup.train], setup.recipe, epoch)) for epoch in range(1, 7)]
    assert len(set(steps)) > 1
    assert sum(steps) > 6 * steps[0]
    train(setup, tmp_path / "out")
    last = torch.load(tmp_path / "out" / "last.pt", weights_only=True)
    assert last["schedule"]["last_epoch"] == sum(steps)
    assert last["optimizer"]["param_groups"][0]["lr"] < 1e-5


def test_a_store_of_a_modality_that_is_not_at_hand_can_be_trained_on(setup_of: Make, tmp_path: Path) -> None:
    store = write_store(tmp_path / "foreign")
    index = json.loads((store / "index.json").read_text())
    index["tensors"]["body"]["modality"] = "posture:of=knees"
    (store / "index.json").write_text(json.dumps(index))
    card = train(setup_of(store=str(store), epochs=1), tmp_path / "out")
    assert card.modalities == ["posture:of=knees"]
    assert card.misfit(FeatureStore(store).index) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("processes", "settings"), [(2, "--loss ccc"), (3, "--loss non-inertial --context state --batch 4")]
)
def test_several_processes_learn_what_one_learns(store: Path, tmp_path: Path, processes: int, settings: str) -> None:
    """CCC is no mean over windows, nor are batch-norm's moments; odd batches are shared unequally.

    Of three processes one has no validation film.
    """
    call = f"video train {store} --network pose:hidden=16,dropout=0 --sequence 20 --batch 5 --epochs 3 {settings} "
    call += "--device cpu --clip 1 --optimizer sgd --learning-rate 0.05 --out"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    main = tmp_path / "main.py"
    main.write_text("from cltool.cli import main\n\nmain()\n")
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    for started, out in (([], "one"), (torchrun, "more")):
        done = subprocess.run(
            [sys.executable, *started, main, *call.split(), tmp_path / out],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("best epoch") == 1
        assert "Warning" not in done.stderr
    one, more = (load_file(tmp_path / out / "best.safetensors") for out in ("one", "more"))
    assert all(torch.allclose(value, more[key], atol=1e-4) for key, value in one.items())
    for a, b in zip(journal(tmp_path / "one"), journal(tmp_path / "more"), strict=True):
        for part in ("train", "validation"):
            assert a[part] == pytest.approx(b[part], abs=1e-4)
