"""Pictures of several runs: their curves over classes, and a score against an option's value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cltool.report.figures import GREY, new_figure, save_figure
from cltool.report.runs import FinishedRun, Group, by_setting, grouped, in_common, joint_curve, references
from cltool.report.styles import COLOURS, LEADING, MARKS, styled
from cltool.report.tables import caption, score_of, sparsity
from cltool.rundir import Metrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DASHES = ("--", "-.", ":")
FEW = 12  # steps of a curve that an axis has room to name
WIDTH, BETWEEN = 4.8, 0.75  # inches: a panel, and what stands left of it


def draw_comparison(runs: Sequence[FinishedRun], paths: Sequence[Path]) -> None:
    """Draw every strategy's score on all classes seen: its mean over runs, and a band of its 95 % interval.

    A row for each setting (stream, backbone, tasks), so that no axis mixes several; the legend stands beside it. Where
    strategies are many, the bands are those of the leading ones, in a panel of their own.
    """
    settings = [grouped(members) for members in by_setting(runs).values()]
    heights = [max(3.6, 0.9 + 0.19 * (len(groups) + len(references(groups)))) for groups in settings]
    longest = max(len(label) for groups in settings for label in _labels(groups))
    panels = 1 + any(_many(groups) for groups in settings)
    wide, high = panels * (WIDTH + BETWEEN) + 0.65 + 0.068 * longest, sum(heights)  # a legend takes the last of it
    figure = new_figure(wide, high)
    top = high
    for groups, height in zip(settings, heights, strict=True):
        titled = 0.3 + 0.16 * caption(groups).count("; ")
        low, tall = (top - height + 0.5) / high, (height - 0.55 - titled) / high
        first, *second = (
            figure.add_axes(((BETWEEN - 0.1 + place * (WIDTH + BETWEEN)) / wide, low, WIDTH / wide, tall))
            for place in range(1 + _many(groups))
        )
        dashes = {group.label: DASHES[place % len(DASHES)] for place, group in enumerate(references(groups))}
        _draw_panel(first, groups, dashes, bands=not second)
        for axes in second:
            _draw_panel(axes, [group for group, style in styled(groups) if style.leading], dashes, bands=True)
            axes.set_title(f"the {LEADING} that end highest, with 95 % intervals", fontsize=9, loc="left")
        name_lines(second[0] if second else first, first)
        top -= height
    save_figure(figure, paths)


def _many(groups: Sequence[Group]) -> bool:
    return len(groups) > LEADING


def _labels(groups: Sequence[Group]) -> list[str]:
    return [*(group.title for group in groups), *(_reference_label(group) for group in references(groups))]


def _reference_label(group: Group) -> str:
    return group.label.replace("joint", "joint reference", 1)


def _draw_panel(axes: Axes, groups: Sequence[Group], dashes: Mapping[str, str], bands: bool) -> None:
    """Draw the curves of strategies and of their references; `dashes`: the line of each reference, in all panels."""
    from matplotlib.ticker import FixedLocator, MaxNLocator

    for group, style in styled(groups):
        look = {"marker": style.mark[0], "linestyle": style.dash[0], "markersize": 4, "zorder": 3}
        look |= {"fillstyle": "full" if group.ranked else "none"}
        _draw_curve(axes, group.curve(lambda m: m.curve), bands, style.colour, group.title, **look)
    for group in references(groups):
        look = {"linestyle": dashes[group.label]}
        _draw_curve(axes, group.curve(joint_curve), bands, GREY, _reference_label(group), **look)
    score, units = score_of(groups), in_common(lambda group: group.units, groups, "classes or groups")
    steps = groups[0].curve(lambda m: m.curve)["classes"] or []
    axes.xaxis.set_major_locator(FixedLocator(steps) if len(steps) <= FEW else MaxNLocator(integer=True))
    means = [value for line in axes.get_lines() for value in np.asarray(line.get_ydata()).tolist()]
    axes.set(xlabel=f"{units} seen", ylabel=f"{score} on all {units} seen", ylim=around(means))
    finish_panel(axes, groups)


def around(scores: Sequence[float]) -> tuple[float, float]:
    """The ends of an axis of scores: of means, for the intervals of few seeds reach farther than a score can.

    >>> around([0.5, 0.75, 1.0])
    (0.44, 1.06)
    """
    low, high = min(scores), max(scores)
    room = max(0.01, 0.12 * (high - low))
    return low - room, high + room


def _draw_curve(axes: Axes, curve: dict[str, Any], band: bool, colour: str, label: str, **line: Any) -> None:
    axes.plot(curve["classes"], curve["mean"], color=colour, label=plain(label), linewidth=1.3, **line)
    if band and curve["low"]:
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
    """Say what all runs have in common."""
    axes.set_title(plain(caption(groups)).replace("; ", "\n"), fontsize=9, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)


def name_lines(beside: Axes, of: Axes) -> None:
    """A legend of a panel's lines beside it, or beside a panel at its right, where it covers none."""
    lines, labels = of.get_legend_handles_labels()
    beside.legend(
        lines, labels, frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1.02), borderaxespad=0
    )


def plain(text: str) -> str:
    """A text in which matplotlib finds no formula."""
    return text.replace("$", r"\$")
