"""Pictures of several runs: their curves over classes, and a score against an option's value."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cltool.report.curves import lowest
from cltool.report.figures import GREY, new_figure, save_figure
from cltool.report.runs import FinishedRun, Group, by_setting, grouped, in_common, joint_curve, references
from cltool.report.styles import COLOURS, MARKS, styled
from cltool.report.tables import caption, score_of, sparsity
from cltool.rundir import Metrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DASHES = ("--", "-.", ":")


def draw_comparison(runs: Sequence[FinishedRun], paths: Sequence[Path]) -> None:
    """Draw every strategy's score on all classes seen: its mean over runs, and a band of its 95 % interval.

    A panel for each setting (stream, backbone, tasks), so that no axis mixes several; the legend stands beside it.
    """
    panels = [grouped(members) for members in by_setting(runs).values()]
    heights = [max(3.6, 0.9 + 0.19 * (len(groups) + len(references(groups)))) for groups in panels]
    longest = max(len(label) for groups in panels for label in _labels(groups))
    beside = 0.6 + 0.068 * longest  # inches that a legend takes
    wide, high = 5.6 + beside, sum(heights)
    figure = new_figure(wide, high)
    top = high
    for groups, height in zip(panels, heights, strict=True):
        titled = 0.3 + 0.16 * caption(groups).count("; ")
        place = (0.65 / wide, (top - height + 0.5) / high, 4.8 / wide, (height - 0.55 - titled) / high)
        _draw_panel(figure.add_axes(place), groups)
        top -= height
    save_figure(figure, paths)


def _labels(groups: Sequence[Group]) -> list[str]:
    return [*(group.title for group in groups), *(_reference_label(group) for group in references(groups))]


def _reference_label(group: Group) -> str:
    return group.label.replace("joint", "joint reference", 1)


def _draw_panel(axes: Axes, groups: Sequence[Group]) -> None:
    from matplotlib.ticker import MaxNLocator

    for group, style in styled(groups):
        look = {"marker": style.mark[0], "linestyle": style.dash[0], "markersize": 4, "zorder": 3}
        _draw_curve(axes, group.curve(lambda m: m.curve), style.colour, group.title, **look)
    for number, group in enumerate(references(groups)):
        line = DASHES[number % len(DASHES)]
        _draw_curve(axes, group.curve(joint_curve), GREY, _reference_label(group), linestyle=line)
    score, units = score_of(groups), in_common(lambda group: group.units, groups, "classes or groups")
    bottom = lowest(*(group.curve(lambda m: m.curve)["mean"] or () for group in groups))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel=f"{units} seen", ylabel=f"{score} on all {units} seen", ylim=(bottom, 1.02))
    finish_panel(axes, groups)


def _draw_curve(axes: Axes, curve: dict[str, Any], colour: str, label: str, **line: Any) -> None:
    axes.plot(curve["classes"], curve["mean"], color=colour, label=plain(label), linewidth=1.3, **line)
    if curve["low"]:
        axes.fill_between(curve["classes"], curve["low"], curve["high"], color=colour, alpha=0.15, linewidth=0)


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
        mark = MARKS[number % len(MARKS)][0] + "-"
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
    finish_panel(above, groups)
    above.legend(frameon=False, fontsize=8)
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


def finish_panel(axes: Axes, groups: Sequence[Group]) -> None:
    """Say what all runs have in common, and name the lines beside the panel, where they cover none."""
    axes.set_title(plain(caption(groups)).replace("; ", "\n"), fontsize=9, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1.02), borderaxespad=0)


def plain(text: str) -> str:
    """A text in which matplotlib finds no formula."""
    return text.replace("$", r"\$")
