"""A grid: networks × losses × sequences × seeds; every cell is an ordinary training directory."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from cltool.affect.cells import Cell
from cltool.affect.recipes import AffectRecipe
from cltool.affect.setups import prepare
from cltool.errors import CallError
from cltool.files import check_free_folder
from cltool.progress import Progress, SaidOnce, Silent
from cltool.recipe import RecipeFile
from cltool.video.store import FeatureStore

Kind = Literal["grid", "repeat"]


class GridRecipe(RecipeFile):
    """What `cltool video grid` or `repeat` was asked for.

    `networks`: each as it is spelled, with the keys of a training's recipe under which it is trained; `losses` as they
    are spelled, `sequences` in frames (None: each network's own). `features`: a checksum of the labelled films that it
    began with, all networks reading one store; None before.

    >>> recipe = GridRecipe(networks={"audio": {"store": "features", "sequence": 64}}, losses=["ccc"], seeds=[3])
    >>> recipe.cells()
    [Cell(network='audio', loss='ccc', sequence=64, seed=3)]
    """

    kind: Kind = "grid"
    networks: dict[str, dict[str, Any]] = Field(min_length=1)
    losses: list[str] = Field(min_length=1)
    sequences: list[Annotated[int, Field(ge=1)]] | None = Field(default=None, min_length=1)
    seeds: list[int] = Field(min_length=1)
    features: str | None = None

    @property
    def store(self) -> Path:
        """Where the features lie."""
        return Path(next(iter(self.networks.values()))["store"])

    def check_features(self, store: FeatureStore) -> None:
        """Raise CallError for other films than those that the grid began with: cells could not be compared."""
        if self.features not in (None, checksum(store)):
            raise CallError(
                f"the films of {store.path} are not those that this {self.kind} began with; put them back, or begin "
                "anew into another --out"
            )

    def lengths(self, network: str) -> list[int]:
        """The sequences that a network is trained with."""
        return self.sequences or [self.networks[network]["sequence"]]

    def cells(self) -> list[Cell]:
        """All cells in the order in which they are trained: first all of the first seed."""
        return [
            Cell(network, loss, sequence, seed)
            for seed in self.seeds
            for network in self.networks
            for loss in self.losses
            for sequence in self.lengths(network)
        ]

    def cell(self, cell: Cell) -> AffectRecipe:
        """The recipe of one training; raises CallError for a key that is none, or a wrong value."""
        return AffectRecipe.of({**self.networks[cell.network], **vars(cell)}, "this call")


def checksum(store: FeatureStore) -> str:
    """A checksum of the features of all labelled films, whatever their order."""
    films = {name: entry.sha256 for name, entry in store.index.films.items() if entry.labelled}
    return hashlib.sha256(json.dumps(films, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Grid:
    """A grid whose networks, losses, store and films are found and checked; nothing is trained yet.

    `films`: how many there are to train and to validate on, with the first seed. `synthetic`: whether a program made
    any of them.
    """

    recipe: GridRecipe
    films: tuple[int, int]
    synthetic: bool

    @property
    def about(self) -> str:
        """What every table and picture says of where its numbers come from."""
        recipe, (train, validation) = self.recipe.cell(self.recipe.cells()[0]), self.films
        made = ", synthetic" if self.synthetic else ""
        dealt = ", labels shuffled" if recipe.shuffle_labels else ""
        films = f"{train} films to train on, {validation} to validate on, split {recipe.split}"
        return f"{self.recipe.store.resolve().name}: {films}{made}{dealt}"


def prepare_grid(asked: GridRecipe, progress: Progress | None = None) -> Grid:
    """Find and check all that a grid names; networks and losses have their shortest spelling.

    Raises CallError for whatever is wrong with any of its cells and for what stands there twice. Nothing is written.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise CallError("torchrun shares out one training; start a grid without it, and its cells one after the other")
    progress = SaidOnce(progress or Silent())
    first, *others = asked.cells()
    setup = prepare(asked.cell(first), progress)
    asked.check_features(setup.store)
    networks, losses = {first.network: str(setup.network)}, {first.loss: str(setup.objective)}
    tried = {(first.network, first.sequence)}
    for cell in others:  # what fits the first loss fits the others, and so do seeds: one of each is tried
        if cell.loss in losses and (cell.network, cell.sequence) in tried:
            continue
        found = prepare(asked.cell(cell), progress)
        networks[cell.network], losses[cell.loss] = str(found.network), str(found.objective)
        tried.add((cell.network, cell.sequence))
    for option, spelled in (("network", networks), ("loss", losses)):
        _check_different(option, spelled)
    _check_once("loss", asked.losses)
    _check_once("sequence", asked.sequences or ())
    update = {
        "networks": {networks[name]: settings for name, settings in asked.networks.items()},
        "losses": [losses[name] for name in asked.losses],
        "features": checksum(setup.store),
    }
    films = len(setup.train), len(setup.validation)
    return Grid(asked.model_copy(update=update), films, setup.store.index.synthetic)


def _check_different(option: str, spelled: Mapping[str, str]) -> None:
    """Raise CallError for two spellings of the same; `spelled`: as it was given → the shortest."""
    seen: dict[str, str] = {}
    for text, short in spelled.items():
        if short in seen:
            raise CallError(f"--{option} {text} is the same as --{option} {seen[short]}; leave one out")
        seen[short] = text


def _check_once(option: str, given: Sequence[object]) -> None:
    for place, one in enumerate(given):
        if one in given[:place]:
            raise CallError(f"--{option} {one} is given twice; leave one out")


def begin(grid: Grid, root: Path) -> None:
    """Make a grid's directory, with its recipe; raises CallError if it holds anything or cannot be made."""
    check_free_folder(root)
    try:
        grid.recipe.save(root / f"{grid.recipe.kind}.yaml")
    except OSError as error:
        raise CallError(f"cannot write --out {root}: {error.strerror}") from None


def open_grid(root: Path, kind: Kind) -> GridRecipe:
    """The recipe of a grid to be resumed; raises CallError if there is none of this kind."""
    path = root / f"{kind}.yaml"
    if not path.is_file():
        raise CallError(f"--resume {root}: there is no {path.name}, so nothing for cltool video {kind} to take up")
    return GridRecipe.load(path)
