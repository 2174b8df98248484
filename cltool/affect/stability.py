"""How much repeated trainings differ, by what they lowered (thesis table 4.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from cltool.affect.cells import Group

OWN = {"ccc": "ccc_mean"}  # the thesis tells a training on the CCC loss by its coefficient


@dataclass(frozen=True)
class Column:
    """A number over repeats: its `values`, their mean, and how far each is from it."""

    values: tuple[float, ...]

    @property
    def average(self) -> float:
        """The mean of the values."""
        return fmean(self.values)

    @property
    def differences(self) -> tuple[float, ...]:
        """The squared difference of each value from the mean."""
        return tuple((value - self.average) ** 2 for value in self.values)

    @property
    def sum(self) -> float:
        """The sum of the squared differences.

        >>> full = Column((0.202, 0.206, 0.204, 0.202, 0.209))  # MSE after Non-Inertial training, thesis table 4.2
        >>> f"{full.sum:.7f}"
        '0.0000352'
        """
        return sum(self.differences)


@dataclass(frozen=True)
class Stability:
    """Repeated trainings of one network, loss and sequence.

    `own` is what the thesis takes for a training's own column: the loss it lowered, for CCC the coefficient, for a sum
    of losses that sum. Columns of different losses have different units; `columns` holds, for each, numbers that all
    trainings have in common, by which they can be compared.
    """

    group: Group
    own: str
    columns: Mapping[str, Column]

    @classmethod
    def of(cls, group: Group) -> Stability:
        """The columns of a group's cells, those without a gap."""
        names = ("loss", *group.measures)
        values = {name: [cell.validation.get(name) for cell in group.cells] for name in names}
        full = {name: Column(tuple(v for v in found if v is not None)) for name, found in values.items()}
        columns = {name: column for name, column in full.items() if len(column.values) == len(group.cells)}
        own = OWN.get(group.loss, group.loss)
        return cls(group, own if own in columns else "loss", columns)

    def facts(self) -> dict[str, Any]:
        """An entry of grid.json's `stability`."""
        return {
            "network": self.group.network,
            "loss": self.group.loss,
            "sequence": self.group.sequence,
            "seeds": [cell.seed for cell in self.group.cells],
            "own": self.own,
            "columns": {
                name: {
                    "values": list(column.values),
                    "average": column.average,
                    "squared_differences": list(column.differences),
                    "sum": column.sum,
                }
                for name, column in self.columns.items()
            },
        }


def stabilities(groups: Sequence[Group]) -> list[Stability]:
    """How much the cells of each group differ, of groups with two cells at least."""
    return [Stability.of(group) for group in groups if len(group.cells) > 1]
