"""A grid at work: what it writes down, what it does not do twice, and what a kill or a failure costs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cltool.affect.cells import Cell
from cltool.affect.directory import AffectDirectory
from cltool.affect.evaluation import evaluate, prepare
from cltool.affect.grid_runs import Outcome, run_grid
from cltool.affect.grids import GridRecipe, begin, open_grid, prepare_grid
from cltool.affect.models import read_card

NETWORK = "audio:hidden=8"
SETTINGS = {"sequence": 20, "epochs": 2, "batch": 8, "learning_rate": 0.01, "device": "cpu", "choose": "ccc"}


def asked(store: Path, losses: tuple[str, ...] = ("mse", "ccc"), **changes: object) -> GridRecipe:
    networks = {NETWORK: {"store": str(store), **SETTINGS, **changes.pop("settings", {})}}
    return GridRecipe.of({"networks": networks, "losses": list(losses), "seeds": [0], **changes})


def begun(recipe: GridRecipe, root: Path, **watched: Callable) -> Outcome:
    grid = prepare_grid(recipe)
    begin(grid, root)
    return run_grid(grid, root, **watched)


def taken_up(root: Path) -> Outcome:
    return run_grid(prepare_grid(open_grid(root, "grid")), root)


@pytest.mark.slow
def test_cells_are_ordinary_trainings_and_their_numbers_those_of_the_kept_epoch(store: Path, tmp_path: Path) -> None:
    """Three ways to the same numbers: the grid, the training's journal, and the network tried anew."""
    root = tmp_path / "grid"
    outcome = begun(asked(store, seeds=[0, 1]), root)
    told = json.loads((root / "grid.json").read_text())
    assert told == outcome.content()
    assert (told["schema"], told["complete"], told["missing"], told["failed"]) == (1, True, [], [])
    assert [(c["loss"], c["seed"]) for c in told["cells"]] == [("mse", 0), ("mse", 1), ("ccc", 0), ("ccc", 1)]
    assert [group["ccc_mean"]["n"] for group in told["groups"]] == [2, 2]
    for cell in told["cells"]:
        path = root / cell["path"]
        kept = [line for line in AffectDirectory(path).journal() if line["best"]][-1]
        assert cell["validation"] == kept["validation"]
        assert cell["epoch"] == kept["epoch"]
        assert cell["parameters"] == read_card(path).parameters
        (candidate,) = prepare([path])
        again = evaluate(candidate).scores
        assert again == pytest.approx({name: kept["validation"][name] for name in again}, abs=1e-6)


@pytest.mark.slow
def test_what_is_finished_is_not_trained_again_and_half_a_cell_goes_on(store: Path, tmp_path: Path) -> None:
    root = tmp_path / "grid"

    def stop(outcome: Outcome) -> None:
        if outcome.done and outcome.epoch and outcome.epoch[1]["epoch"] == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        begun(asked(store), root, watch=stop)
    told = json.loads((root / "grid.json").read_text())
    assert not told["complete"]
    assert [cell["loss"] for cell in told["missing"]] == ["ccc"]
    first, half = (root / Cell(NETWORK, loss, 20, 0).place for loss in ("mse", "ccc"))
    kept = {path: path.stat().st_mtime_ns for path in first.rglob("*") if path.is_file()}
    line = AffectDirectory(half).journal()
    outcome = taken_up(root)
    assert [one.loss for one in outcome.finished] == ["mse", "ccc"]
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert AffectDirectory(half).journal()[:1] == line
    whole = begun(asked(store), tmp_path / "whole")
    assert [one.validation for one in whole.finished] == [one.validation for one in outcome.finished]


@pytest.mark.slow
def test_a_cell_killed_in_its_first_epoch_begins_anew(store: Path, tmp_path: Path) -> None:
    root = tmp_path / "grid"
    grid = prepare_grid(asked(store, ("mse",)))
    begin(grid, root)
    place = root / grid.recipe.cells()[0].place
    place.mkdir(parents=True)
    (place / "recipe.yaml").write_text("half a reci")
    assert len(taken_up(root).done) == 1


@pytest.mark.slow
def test_a_cell_that_fails_is_told_and_costs_no_other(store: Path, tmp_path: Path) -> None:
    plugin, brake = tmp_path / "mine.py", tmp_path / "brake"
    brake.touch()
    plugin.write_text(
        "from pathlib import Path\nfrom torch import Tensor\nfrom cltool import loss\n\n\n@loss\n"
        "def picky(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:\n    'Break.'\n"
        f"    if Path({str(brake)!r}).exists():\n        raise ZeroDivisionError('on purpose')\n"
        "    return (prediction - target.nan_to_num())[mask].square().mean()\n"
    )
    root, told = tmp_path / "grid", []
    recipe = asked(store, ("picky", "mse"), settings={"plugins": [str(plugin)]})
    outcome = begun(recipe, root, warn=lambda cell, error: told.append((cell.loss, str(error))))
    assert told == [("picky", "on purpose")]
    assert [one.loss for one in outcome.finished] == ["mse"]
    (failed,) = json.loads((root / "grid.json").read_text())["failed"]
    assert (failed["loss"], failed["message"]) == ("picky", "ZeroDivisionError: on purpose")
    brake.unlink()
    again = taken_up(root)
    assert not again.failed
    assert again.content()["complete"]
