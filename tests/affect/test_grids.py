"""What a grid is asked for: its cells, and what is wrong with any of them."""

from __future__ import annotations

from pathlib import Path

from cltool.affect.grids import GridRecipe, begin, open_grid, prepare_grid
from cltool.recipe import Choice


def asked(store: Path, *networks: str, **changes: object) -> GridRecipe:
    settings = {"store": str(store), "sequence": 20, "epochs": 2, "device": "cpu"}
    content = {"losses": ["mse"], "seeds": [0], **changes}
    return GridRecipe.of({"networks": dict.fromkeys(networks or ("audio:hidden=8",), settings), **content})


def test_cells_come_seed_by_seed_with_each_networks_own_sequence(tmp_path: Path) -> None:
    own = {"a": {"sequence": 8}, "b": {"sequence": 16}}
    recipe = GridRecipe(networks=own, losses=["mse", "ccc"], seeds=[3, 4])
    cells = [(cell.network, cell.loss, cell.sequence, cell.seed) for cell in recipe.cells()]
    first = [("a", "mse", 8, 3), ("a", "ccc", 8, 3), ("b", "mse", 16, 3), ("b", "ccc", 16, 3)]
    assert cells == first + [(*cell[:3], 4) for cell in first]
    both = recipe.model_copy(update={"sequences": [2, 4]})
    assert [cell.sequence for cell in both.cells()[:2]] == [2, 4]
    assert len({cell.place for cell in both.cells()}) == len(both.cells()) == 16


def test_a_cells_recipe_is_its_networks_settings(tmp_path: Path) -> None:
    recipe = asked(tmp_path, "audio:hidden=8", losses=["ccc+0.5*mse"], sequences=[30])
    one = recipe.cell(recipe.cells()[0])
    assert (one.loss, one.sequence, one.seed, one.epochs) == ("ccc+0.5*mse", 30, 0, 2)
    assert one.network == Choice(name="audio", options={"hidden": "8"})


def test_networks_and_losses_get_their_shortest_spelling(store: Path, tmp_path: Path) -> None:
    recipe = asked(store, "audio:hidden=8,dropout=0.5", "pose:", losses=["1*ccc", "mse+ccc"])
    grid = prepare_grid(recipe)
    assert list(grid.recipe.networks) == ["audio:hidden=8", "pose"]
    assert grid.recipe.losses == ["ccc", "mse+ccc"]
    assert grid.films == (4, 2)
    assert grid.about == "store: 4 films to train on, 2 to validate on, split given, synthetic"
    begin(grid, tmp_path / "out")
    assert open_grid(tmp_path / "out", "grid") == grid.recipe
