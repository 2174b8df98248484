"""Pictures of several runs: their curves over classes, and a score against an option's value."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cltool.report.curves import protocol
from cltool.report.figures import BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, new_figure, save_figure
from cltool.report.runs import FinishedRun, Group, sparsity
from cltool.rundir import Metrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (BLUE, ORANGE, GREEN, PINK, SKY, RED)
MARKS = ("o", "s", "^", "D", "v", "P")


def draw_comparison(groups: Sequence[Group], paths: Sequence[Path]) -> None:
    """Draw every group's accuracy on all classes seen: its mean over runs, and a band of ± one deviation."""
    figure = new_figure(7.5, 4.4)
    axes = figure.add_axes((0.09, 0.11, 0.88, 0.8))
    joint = next((g for g in groups if all(run.metrics.joint for run in g.runs)), None)
    if joint:
        curves = np.array([run.metrics.joint.curve for run in joint.runs if run.metrics.joint])
        axes.plot(_classes(joint), curves.mean(0), "--", color=GREY, label="joint reference")
    for number, group in enumerate(groups):
        curves = np.array([run.metrics.curve for run in group.runs])
        mean, spread = curves.mean(0), curves.std(0, ddof=1) if len(curves) > 1 else np.zeros(curves.shape[1])
        colour, mark = COLOURS[number % len(COLOURS)], MARKS[number // len(COLOURS) % len(MARKS)]
        axes.plot(_classes(group), mean, mark + "-", color=colour, label=group.title, markersize=4)
        axes.fill_between(_classes(group), mean - spread, mean + spread, color=colour, alpha=0.2, linewidth=0)
    axes.set(xlabel="classes seen", ylabel="accuracy on all classes seen", ylim=(0, 1.02))
    _finish(axes, groups)
    save_figure(figure, paths)


def _classes(group: Group) -> np.ndarray:
    return np.cumsum([len(task.outputs) for task in group.runs[0].metrics.tasks])


def draw_against(option: str, groups: Sequence[Group], paths: Sequence[Path]) -> None:
    """Draw final accuracy, and the share of zero weights, against the value of an option.

    Groups whose runs do not have the option are drawn as level lines to compare with.
    """
    figure = new_figure(7.5, 5.8)
    above = figure.add_axes((0.09, 0.42, 0.88, 0.52))
    below = figure.add_axes((0.09, 0.09, 0.88, 0.27), sharex=above)
    for number, group in enumerate(groups):
        colour = COLOURS[number % len(COLOURS)]
        values = sorted({value for run in group.runs if (value := run.option(option)) is not None})
        if not values:
            above.axhline(group.mean(_final), linestyle=":", color=colour, label=group.label)
            continue
        mark = MARKS[number % len(MARKS)] + "-"
        for axes, of in ((above, _final), (below, _sparsity)):
            points = [[of(run.metrics) for run in _having(group, option, value)] for value in values]
            mean = np.array([np.mean(p) for p in points])
            spread = np.array([np.std(p, ddof=1) if len(p) > 1 else 0.0 for p in points])
            axes.errorbar(values, mean, spread, fmt=mark, color=colour, markersize=4, capsize=2, label=group.label)
            _ring_no_ops(axes, option, group, values, mean)
    above.set(ylabel="final accuracy")
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
    about = {f"{run.metrics.stream}{protocol(run.metrics)}" for group in groups for run in group.runs}
    axes.set_title(about.pop() if len(about) == 1 else "", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=8)
