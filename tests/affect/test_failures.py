"""Wrong calls about valence and arousal: one clear line, before work starts, and nothing lost."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cltool import discover
from cltool.affect.directory import AffectDirectory
from cltool.affect.epochs import check_places
from cltool.affect.evaluation import prepare as candidates
from cltool.affect.grid_runs import run_grid
from cltool.affect.grids import GridRecipe, begin, open_grid, prepare_grid
from cltool.affect.models import TrainedNetwork
from cltool.affect.objectives import Objective
from cltool.affect.recipes import AffectRecipe
from cltool.affect.setups import AffectSetup, prepare
from cltool.affect.training import train
from cltool.errors import CallError
from cltool.files import save_tensors
from cltool.video.store import VALID
from tests.affect.conftest import write_store

Make = Callable[..., AffectSetup]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"store": "nowhere"}, "nowhere is no feature store"),
        ({"network": "posse"}, "network 'posse'"),
        ({"network": "mesh"}, "network 'mesh' reads 'mesh', which .* does not hold (there are mel, body)"),
        ({"loss": "cccc"}, "did you mean 'ccc'?"),
        ({"sequence": 61}, "--sequence 61: the longest training film, of 4, has 60 frames; take --sequence 60 or less"),
        ({"split": "half"}, "there is no split 'half'"),
        ({"precision": "float16"}, "--precision float16 needs a GPU"),
        ({"sequence": 0}, "sequence: Input should be greater than or equal to 1"),
        ({"clip": float("inf")}, "clip: Input should be a finite number"),
        ({"learning_rate": float("inf")}, "learning_rate: Input should be a finite number"),
        ({"context": "stat"}, "context: Input should be 'none', 'state' or 'overlap'"),
    ],
)
def test_what_cannot_be_trained_is_refused(setup_of: Make, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(CallError, match=re.escape(told).replace(r"\.\*", ".*")):
        setup_of(**changes)


def test_a_network_without_memory_cannot_go_on_from_a_state(setup_of: Make, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    source = Path(__import__("cltool.templates.network", fromlist=["mine"]).__file__).read_text()
    file.write_text(source)
    with pytest.raises(CallError, match="--context state: network mine has no memory to go on from; take overlap"):
        setup_of(network="mine", plugins=[str(file)], context="state")


def outside(name: str, tensors: dict[str, NDArray[Any]]) -> None:
    if name == "film-3":
        tensors["labels"][17] = (0.2, 1.5)


def all_masked(name: str, tensors: dict[str, NDArray[Any]]) -> None:
    tensors["body" + VALID][:] = False


def unlabelled(name: str, tensors: dict[str, NDArray[Any]]) -> None:
    tensors["labels"][:] = np.nan


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (outside, r"labels of film-3, frame 17: valence 0\.2, arousal 1\.5; .* between -1 and 1"),
        (all_masked, "no training film has a frame with labels in which body is there: all of film-0 is masked"),
        (unlabelled, "no film has labels; extract a data set that has"),
    ],
)
def test_films_that_teach_nothing_or_wrong_are_refused(
    setup_of: Make, tmp_path: Path, change: Callable[..., None], told: str
) -> None:
    with pytest.raises(CallError, match=told):
        setup_of(store=str(write_store(tmp_path / "odd", change=change)))


def test_a_film_whose_file_is_gone_is_named(setup_of: Make, store: Path) -> None:
    (store / "films" / "film-1.safetensors").unlink()
    with pytest.raises(CallError, match=r"film-1\.safetensors is not there; extract anew: cltool video extract"):
        setup_of()


@pytest.mark.parametrize("film", ["film-0", "film-1", "film-3", "film-4", "film-2"])
def test_a_feature_that_is_no_number_stops_the_training_with_film_and_frame(
    setup_of: Make, tmp_path: Path, film: str
) -> None:
    """Of training and validation films, whichever comes first. And nothing stays, for no epoch was finished."""

    def broken(name: str, tensors: dict[str, NDArray[Any]]) -> None:
        if name == film:
            tensors["body"][33] = np.inf

    setup = setup_of(store=str(write_store(tmp_path / "odd", change=broken)))
    with pytest.raises(CallError, match=f"'body' of film {film}, frame 33, holds a number that is not finite"):
        train(setup, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_loss_that_bursts_keeps_the_last_good_epoch(setup_of: Make, tmp_path: Path) -> None:
    """The features are sound: the rate is to blame, and is named."""

    def burst(facts: Any) -> None:
        for parameter in training.parameters():
            parameter.data.fill_(torch.nan)

    import cltool.affect.training as module

    setup, prepared = setup_of(epochs=3), module._prepared

    def caught(*given: Any) -> Any:
        nonlocal training
        found = prepared(*given)
        training = found.network
        return found

    training: Any = None
    module._prepared = caught
    try:
        with pytest.raises(RuntimeError, match=r"epoch 2 is no finite number: features are sound \(film-.* frame"):
            train(setup, tmp_path / "out", watch=burst)
    finally:
        module._prepared = prepared
    assert [line["epoch"] for line in AffectDirectory(tmp_path / "out").journal()] == [1]
    model = TrainedNetwork.load(tmp_path / "out")
    assert np.isfinite(model.predict(setup.validation[0].film).values).all()
    train(setup, tmp_path / "out", resume=True)
    assert [line["epoch"] for line in AffectDirectory(tmp_path / "out").journal()] == [1, 2, 3]


@pytest.fixture
def trained(setup_of: Make, tmp_path: Path) -> Path:
    train(setup_of(epochs=1), tmp_path / "out")
    return tmp_path / "out"


def test_another_networks_checkpoint_is_not_gone_on_with(setup_of: Make, trained: Path) -> None:
    other = setup_of(epochs=2, network="audio:hidden=16,dropout=0")
    with pytest.raises(CallError, match=r"last\.pt was made by another recipe than recipe\.yaml: network was"):
        train(other, trained, resume=True)


def test_other_features_are_not_gone_on_with(setup_of: Make, trained: Path, store: Path) -> None:
    recipe = AffectDirectory(trained).recipe()
    write_store(store, frames=61)
    with pytest.raises(CallError, match=r"the features of 'film-.' are not those that training began with"):
        train(prepare(recipe), trained, resume=True)


def test_another_number_of_processes_is_told(setup_of: Make, trained: Path) -> None:
    content = torch.load(trained / "last.pt", weights_only=True)
    content |= {"processes": 2, "journal": content["journal"][:0]}
    torch.save(content, trained / "last.pt")
    with pytest.raises(CallError, match="trained by 2 process"):
        train(setup_of(epochs=1), trained, resume=True)


def test_a_batch_too_small_for_the_processes_is_told() -> None:
    check_places(2, 2)
    with pytest.raises(CallError, match="--batch 2 leaves some of 3 processes without a window"):
        check_places(2, 3)


def test_a_directory_that_is_not_empty_stays_as_it_is(setup_of: Make, trained: Path) -> None:
    before = sorted(path.name for path in trained.iterdir())
    with pytest.raises(CallError, match="is not empty; take another, or --resume"):
        train(setup_of(), trained)
    assert sorted(path.name for path in trained.iterdir()) == before


def test_there_is_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(CallError, match=r"there is no recipe\.yaml, so no training to take up"):
        AffectDirectory(tmp_path).recipe()


@pytest.mark.parametrize("line", ['{"epoch": 1}', "no json"])
def test_a_damaged_journal_is_named_with_its_line(trained: Path, line: str) -> None:
    with (trained / "journal.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(CallError, match=r"journal\.jsonl, line 2"):
        AffectDirectory(trained).journal()


def test_what_is_no_model_is_refused(tmp_path: Path, trained: Path) -> None:
    with pytest.raises(CallError, match=r"there is no trained network at .*nowhere"):
        TrainedNetwork.load(tmp_path / "nowhere")
    head = tmp_path / "head.safetensors"
    save_tensors(head, {"weight": torch.zeros(1)}, {"names": ["a"]})
    with pytest.raises(CallError, match=r"head\.safetensors is no network of cltool video train"):
        TrainedNetwork.load(head)


def test_weights_of_another_network_are_refused(trained: Path) -> None:
    from safetensors.torch import load_file

    from cltool.affect.models import read_card, save

    card = read_card(trained)
    weights = load_file(trained / "best.safetensors")
    save(trained / "best.safetensors", card.model_copy(update={"network": "pose:hidden=8"}), weights)
    with pytest.raises(CallError, match="holds the weights of another network"):
        TrainedNetwork.load(trained)


def test_a_recipe_with_an_unknown_key_is_refused() -> None:
    with pytest.raises(CallError, match="sequenz: Extra inputs are not permitted"):
        AffectRecipe.of({"store": "s", "network": "audio", "sequenz": 3})


def grid_of(store: Path, *networks: str, **changes: Any) -> GridRecipe:
    settings = {"store": str(store), "sequence": 20, "epochs": 2, "device": "cpu"}
    content = {"losses": ["mse"], "seeds": [0], **changes}
    return GridRecipe.of({"networks": dict.fromkeys(networks or ("audio:hidden=8",), settings), **content})


@pytest.mark.parametrize(
    ("networks", "changes", "told"),
    [
        (("audio", "audio:hidden=256"), {}, "--network audio:hidden=256 is the same as --network audio"),
        (("audio", "mesh"), {}, "reads 'mesh'"),
        (("audio",), {"losses": ["ccc", "1*ccc"]}, r"--loss 1\*ccc is the same as --loss ccc"),
        (("audio",), {"losses": ["ccc", "ccc"]}, "--loss ccc is given twice"),
        (("audio",), {"losses": ["mse", "ccp"]}, "did you mean 'ccc'"),
        (("audio",), {"sequences": [20, 20]}, "--sequence 20 is given twice"),
        (("audio",), {"sequences": [20, 61]}, "--sequence 61: the longest training film"),
        (("audio",), {"sequences": [0]}, "sequences.0"),
        (("audio",), {"seeds": []}, "seeds"),
    ],
)
def test_a_grid_is_refused_for_any_of_its_cells(
    store: Path, networks: tuple[str, ...], changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(CallError, match=told):
        prepare_grid(grid_of(store, *networks, **changes))


def test_a_grid_is_not_for_torchrun(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(CallError, match="torchrun"):
        prepare_grid(grid_of(store))


def test_a_grid_that_was_not_begun_cannot_be_taken_up(tmp_path: Path) -> None:
    with pytest.raises(CallError, match=r"no grid\.yaml, so nothing for cltool video grid to take up"):
        open_grid(tmp_path, "grid")


def test_a_grid_leaves_a_folder_alone_that_holds_something(store: Path, tmp_path: Path) -> None:
    grid = prepare_grid(grid_of(store))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").touch()
    with pytest.raises(CallError, match="is not empty"):
        begin(grid, tmp_path / "out")


def test_models_and_films_that_cannot_be_evaluated(trained: Path, tmp_path: Path) -> None:
    lacking = write_store(tmp_path / "lacking")
    index = json.loads((lacking / "index.json").read_text())
    del index["tensors"]["body"]
    (lacking / "index.json").write_text(json.dumps(index))
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"models": [trained, trained]}, "is given twice"),
        ({"models": [tmp_path / "nothing"]}, "there is no trained network"),
        ({"store": tmp_path / "nothing"}, "is no feature store"),
        ({"store": lacking}, "there is no 'body' in it"),
        ({"store": write_store(tmp_path / "bare", change=unlabelled)}, "no film has labels to compare with"),
        ({"store": write_store(tmp_path / "wide", change=outside)}, "labels of film-3, frame 17"),
        ({"store": write_store(tmp_path / "dark", change=all_masked)}, "no frame of all has labels and what"),
        ({"films": "film-9"}, "holds no film 'film-9'"),
    )
    for changes, told in cases:
        with pytest.raises(CallError, match=told):
            candidates(**{"models": [trained], **changes})


def test_features_of_another_version_are_not_evaluated(setup_of: Make, tmp_path: Path) -> None:
    train(setup_of(epochs=1, network="audio:hidden=8"), tmp_path / "out")
    other = write_store(tmp_path / "other", librosa="2")
    with pytest.raises(CallError, match="features of another version: mel's librosa is 2, and was 1 in training"):
        candidates([tmp_path / "out"], other)


def test_a_network_whose_features_are_gone_asks_for_others(trained: Path, store: Path) -> None:
    store.rename(store.with_name("moved"))
    with pytest.raises(CallError, match="are not there any more; give --store"):
        candidates([trained])


def test_a_grid_is_not_gone_on_with_on_other_films(store: Path, tmp_path: Path) -> None:
    """Neither in a later session nor where an extraction adds films while it works."""
    grid = prepare_grid(grid_of(store))
    begin(grid, tmp_path / "out")
    write_store(store, films=7)
    told = f"the films of {store} are not those that this grid began with"
    with pytest.raises(CallError, match=re.escape(told)):
        prepare_grid(open_grid(tmp_path / "out", "grid"))
    with pytest.raises(CallError, match=re.escape(told)):
        run_grid(grid, tmp_path / "out")
    assert not (tmp_path / "out" / "trainings").exists()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", "an empty part; spell it"),
        ("ccc+", "loss 'ccc\\+': an empty part"),
        ("ccc++mse", "an empty part"),
        ("cccc", "there is no loss 'cccc'; did you mean 'ccc'"),
        ("mse+0.5*inertial", "there is no loss 'inertial'; did you mean 'non-inertial'"),
        ("half*ccc", "weight 'half' is no number; spell it 0.5\\*LOSS"),
        ("*ccc", "weight '' is no number"),
        ("0*ccc", "weight '0' is not a positive number"),
        ("-1*ccc", "weight '-1' is not a positive number"),
        ("nan*ccc", "weight 'nan' is not a positive number"),
        ("inf*ccc+mse", "weight 'inf' is not a positive number"),
        ("mse+2*mse", "mse is there twice"),
        ("ccc:ddof=0+mse+ccc", "ccc is there twice; give it once"),
        ("mse:variant=main", "loss 'mse' has no option 'variant'"),
        ("non-inertial:variant", "'variant' is not key=value"),
    ],
)
def test_what_is_no_sum_of_losses_is_answered_by_one_line(text: str, shown: str) -> None:
    with pytest.raises(CallError, match=shown) as found:
        Objective.parse(text, discover())
    assert "\n" not in str(found.value)
