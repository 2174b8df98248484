"""What a strategy's score costs: against the bytes it keeps, against its seconds, and beside published results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from cltool.report.comparison import around, plain
from cltool.report.figures import BLUE, GREY, new_figure, save_figure
from cltool.report.numbers import NUMBERS
from cltool.report.published import PROTOCOL, TASK_INCREMENTAL
from cltool.report.runs import FinishedRun, Group, by_setting, grouped
from cltool.report.styles import Style, styled
from cltool.report.tables import caption, score_of
from cltool.rundir import Metrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COSTS: Mapping[str, Callable[[Metrics], float | None]] = {
    "bytes kept": NUMBERS["bytes_kept"],
    "seconds": NUMBERS["seconds"],
}
FLOAT = 4  # bytes of a weight


def task_aware_final(metrics: Metrics) -> float | None:
    """Mean accuracy over all tasks at the end, each picture's task told; None of values and of a single task."""
    last = [value for value in metrics.matrix_task_aware[-1] if value is not None]
    return fmean(last) if metrics.score == "accuracy" and len(last) > 1 else None


def megabytes(metrics: Metrics) -> float | None:
    """Of all weights, and of what is kept of earlier tasks; None where a strategy does not tell."""
    cost = metrics.cost
    if cost.parameters_total is None or cost.bytes_kept is None:
        return None
    return (FLOAT * cost.parameters_total + cost.bytes_kept) / 1e6


def floor(values: Sequence[float]) -> float | None:
    """Where a logarithmic axis begins, zero included: a decade below the least other number; None without one.

    >>> floor([0, 100, 2000]), floor([0, 0]), floor([])
    (10.0, None, None)
    """
    positive = [value for value in values if value > 0]
    return 10.0 ** (int(f"{min(positive):e}".split("e")[1]) - 1) if positive else None


def front(groups: Sequence[Group], of: Callable[[Metrics], float | None]) -> list[Group]:
    """The ranked strategies than which no other has a higher final score at no higher cost, the dearest first."""
    costs = [(group, cost) for group in groups if group.ranked and (cost := group.mean(of)) is not None]
    found: list[Group] = []
    for group, _ in sorted(costs, key=lambda one: (one[1], -one[0].final.mean)):
        if not found or group.final.mean > found[-1].final.mean:
            found.append(group)
    return found[::-1]


def draw_tradeoffs(runs: Sequence[FinishedRun], paths: Sequence[Path]) -> None:
    """Draw the final score against bytes kept and against seconds, a row for each setting, published accuracies below.

    Points are means over seeds, bars 95 % intervals of the score. Numbers are those of the legend; they and a line
    mark the front: strategies than which no ranked one scores higher for less.
    """
    rows = [grouped(members) for members in by_setting(runs).values()]
    heights = [max(3.3, 1.2 + 0.17 * len(groups)) for groups in rows]
    longest = max(len(group.title) for groups in rows for group in groups)
    beside = any(group.score == "accuracy" for groups in rows for group in groups)  # published results are accuracies
    wide, high = 8.6 + 0.5 + 0.07 * longest, sum(heights) + 3.2 * beside
    figure = new_figure(wide, high)
    top = high
    for groups, height in zip(rows, heights, strict=True):
        for column, (name, of) in enumerate(COSTS.items()):
            place = ((0.65 + 4.15 * column) / wide, (top - height + 0.5) / high, 3.55 / wide, (height - 0.95) / high)
            axes = figure.add_axes(place)
            _draw_costs(axes, groups, name, of)
            if not column:
                axes.set_title(plain(caption(groups)), fontsize=9, loc="left")
        axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.02, 1.02), borderaxespad=0)
        top -= height
    if beside:
        _draw_published(figure.add_axes((0.65 / wide, 0.5 / high, 7.7 / wide, 2.2 / high)), rows)
    save_figure(figure, paths)


def _draw_costs(axes: Axes, groups: Sequence[Group], name: str, of: Callable[[Metrics], float | None]) -> None:
    costs = {group.label: cost for group in groups if (cost := group.mean(of)) is not None}
    best = [group.label for group in front(groups, of)]
    points = {group.label: (costs[group.label], group.final.mean) for group in groups if group.label in costs}
    for number, (group, style) in enumerate(styled(groups), start=1):
        if group.label in costs:
            _point(axes, group, style, number, costs[group.label])
        if group.label in best:
            axes.annotate(str(number), points[group.label], xytext=(-3, 6), textcoords="offset points", fontsize=7)
    axes.plot(*np.array([points[label] for label in best]).reshape(-1, 2).T, ":", color=GREY, linewidth=1, zorder=1)
    known = list(costs.values())
    lowest = floor(known)
    if lowest is not None and 0 in known:
        axes.set_xscale("symlog", linthresh=lowest, linscale=0.9)
        axes.set_xlim(-lowest / 5, max(known) * 2)
    elif lowest is not None:
        axes.set_xscale("log")
        axes.set_xlim(min(known) / 2, max(known) * 2)
    ends = around([group.final.mean for group in groups])
    axes.set(xlabel=f"{name} (logarithmic)" if lowest else name, ylabel=f"final {score_of(groups)}", ylim=ends)
    _finish(axes)


def _point(axes: Axes, group: Group, style: Style, number: int, cost: float) -> None:
    score = group.final
    _, _, bars = axes.errorbar(
        cost,
        score.mean,
        yerr=None if score.low is None else score.mean - score.low,
        fmt=style.mark[0],
        color=style.colour,
        markersize=5,
        elinewidth=0.8,
        fillstyle="full" if group.ranked else "none",
        label=f"{number}  {plain(group.title)}",
    )
    for bar in bars:
        bar.set_alpha(0.45)


def _draw_published(axes: Axes, rows: Sequence[Sequence[Group]]) -> None:
    for number, one in enumerate(TASK_INCREMENTAL):
        axes.plot(one.megabytes, one.accuracy, "D", color=GREY, markersize=6)
        beside = (-7, 3 if number == 1 else -9)  # two have the same size, and almost the same accuracy
        text, point = f"{one.name}, grown to {one.growth:g}×", (one.megabytes, one.accuracy)
        axes.annotate(text, point, xytext=beside, textcoords="offset points", fontsize=7, ha="right")
    own = ours(rows)
    for one_of_ours in own:
        axes.plot(one_of_ours["megabytes"], one_of_ours["accuracy"], "o", color=BLUE, markersize=4, fillstyle="none")
    if own:
        axes.plot([], [], "o", color=BLUE, markersize=4, fillstyle="none", label="these runs, the task told")
        axes.legend(frameon=False, fontsize=7, loc="lower left")
    axes.set_xscale("log")
    axes.set(xlabel="megabytes of the whole model and what is kept (logarithmic)", ylabel="accuracy, the task told")
    axes.set_title(PROTOCOL[0].upper() + PROTOCOL[1:], fontsize=8, loc="left")
    axes.margins(0.12, 0.15)
    _finish(axes)


def ours(rows: Sequence[Sequence[Group]]) -> list[dict[str, Any]]:
    """Where the runs stand when the task is told: `strategy`, `stream`, `accuracy`, `megabytes`, `growth`."""
    found = []
    for group in (group for groups in rows for group in groups):
        accuracy, size = group.mean(task_aware_final), group.mean(megabytes)
        if accuracy is not None and size:
            stream = group.runs[0].metrics.stream
            about = {"strategy": group.label, "stream": stream, "growth": group.mean(growth)}
            found.append({**about, "accuracy": accuracy, "megabytes": size})
    return found


def growth(metrics: Metrics) -> float | None:
    """How many times the backbone's weights there are in the end."""
    total, grown = metrics.cost.parameters_total, metrics.cost.parameters_grown
    return None if total is None or grown is None or total <= grown else total / (total - grown)


def _finish(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.tick_params(labelsize=8)
