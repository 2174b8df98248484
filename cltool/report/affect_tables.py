"""The tables of a grid: losses and concordance, epochs and time, and how much repeats differ."""

from __future__ import annotations

from collections.abc import Sequence

from cltool.affect.cells import SCORES, Group
from cltool.affect.stability import Stability, stabilities
from cltool.spread import Spread

Texts = tuple[list[str], list[list[str]]]  # headings and lines of a table

HEADINGS = {
    "mse": "MSE",
    "ccc_mean": "CCC",
    "non-inertial": "Non-Inertial",
    "ccc_valence": "CCC_V",
    "ccc_arousal": "CCC_A",
}
COMMON = ("mse", "ccc_mean", "non-inertial")  # columns of one unit, whatever was trained
UNITS = (
    "The thesis' MSE column is MSE_v + MSE_a: twice this one, which is their mean; its Non-Inertial column is half of "
    "its own MSE column and small terms, so that it is in the units of ours. Losses are the lower the better; CCC, the "
    "mean of CCC_V and CCC_A, the higher."
)
OWN = (
    "Average and squared differences are those of a training's own column, the loss that it lowered (for CCC the "
    "coefficient, for a sum of losses that sum). Own columns have units of their own; by columns that all have in "
    "common trainings can be compared: the second table has their means and Σd², the sum of squared differences."
)


def losses(groups: Sequence[Group], narrow: bool = False) -> Texts:
    """A line per network, training loss and sequence: mean ± deviation over repeats (thesis tables 1 to 3).

    `narrow` leaves out deviations and how many repeats there are, for which a small terminal has no room.
    """
    measures = _shown(groups)
    several = not narrow and any(len(one.cells) > 1 for one in groups)
    counts = [[str(len(one.cells))] if several else [] for one in groups]
    headings = ["network", "training loss", "sequence", *(["repeats"] if several else [])]
    return [*headings, *(HEADINGS.get(name, name) for name in measures)], [
        [*_named(one), *count, *(_spread(one.validation(name), name, narrow) for name in measures)]
        for one, count in zip(groups, counts, strict=True)
    ]


def costs(groups: Sequence[Group]) -> Texts:
    """A line per network, training loss and sequence: size, epochs and time, concordance (thesis table 4.3)."""
    headings = ["network", "training loss", "sequence", "parameters", "epochs", "best", "seconds per epoch"]
    return [*headings, *(HEADINGS[name] for name in SCORES)], [
        [
            *_named(one),
            f"{one.parameters:,}",
            _mean(one.spread(lambda cell: cell.epochs), "{:.4g}"),
            _mean(one.spread(lambda cell: cell.epoch), "{:.4g}"),
            _mean(one.spread(lambda cell: cell.seconds_per_epoch), "{:.3g}"),
            *(_mean(one.validation(name), "{:.3f}") for name in SCORES),
        ]
        for one in groups
    ]


def repeats(found: Sequence[Stability]) -> Texts:
    """A line per training: its losses, its own column's average, and how far it is from that (thesis table 4.2)."""
    measures = _shown([one.group for one in found])
    headings = ["network", "training loss", "sequence", "seed", *(HEADINGS.get(name, name) for name in measures)]
    lines = []
    for one in found:
        own, last = one.columns[one.own], len(one.group.cells) - 1
        for place, cell in enumerate(one.group.cells):
            numbers = [number(cell.validation.get(name), name) for name in measures]
            total = f"{own.sum:.7f}" if place == last else ""
            told = [f"{own.average:.4f}", f"{own.differences[place]:.7f}", total]
            lines.append([*_named(one.group), str(cell.seed), *numbers, *told])
    return [*headings, "average", "squared difference", "sum"], lines


def in_common(found: Sequence[Stability], narrow: bool = False) -> Texts:
    """A line per training loss: mean and sum of squared differences of columns that all have.

    `narrow`: of MSE and CCC only.
    """
    shown = COMMON[:2] if narrow else COMMON
    headings = ["network", "training loss", "sequence", "repeats"]
    for name in shown:
        headings += [HEADINGS[name], f"Σd² {HEADINGS[name]}"]
    lines = []
    for one in found:
        line = [*_named(one.group), str(len(one.group.cells))]
        for name in shown:
            column = one.columns.get(name)
            line += [number(column.average, name), f"{column.sum:.7f}"] if column else ["–", "–"]
        lines.append(line)
    return headings, lines


def page(groups: Sequence[Group], title: str, caption: str) -> str:
    """All tables as Markdown, under what they are about."""
    parts = [f"# {title}", caption, "## Losses and concordance on the validation films", UNITS]
    if any(len(one.cells) > 1 for one in groups):
        parts += ["Mean ± standard deviation (n − 1) over repeats, which differ by their seed."]
    parts += [markdown(losses(groups)), "## Epochs and time", markdown(costs(groups))]
    if found := stabilities(groups):
        parts += ["## Repeats", OWN, markdown(repeats(found)), markdown(in_common(found))]
    return "\n\n".join(parts) + "\n"


def _shown(groups: Sequence[Group]) -> list[str]:
    """What stands in a table: the thesis' columns, then any other loss; that of CCC is told by its coefficient."""
    known = list(dict.fromkeys(name for one in groups for name in one.measures))
    return [name for name in HEADINGS if name in known] + [n for n in known if n not in HEADINGS and n != "ccc"]


def _named(group: Group) -> list[str]:
    return [group.network, group.loss, str(group.sequence)]


def _spread(spread: Spread | None, name: str, narrow: bool) -> str:
    if spread is None or spread.deviation is None or narrow:
        return number(spread.mean if spread else None, name)
    return f"{number(spread.mean, name)} ± {number(spread.deviation, name)}"


def number(value: float | None, name: str) -> str:
    """A loss or a coefficient, by its name, as a table tells it."""
    return "–" if value is None else f"{value:.3f}" if name in SCORES else f"{value:.4f}"


def _mean(spread: Spread | None, shape: str) -> str:
    return shape.format(spread.mean) if spread else "–"


def markdown(table: Texts) -> str:
    """A table as Markdown; all but the first two columns hold numbers."""
    headings, lines = table
    rule = "|" + "|".join("---" if i < 2 else "---:" for i in range(len(headings))) + "|"
    return "\n".join([f"| {' | '.join(headings)} |", rule, *(f"| {' | '.join(line)} |" for line in lines)])
