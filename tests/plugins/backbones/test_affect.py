"""A trained valence–arousal network, without its last layer, under the heads of a stream."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cltool.affect.models import BEST, TrainedNetwork
from cltool.affect.recipes import AffectRecipe
from cltool.affect.setups import prepare as prepare_training
from cltool.affect.training import train
from cltool.errors import CallError, DataGone
from cltool.features import FeatureBank
from cltool.files import load_tensors, save_tensors
from cltool.pictures import Block
from cltool.recipe import Recipe
from cltool.run import prepare, run
from cltool.rundir import RunDirectory
from cltool.tasks import TaskStream, arrange
from cltool.video.blocks import Layout, rows_of
from cltool.video.store import FeatureStore
from cltool_plugins.backbones.affect import affect


@pytest.fixture(scope="module")
def trained(puppet_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network after one epoch on the store's own split."""
    out = tmp_path_factory.mktemp("training") / "audio"
    asked = {"store": str(puppet_store), "network": "audio:hidden=8", "sequence": 10, "epochs": 1, "device": "cpu"}
    train(prepare_training(AffectRecipe.of(asked)), out)
    return out


@pytest.mark.slow
def test_features_are_what_the_last_layer_is_given_of_whole_films(puppets: TaskStream, trained: Path) -> None:
    backbone, bank = affect(puppets, "cpu", weights=trained), FeatureBank()
    unit = puppets.pictures.train[puppets.pictures.outputs[0]]
    found = bank.features([unit], backbone)
    network = TrainedNetwork.load(trained)
    wanted = [network.represent(rows_of(film).film)[rows_of(film).frames] for film in unit.films]
    assert np.array_equal(found.numpy(), np.concatenate(wanted))
    last = network.module.network.outputs
    predicted = network.predict(rows_of(unit.films[0]).film).values[rows_of(unit.films[0]).frames]
    ours = last(found[: len(unit.films[0])])
    assert torch.allclose(ours, torch.from_numpy(predicted), atol=1e-5)
    assert backbone.width == found.shape[1]


@pytest.mark.slow
def test_other_weights_or_other_models_of_features_are_another_space(
    puppets: TaskStream, trained: Path, tmp_path: Path
) -> None:
    tensors, facts = load_tensors(trained / BEST, "network")
    name = next(key for key, value in tensors.items() if value.is_floating_point())
    save_tensors(tmp_path / BEST, {**tensors, name: tensors[name] + 1e-3}, dict(facts))
    same, other = (affect(puppets, "cpu", weights=path).fingerprint for path in (trained, tmp_path))
    assert same == affect(puppets, "cpu", weights=trained / BEST).fingerprint
    assert same != other


@pytest.mark.slow
def test_features_of_another_version_are_refused(puppets: TaskStream, trained: Path) -> None:
    def of_another_version(block: Block) -> Block:
        rows = rows_of(block)
        index = rows.layout.index
        about = {**index.about, "mel": {**index.about["mel"], "librosa": "0.0"}}
        return replace(block, decode=replace(rows, layout=Layout(index.model_copy(update={"about": about}))))

    pictures = puppets.pictures
    train_blocks, test_blocks = (
        {n: replace(b, films=tuple(map(of_another_version, b.films))) for n, b in blocks.items()}
        for blocks in (pictures.train, pictures.test)
    )
    changed = arrange(replace(pictures, train=train_blocks, test=test_blocks), per_task=1)
    with pytest.raises(CallError, match="another version"):
        affect(changed, "cpu", weights=trained)


@pytest.mark.slow
def test_a_folder_without_a_network_is_refused(puppets: TaskStream, tmp_path: Path) -> None:
    with pytest.raises(CallError, match="no trained network"):
        affect(puppets, "cpu", weights=tmp_path)
    with pytest.raises(CallError, match="give weights=DIR"):
        affect(puppets, "cpu")


@pytest.mark.slow
def test_what_it_was_trained_on_is_told_and_old_films_are_gone(
    puppets: TaskStream, puppet_store: Path, trained: Path, tmp_path: Path
) -> None:
    backbone = affect(puppets, "cpu", weights=trained)
    films = len(FeatureStore(puppet_store))
    assert backbone.protocol is not None
    assert (backbone.protocol["on"], backbone.protocol["films"], backbone.protocol["leaks"]) == ("films", films, True)
    tasks, bank = puppets.tasks(), FeatureBank()
    first = next(tasks)
    bank.features(first.train, backbone)
    next(tasks)
    with pytest.raises(DataGone):
        bank.features(first.train, backbone)
    asked = {"stream": "va-puppet:groups=3", "data_root": str(puppet_store), "merge": "gram"}
    setup = prepare(Recipe.of({**asked, "backbone": f"affect:weights={trained}"}))
    metrics = run(setup, RunDirectory(tmp_path / "run"))
    assert metrics.universal == backbone.protocol
    assert "leaks" in (tmp_path / "run" / "curves.svg").read_text()
