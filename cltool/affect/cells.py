"""The cells of a grid: which training each is, what came out of it, and numbers over those that differ by seed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from cltool.errors import CallError
from cltool.files import save_text, slug
from cltool.spread import Spread

JOURNAL = "journal.jsonl"
SCORES = ("ccc_mean", "ccc_valence", "ccc_arousal")  # of a journal's line; all its other numbers are losses


@dataclass(frozen=True)
class Cell:
    """One training of a grid; network and loss as they are spelled, the sequence's length in frames.

    >>> Cell("audio", "ccc+0.5*mse", 128, 0).place
    'trainings/audio/ccc+0.5-mse-369dac17/128/0'
    """

    network: str
    loss: str
    sequence: int
    seed: int

    @property
    def place(self) -> str:
        """Its training directory, below the grid's."""
        return f"trainings/{slug(self.network)}/{slug(self.loss)}/{self.sequence}/{self.seed}"

    @property
    def facts(self) -> dict[str, Any]:
        """How a cell is named in grid.json."""
        return {**asdict(self), "path": self.place}

    def __str__(self) -> str:
        return f"{self.network}, {self.loss}, {self.sequence} frames, seed {self.seed}"


class FinishedCell(BaseModel):
    """What came out of a cell: a line of the grid's journal.

    `parameters` of the network; `epoch` that was kept, of `epochs` in all, which took `seconds`, and one of them, the
    median, `seconds_per_epoch`; `train` and `validation`: losses and concordance in the epoch that was kept, as in the
    training's own journal.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    network: str
    loss: str
    sequence: int
    seed: int
    path: str
    parameters: int
    epoch: int
    epochs: int
    seconds: float
    seconds_per_epoch: float
    train: dict[str, float | None]
    validation: dict[str, float | None]

    @classmethod
    def of(cls, cell: Cell, parameters: int, journal: Sequence[Mapping[str, Any]]) -> FinishedCell:
        """A cell whose training has come to its end; `journal`: its epochs, one at least."""
        kept = kept_epoch(journal)
        return cls(
            **cell.facts,
            parameters=parameters,
            epoch=kept["epoch"],
            epochs=len(journal),
            seconds=round(sum(line["seconds"] for line in journal), 4),
            seconds_per_epoch=median(line["seconds"] for line in journal),
            train=dict(kept["train"]),
            validation=dict(kept["validation"]),
        )

    @property
    def cell(self) -> Cell:
        """Which it is."""
        return Cell(self.network, self.loss, self.sequence, self.seed)


def kept_epoch(journal: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The line of the epoch whose weights a training kept: the last that was the best so far.

    >>> kept_epoch([{"epoch": 1, "best": True}, {"epoch": 2, "best": True}, {"epoch": 3, "best": False}])["epoch"]
    2
    """
    return [line for line in journal if line["best"]][-1]


def write_journal(root: Path, finished: Sequence[FinishedCell]) -> None:
    """Write the grid's journal, whole or not at all: a line per finished cell."""
    lines = (json.dumps(one.model_dump(), ensure_ascii=False) + "\n" for one in finished)
    save_text(root / JOURNAL, "".join(lines))


def read_journal(root: Path) -> list[FinishedCell]:
    """The finished cells of a grid, none where there is no journal; raises CallError where it is damaged."""
    path = root / JOURNAL
    if not path.is_file():
        return []
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            found.append(FinishedCell.model_validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")
            raise CallError(f"{path}, line {number}: {what}; take the line out, and its cell is read anew") from None
    return found


@dataclass(frozen=True)
class Group:
    """Finished cells that differ by their seed only, in the order of the seeds asked for; one at least."""

    cells: tuple[FinishedCell, ...]

    @property
    def network(self) -> str:
        """The network, as it is spelled."""
        return self.cells[0].network

    @property
    def loss(self) -> str:
        """What the trainings lowered."""
        return self.cells[0].loss

    @property
    def sequence(self) -> int:
        """Frames that the network was shown at a time."""
        return self.cells[0].sequence

    @property
    def parameters(self) -> int:
        """How many numbers the network learnt."""
        return self.cells[0].parameters

    @cached_property
    def measures(self) -> tuple[str, ...]:
        """What is known of every cell on its validation films: the losses, then the coefficients."""
        told = self.cells[0].validation
        losses = [key for key in told if key != "loss" and key not in SCORES]
        return (*losses, *(key for key in SCORES if key in told))

    def validation(self, measure: str) -> Spread | None:
        """A number of the validation films over the cells; None where one of them has none."""
        return self.spread(lambda cell: cell.validation.get(measure))

    def spread(self, of: Callable[[FinishedCell], float | None]) -> Spread | None:
        """Any number over the cells; None where one of them has none."""
        values = [value for cell in self.cells if (value := of(cell)) is not None]
        return Spread.of(values) if len(values) == len(self.cells) else None

    def facts(self) -> dict[str, Any]:
        """An entry of grid.json's `groups`."""

        def told(spread: Spread | None) -> dict[str, Any] | None:
            return asdict(spread) if spread else None

        return {
            "network": self.network,
            "loss": self.loss,
            "sequence": self.sequence,
            "seeds": [cell.seed for cell in self.cells],
            "parameters": self.parameters,
            **{measure: told(self.validation(measure)) for measure in self.measures},
            "epoch": told(self.spread(lambda cell: cell.epoch)),
            "epochs": told(self.spread(lambda cell: cell.epochs)),
            "seconds_per_epoch": told(self.spread(lambda cell: cell.seconds_per_epoch)),
        }


def grouped(finished: Sequence[FinishedCell]) -> list[Group]:
    """Cells by network, loss and sequence, in the order in which these come first."""
    groups: dict[tuple[str, str, int], list[FinishedCell]] = {}
    for one in finished:
        groups.setdefault((one.network, one.loss, one.sequence), []).append(one)
    return [Group(tuple(cells)) for cells in groups.values()]
