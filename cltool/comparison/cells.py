"""Cells of a comparison, and the jobs that they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cell:
    """One run of a comparison; `place` is its folder below the comparison's `cells`."""

    stream: str
    strategy: str
    seed: int
    place: str

    @property
    def ground(self) -> tuple[str, int]:
        """What it shares with other cells: stream and seed, and so tasks and backbone."""
        return self.stream, self.seed

    @property
    def facts(self) -> dict[str, Any]:
        """How a cell is named in comparison.json."""
        return {"stream": self.stream, "strategy": self.strategy, "seed": self.seed, "path": f"cells/{self.place}"}


@dataclass(frozen=True)
class JointJob:
    """Solve the joint reference of a cell's stream, seed and lift, which others have in common with it.

    `reference` is its file below the comparison's `joint`.
    """

    cell: Cell
    reference: str

    @property
    def told(self) -> str:
        """How a user is told of it while it runs."""
        return f"joint reference, seed {self.cell.seed}"


@dataclass(frozen=True)
class CellJob:
    """Run a cell, once its joint reference is solved; `reference` is None where none is wanted."""

    cell: Cell
    reference: str | None

    @property
    def told(self) -> str:
        """How a user is told of it while it runs."""
        return f"{self.cell.strategy}, seed {self.cell.seed}"


Job = JointJob | CellJob
