"""A grid at work: cells are trained one after the other, and what is finished is written down after each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cltool.affect.cells import Cell, FinishedCell, Group, grouped, read_journal, write_journal
from cltool.affect.directory import AffectDirectory
from cltool.affect.grids import Grid
from cltool.affect.setups import prepare
from cltool.affect.stability import stabilities
from cltool.affect.training import train
from cltool.files import save_text
from cltool.progress import Progress, SaidOnce, Silent
from cltool.training.checkpoints import NAME
from cltool.video.store import FeatureStore

SCHEMA = 1

Facts = Mapping[str, Any]


@dataclass
class Outcome:
    """How far a grid is: its finished cells, what stopped those that failed, and the epoch last finished."""

    grid: Grid
    done: dict[Cell, FinishedCell] = field(default_factory=dict)
    failed: dict[Cell, str] = field(default_factory=dict)
    epoch: tuple[Cell, Facts] | None = None  # of the cell that is being trained

    @property
    def finished(self) -> list[FinishedCell]:
        """The finished cells, by network, loss, sequence and seed in the order in which these were asked for."""
        recipe = self.grid.recipe
        order = [
            Cell(network, loss, sequence, seed)
            for network in recipe.networks
            for loss in recipe.losses
            for sequence in recipe.lengths(network)
            for seed in recipe.seeds
        ]
        return [self.done[cell] for cell in order if cell in self.done]

    @property
    def groups(self) -> list[Group]:
        """The finished cells, those that differ by seed together."""
        return grouped(self.finished)

    def content(self) -> dict[str, Any]:
        """grid.json or repeat.json, schema 1."""
        recipe, cells = self.grid.recipe, self.grid.recipe.cells()
        train_films, validation_films = self.grid.films
        missing = [cell.facts for cell in cells if cell not in self.done and cell not in self.failed]
        return {
            "schema": SCHEMA,
            "kind": recipe.kind,
            "complete": len(self.done) == len(cells),
            "about": self.grid.about,
            "films": {"train": train_films, "validation": validation_films},
            "synthetic": self.grid.synthetic,
            "seeds": recipe.seeds,
            "cells": [one.model_dump() for one in self.finished],
            "groups": [group.facts() for group in self.groups],
            "stability": [one.facts() for one in stabilities(self.groups)],
            "missing": missing,
            "failed": [{**cell.facts, "message": message} for cell, message in self.failed.items()],
        }


Watch = Callable[[Outcome], None]  # is shown how far it is, after every epoch and every cell
Warn = Callable[[Cell, Exception], None]  # is told of a cell that failed


def run_grid(
    grid: Grid,
    root: Path,
    *,
    progress: Progress | None = None,
    watch: Watch = lambda outcome: None,
    warn: Warn = lambda cell, error: None,
) -> Outcome:
    """Train all cells that are not finished, and write journal and grid.json after each; finished ones are only read.

    A cell that was broken off goes on after its last finished epoch. One that fails is told to `warn` and kept in the
    outcome; the others go on. Raises CallError for a damaged journal, and for features that have changed.
    """
    progress = SaidOnce(progress or Silent())
    cells = grid.recipe.cells()
    earlier = {one.cell: one for one in read_journal(root)}
    outcome = Outcome(grid, {cell: earlier[cell] for cell in cells if cell in earlier})
    _write(outcome, root)
    watch(outcome)
    with progress.track("cells", len(cells)) as advance:
        advance(len(outcome.done))
        for cell in [cell for cell in cells if cell not in outcome.done]:
            grid.recipe.check_features(FeatureStore(grid.recipe.store))  # an extraction may go on meanwhile
            try:
                outcome.done[cell] = _trained(outcome, cell, root, progress, watch)
            except Exception as error:  # such as a loss that became NaN: the other cells are worth no less
                outcome.failed[cell] = " ".join(f"{type(error).__name__}: {error}".split())
                warn(cell, error)
            outcome.epoch = None
            _write(outcome, root)
            watch(outcome)
            advance(1)
    return outcome


def _trained(outcome: Outcome, cell: Cell, root: Path, progress: Progress, watch: Watch) -> FinishedCell:
    """Train a cell, or take it up where it was left."""
    path = root / cell.place
    begun = (path / NAME).is_file()
    if path.exists() and not begun:  # killed within its first epoch: nothing of it can be taken up
        shutil.rmtree(path)

    def see(facts: Facts) -> None:
        outcome.epoch = (cell, facts)
        watch(outcome)

    recipe = AffectDirectory(path).recipe() if begun else outcome.grid.recipe.cell(cell)
    card = train(prepare(recipe, progress), path, progress, see, begun)
    return FinishedCell.of(cell, card.parameters, AffectDirectory(path).journal())


def _write(outcome: Outcome, root: Path) -> None:
    write_journal(root, outcome.finished)
    content = json.dumps(outcome.content(), indent=2, ensure_ascii=False)
    save_text(root / f"{outcome.grid.recipe.kind}.json", content + "\n")
