"""How far a comparison is, and comparison.json, which tells it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cltool.comparison.cells import Cell
from cltool.comparison.setups import Comparison
from cltool.files import save_text
from cltool.report.runs import FinishedRun
from cltool.report.summary import summary


@dataclass
class Outcome:
    """How far a comparison is: its finished cells, and what stopped those that failed."""

    comparison: Comparison
    finished: dict[Cell, FinishedRun] = field(default_factory=dict)
    failed: dict[Cell, str] = field(default_factory=dict)

    @classmethod
    def found(cls, comparison: Comparison, root: Path) -> Outcome:
        """What earlier sessions have finished."""
        return cls(comparison, {cell: done for cell in comparison.cells() if (done := finished_cell(root, cell))})

    @property
    def runs(self) -> list[FinishedRun]:
        """The finished cells' runs, by stream, strategy and seed, in the order in which these were asked for."""
        recipe = self.comparison.recipe
        streams, strategies = list(recipe.streams), list(recipe.strategies)

        def place(cell: Cell) -> tuple[int, int, int]:
            return streams.index(cell.stream), strategies.index(cell.strategy), recipe.seeds.index(cell.seed)

        return [self.finished[cell] for cell in sorted(self.finished, key=place)]

    @property
    def told(self) -> str:
        """How many cells are finished, in words."""
        return f"{len(self.finished)} of {len(self.comparison.cells())} cells finished"

    def content(self, root: Path) -> dict[str, Any]:
        """comparison.json; see docs/run-directory.md."""
        recipe, cells = self.comparison.recipe, self.comparison.cells()
        missing = [cell.facts for cell in cells if cell not in self.finished and cell not in self.failed]
        return {
            "schema": 1,
            "complete": len(self.finished) == len(cells),
            "seeds": recipe.seeds,
            "class_order": recipe.class_order,
            **summary(self.runs, root),
            "missing": missing,
            "failed": [{**cell.facts, "message": self.failed[cell]} for cell in cells if cell in self.failed],
        }

    def write(self, root: Path) -> None:
        """Write comparison.json, whole or not at all."""
        content = json.dumps(self.content(root), indent=2, ensure_ascii=False)
        save_text(root / "comparison.json", content + "\n")


def finished_cell(root: Path, cell: Cell) -> FinishedRun | None:
    """A cell's run; None where it is not finished."""
    path = root / "cells" / cell.place
    return FinishedRun.load(path) if (path / "metrics.json").is_file() else None
