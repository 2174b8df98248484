"""Pictures of several runs: their curves over classes, and a score against an option's value."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cltool.report.curves import lowest
from cltool.report.figures import BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, new_figure, save_figure
from cltool.report.runs import FinishedRun, Group, in_common, joint_curve, references
from cltool.report.tables import caption, score_of, sparsity
from cltool.rundir import Metrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (BLUE, ORANGE, GREEN, PINK, SKY, RED)
MARKS = ("o", "s", "^", "D", "v", "P")
DASHES = ("--", "-.", ":")


def draw_comparison(groups: Sequence[Group], paths: Sequence[Path]) -> None:
    """Draw every group's score on all classes seen: its mean over runs, and a band of its 95 % interval."""
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(7.5, 4.4)
    axes = figure.add_axes((0.09, 0.11, 0.88, 0.8))
    for number, group in enumerate(references(groups)):
        label = group.label.replace("joint", "joint reference", 1)
        line = DASHES[number % len(DASHES)]
        _draw_curve(axes, group.curve(joint_curve), GREY, label, linestyle=line)
    for number, group in enumerate(groups):
        colour, mark = COLOURS[number % len(COLOURS)], MARKS[number // len(COLOURS) % len(MARKS)]
        _draw_curve(axes, group.curve(lambda m: m.curve), colour, group.title, marker=mark, markersize=4)
    score, units = score_of(groups), in_common(lambda group: group.units, groups, "classes or groups")
    bottom = lowest(*(group.curve(lambda m: m.curve)["mean"] or () for group in groups))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel=f"{units} seen", ylabel=f"{score} on all {units} seen", ylim=(bottom, 1.02))
    _finish(axes, groups)
    save_figure(figure, paths)


def _draw_curve(axes: Axes, curve: dict[str, Any], colour: str, label: str, **line: Any) -> None:
    axes.plot(curve["classes"], curve["mean"], color=colour, label=label, **line)
    if curve["low"]:
        axes.fill_between(curve["classes"], curve["low"], curve["high"], color=colour, alpha=0.2, linewidth=0)


def draw_against(option: str, groups: Sequence[Group], paths: Sequence[Path]) -> None:
    """Draw the final score, and the share of zero weights, against the value of an option.

    Groups whose runs do not have the option are drawn as level lines to compare with.
    """
    figure = new_figure(7.5, 5.8)
    above = figure.add_axes((0.09, 0.42, 0.88, 0.52))
    below = figure.add_axes((0.09, 0.09, 0.88, 0.27), sharex=above)
    for number, group in enumerate(groups):
        colour = COLOURS[number % len(COLOURS)]
        values = sorted({value for run in group.runs if (value := run.option(option)) is not None})
        if not values:
            above.axhline(
                float(np.mean([_final(run.metrics) for run in group.runs])),
                linestyle=":",
                color=colour,
                label=group.label,
            )
            continue
        mark = MARKS[number % len(MARKS)] + "-"
        for axes, of in ((above, _final), (below, _sparsity)):
            points = [[of(run.metrics) for run in _having(group, option, value)] for value in values]
            mean = np.array([np.mean(p) for p in points])
            spread = np.array([np.std(p, ddof=1) if len(p) > 1 else 0.0 for p in points])
            axes.errorbar(values, mean, spread, fmt=mark, color=colour, markersize=4, capsize=2, label=group.label)
            _ring_no_ops(axes, option, group, values, mean)
    above.set(ylabel=f"final {score_of(groups)}")
    below.set(xlabel=option, ylabel="zero weights", ylim=(-0.03, 1.03))
    below.grid(alpha=0.25)
    below.spines[["top", "right"]].set_visible(False)
    _finish(above, groups)
    save_figure(figure, paths)


def _ring_no_ops(axes: Axes, option: str, group: Group, values: Sequence[float], mean: np.ndarray) -> None:
    """A ring around every point whose surgeries changed nothing in any run."""
    idle = [Group("", runs).no_ops == len(runs) for value in values if (runs := _having(group, option, value))]
    label = None if "no-op" in axes.get_legend_handles_labels()[1] else "no-op"
    if any(idle):
        where = np.array(values)[idle]
        axes.plot(where, mean[idle], "o", markersize=10, fillstyle="none", color=GREY, label=label)


def _having(group: Group, option: str, value: float) -> list[FinishedRun]:
    return [run for run in group.runs if run.option(option) == value]


def _final(metrics: Metrics) -> float:
    return metrics.accuracy_final


def _sparsity(metrics: Metrics) -> float:
    return sparsity(metrics) or 0.0


def _finish(axes: Axes, groups: Sequence[Group]) -> None:
    """Say what all runs have in common, and name the lines."""
    axes.set_title(caption(groups).replace("; ", "\n"), fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=8)
