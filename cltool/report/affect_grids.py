"""Pictures of a grid: losses against size and sequence, repeats, and curves over epochs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from cltool.affect.cells import Cell, FinishedCell, kept_epoch
from cltool.affect.directory import AffectDirectory
from cltool.files import save_text
from cltool.report.affect_tables import COMMON, HEADINGS, page
from cltool.report.figures import BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cltool.affect.grid_runs import Outcome

COLOURS = (BLUE, ORANGE, GREEN, PINK, SKY, RED)
MARKS = ("o", "s", "^", "D", "v", "P")
CURVES = {"mse": "MSE", "ccc": "1 − CCC", "non-inertial": "Non-Inertial"}  # of a training's journal
ACROSS = 3  # panels in a row of repeats

Journal = Sequence[Mapping[str, Any]]


def draw_outcome(outcome: Outcome, root: Path) -> list[Path]:
    """Write table.md and draw what a grid's finished cells can show, in its directory; gives the files' paths."""
    if not outcome.done:
        return []
    title = {"grid": "Networks, losses, sequences", "repeat": "Repeated trainings"}[outcome.grid.recipe.kind]
    save_text(root / "table.md", page(outcome.groups, title, f"{outcome.grid.about}."))
    journals = {one.cell: AffectDirectory(root / one.path).journal() for one in outcome.finished}
    return [root / "table.md", *draw_grid(outcome.finished, journals, outcome.grid.about, root)]


def draw_grid(finished: Sequence[FinishedCell], journals: Mapping[Cell, Journal], title: str, out: Path) -> list[Path]:
    """Draw all that these cells can show into a folder; gives the pictures' paths.

    `journals`: the epochs of each cell's training. Curves are always drawn, repeats where there are two at least,
    sizes likewise, and sequences where a network has several.
    """
    drawn: list[Path] = []

    def draw(name: str, picture: Callable[[Path], None], if_several: Sequence[object] = (1, 2)) -> None:
        if len(set(if_several)) > 1:
            picture(out / name)
            drawn.append(out / name)

    cells = list(finished)
    draw("parameters.png", lambda path: draw_parameters(cells, path, title), [one.network for one in cells])
    lengths = [one.sequence for one in cells if one.network == cells[0].network]  # others may have another by preset
    draw("sequences.png", lambda path: draw_sequences(cells, path, title), lengths)
    draw("repeats.png", lambda path: draw_repeats(cells, path, title), [one.seed for one in cells])
    draw("training.png", lambda path: draw_curves(journals, path, title))
    return drawn


def draw_parameters(finished: Sequence[FinishedCell], path: Path, title: str) -> None:
    """Draw losses and CCC by network, the smallest first, a line per training loss (thesis fig. 4.5).

    A point is the mean over sequences and repeats, its bar reaches from the lowest to the highest.
    """
    figure, panels = _panels(COMMON, bottom=1.15)
    sizes = {one.network: one.parameters for one in finished}
    networks = sorted(sizes, key=lambda name: (sizes[name], name))
    for measure, axes in panels.items():
        _lines(axes, finished, measure, networks, lambda one: one.network)
        ticks = [f"{name}\n{sizes[name] / 1e6:.3g} M" for name in networks]
        axes.set_xticks(range(len(networks)), ticks, fontsize=8, rotation=35, ha="right", rotation_mode="anchor")
        axes.set_xlabel("network and its parameters", fontsize=8)
    _finish(figure, panels, path, title)


def draw_sequences(finished: Sequence[FinishedCell], path: Path, title: str) -> None:
    """Draw CCC and MSE against the sequence's length, a line per training loss (thesis fig. 4.6).

    A point is the mean over networks and repeats, its bar reaches from the lowest to the highest.
    """
    figure, panels = _panels(("ccc_mean", "mse"))
    lengths = sorted({one.sequence for one in finished})
    for measure, axes in panels.items():
        _lines(axes, finished, measure, lengths, lambda one: one.sequence)
        axes.set_xticks(range(len(lengths)), [str(length) for length in lengths])
        axes.set_xlabel("sequence, frames")
    _finish(figure, panels, path, title)


def draw_repeats(finished: Sequence[FinishedCell], path: Path, title: str) -> None:
    """Draw the CCC of every repeat by training loss, and their mean dashed (thesis fig. 4.7).

    A panel per network and sequence.
    """
    kinds = list(dict.fromkeys((one.network, one.sequence) for one in finished))
    across, down = min(ACROSS, len(kinds)), ceil(len(kinds) / ACROSS)
    wide, high = 2.6 + 2.4 * across, 0.8 + 2.3 * down
    figure = new_figure(wide, high)
    margins = {"left": 0.75 / wide, "right": 1 - 1.7 / wide, "bottom": 0.5 / high, "top": 1 - 0.65 / high}
    grid = figure.subplots(down, across, sharey=True, squeeze=False, gridspec_kw={**margins, "hspace": 0.45})
    seeds = sorted({one.seed for one in finished})
    places = [axes for row in grid for axes in row]
    for axes, (network, sequence) in zip(places, kinds, strict=False):
        axes.set_title(f"{network}, {sequence} frames", fontsize=8)
        of_kind = [one for one in finished if (one.network, one.sequence) == (network, sequence)]
        for loss, colour, mark in _losses(finished):
            found = {one.seed: one.validation.get("ccc_mean") for one in of_kind if one.loss == loss}
            points = [(seeds.index(seed) + 1, value) for seed, value in found.items() if value is not None]
            if points:
                axes.plot(*zip(*sorted(points), strict=True), f"{mark}-", color=colour, label=loss, markersize=4)
                axes.axhline(fmean(value for _, value in points), linestyle="--", color=colour, linewidth=0.9)
        axes.set(xticks=range(1, len(seeds) + 1), xlabel="repeat")
    for axes in places[len(kinds) :]:
        axes.set_visible(False)
    for row in grid:
        row[0].set_ylabel("CCC")
    _finish(figure, dict(enumerate(places)), path, title)


def draw_curves(journals: Mapping[Cell, Journal], path: Path, title: str) -> None:
    """Draw training (dashed) and validation (solid) losses over epochs by training loss (thesis figs. 4.8, 4.11).

    A row of panels per network, of its first sequence, a line per repeat; a dot marks the epoch that was kept.
    """
    from matplotlib.lines import Line2D

    firsts: dict[str, int] = {}
    for cell in journals:
        firsts.setdefault(cell.network, cell.sequence)
    shown = {cell: journal for cell, journal in journals.items() if cell.sequence == firsts[cell.network] and journal}
    networks = list(dict.fromkeys(cell.network for cell in shown))
    high = 1.1 + 2.2 * len(networks)
    figure = new_figure(10.6, high)
    margins = {"left": 0.07, "right": 0.84, "bottom": 0.45 / high, "top": 1 - 0.65 / high, "hspace": 0.2}
    grid = figure.subplots(len(networks), len(CURVES), squeeze=False, gridspec_kw={**margins, "wspace": 0.27})
    losses = _losses(list(journals))
    for number, (network, row) in enumerate(zip(networks, grid, strict=True)):
        for axes, (measure, heading) in zip(row, CURVES.items(), strict=True):
            axes.set_title("" if number else heading, fontsize=9)
            for loss, colour, _ in losses:
                for cell, journal in shown.items():
                    if (cell.network, cell.loss) == (network, loss):
                        _curve(axes, journal, measure, colour)
            axes.xaxis.get_major_locator().set_params(integer=True)
        row[0].set_ylabel(f"{network}, {firsts[network]} frames", fontsize=8)
    for axes in grid[-1]:
        axes.set_xlabel("epoch")
    handles = [Line2D([], [], color=colour, label=loss) for loss, colour, _ in losses]
    handles += [
        Line2D([], [], color=GREY, label="validation"),
        Line2D([], [], color=GREY, linestyle="--", label="training"),
    ]
    _finish(figure, {axes: axes for row in grid for axes in row}, path, title, handles)


def _curve(axes: Axes, journal: Journal, measure: str, colour: str) -> None:
    for part, style in (("train", "--"), ("validation", "-")):
        known = [line for line in journal if line[part].get(measure) is not None]
        epochs, values = [line["epoch"] for line in known], [line[part][measure] for line in known]
        axes.plot(epochs, values, style, color=colour, linewidth=1.1)
    kept = kept_epoch(journal)
    if (value := kept["validation"].get(measure)) is not None:
        axes.plot(kept["epoch"], value, "o", color=colour, markersize=4)


def _lines(
    axes: Axes,
    finished: Sequence[FinishedCell],
    measure: str,
    places: Sequence[Any],
    of: Callable[[FinishedCell], Any],
) -> None:
    """A line per training loss through the means of cells at the same place, a little aside of the other lines."""
    losses = _losses(finished)
    for number, (loss, colour, mark) in enumerate(losses):
        points: dict[int, list[float]] = {}
        for one in finished:
            value = one.validation.get(measure)
            if one.loss == loss and value is not None:
                points.setdefault(places.index(of(one)), []).append(value)
        at, means = sorted(points), [fmean(points[place]) for place in sorted(points)]
        below = [mean - min(points[place]) for place, mean in zip(at, means, strict=True)]
        above = [max(points[place]) - mean for place, mean in zip(at, means, strict=True)]
        line: dict[str, Any] = {"fmt": f"{mark}-", "color": colour, "label": loss, "markersize": 4, "capsize": 2}
        aside = 0.08 * (number - (len(losses) - 1) / 2)
        axes.errorbar([place + aside for place in at], means, [below, above], elinewidth=0.8, linewidth=1.1, **line)


def _losses(cells: Sequence[Cell] | Sequence[FinishedCell]) -> list[tuple[str, str, str]]:
    """Training losses, each with a colour and a mark."""
    names = dict.fromkeys(cell.loss for cell in cells)
    return [(name, COLOURS[n % len(COLOURS)], MARKS[n % len(MARKS)]) for n, name in enumerate(names)]


def _panels(measures: Sequence[str], bottom: float = 0.5) -> tuple[Figure, dict[str, Axes]]:
    """A figure with a panel beside the other for each measure; room below them in inches."""
    wide, high = 2.1 + 2.8 * len(measures), 3.0 + bottom
    figure = new_figure(wide, high)
    margins = {"left": 0.6 / wide, "right": 1 - 1.75 / wide, "bottom": bottom / high, "top": 1 - 0.6 / high}
    margins["wspace"] = 0.3
    panels = dict(zip(measures, figure.subplots(1, len(measures), gridspec_kw=margins), strict=True))
    for measure, axes in panels.items():
        axes.set_title(HEADINGS[measure], fontsize=9)
    return figure, panels


def _finish(
    figure: Figure, panels: Mapping[Any, Axes], path: Path, title: str, handles: Sequence[Any] | None = None
) -> None:
    """Title, grid, legend at the right, and the file."""
    figure.suptitle(title, fontsize=9, y=1 - 0.12 / figure.get_figheight(), va="top", parse_math=False)
    for axes in panels.values():
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    if handles is None:
        handles = next(iter(panels.values())).get_legend_handles_labels()[0]
    figure.legend(handles=handles, title="trained on", frameon=False, fontsize=8, loc="center right")
    save_figure(figure, [path])
