"""Forgetting curves of one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cltool.report.figures import BLUE, GREEN, GREY, ORANGE, SKY, new_figure, save_figure
from cltool.rundir import Metrics


def title(metrics: Metrics) -> str:
    """What a picture of these metrics must say about where they come from."""
    return f"{metrics.stream}, {metrics.strategy}{no_op_mark(metrics)}, seed {metrics.seed}{protocol(metrics)}"


def protocol(metrics: Metrics) -> str:
    """What a trained backbone has seen of the stream, and what a run was scored on if not on the test split."""
    scored = f", scored on {metrics.holdout:.0%} of the training pictures, held out" if metrics.holdout else ""
    return _seen(metrics) + scored


def _seen(metrics: Metrics) -> str:
    if not metrics.universal:
        return ""
    if "films" in metrics.universal:
        return f", backbone trained on {_films(metrics.universal)}"
    if "later" in metrics.universal:
        return f", backbone trained on {_trained_on(metrics.universal)}"
    on = metrics.universal["on"]
    if not metrics.universal["classes"]:
        return ", universal not trained" if on == "none" else f", universal trained on {on}"
    seen = "classes (leaks: it has seen them all)" if metrics.universal["leaks"] else "task only"
    return f", universal trained on {on} {seen}"


def _trained_on(seen: Mapping[str, Any]) -> str:
    """What a backbone of `cltool universal train` was trained on, as far as the stream has the like."""
    classes, later = seen["classes"], seen["later"]
    if seen["on"] == "names":
        return f"{classes} classes of these names (leaks if on these pictures)" if later else "the first task's names"
    if seen["leaks"]:
        return f"{classes} of these classes (leaks: {later} come after the first task)"
    return f"{classes} of the first task's classes"


def _films(seen: Mapping[str, Any]) -> str:
    """What a backbone of `cltool video train` was trained on, as far as the stream has the like."""
    films, later = seen["films"], seen["later"]
    if not films:
        return "other films"
    if seen["on"] == "names":
        return f"{films} films of these names (leaks if they are these films)"
    leaks = f" (leaks: {later} come after the first task, or are held out)" if later else ""
    return f"{films} of these films{leaks}"


def score_name(metrics: Metrics) -> str:
    """What a run is scored by, as a person says it."""
    return "CCC" if metrics.score == "ccc" else "accuracy"


def unit_name(metrics: Metrics) -> str:
    """What the stream was cut into: classes, or where values are learned groups of videos, or people."""
    return "groups" if metrics.score == "ccc" else "classes"


def no_op_mark(metrics: Metrics) -> str:
    """A mark for a strategy with surgeries that changed nothing: it is the one without them."""
    idle = [effects.surgery for effects in metrics.surgery_effects if effects.no_op]
    return f" ({', '.join(idle)}: no-op)" if idle else ""


def draw_curves(metrics: Metrics, paths: Sequence[Path]) -> None:
    """Draw the score on all classes seen (of values, all groups) beside the joint reference, and each task's curve."""
    score, units = score_name(metrics), unit_name(metrics)
    figure = new_figure(9, 3.8)
    figure.suptitle(title(metrics), fontsize=10)
    margins = {"left": 0.07, "right": 0.985, "bottom": 0.14, "top": 0.89, "wspace": 0.08}
    left, right = figure.subplots(1, 2, sharey=True, gridspec_kw=margins)
    classes = np.cumsum([len(task.outputs) for task in metrics.tasks])
    left.plot(classes, metrics.curve, "o-", color=BLUE, label=metrics.strategy, zorder=3)
    if metrics.joint:
        left.plot(classes, metrics.joint.curve, "s--", color=ORANGE, label="joint reference", zorder=2)
    chance = np.zeros(len(classes)) if metrics.score == "ccc" else 1 / classes
    left.plot(classes, chance, ":", color=GREY, label="chance", zorder=1)
    for number, (name, curve) in enumerate((metrics.curve_by_output or {}).items()):
        left.plot(classes, curve, color=(SKY, GREEN)[number % 2], linewidth=1, label=name, zorder=1)
    limits = (lowest(metrics.curve, *(metrics.curve_by_output or {}).values(), *metrics.matrix), 1.02)
    left.set(xlabel=f"{units} seen", ylabel=f"{score} on all {units} seen", ylim=limits, xticks=classes)
    left.legend(frameon=False, fontsize=8)
    _draw_tasks(right, metrics)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    save_figure(figure, paths)


def _draw_tasks(axes: object, metrics: Metrics) -> None:
    """A line per task, from the task in which it was learned on."""
    from matplotlib import colormaps
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    total = len(metrics.tasks)
    shades = colormaps["viridis"](np.linspace(0, 0.9, total))
    for j in range(total):
        values = [row[j] for row in metrics.matrix[j:]]
        axes.plot(range(j + 1, total + 1), values, "o-", color=shades[j], markersize=3, linewidth=1.2)  # type: ignore[arg-type]
        axes.annotate(str(j + 1), (j + 1, values[0] or 0), fontsize=7, xytext=(0, 4), textcoords="offset points")
    of = "films" if metrics.score == "ccc" else "pictures"
    axes.set(xlabel="after task", ylabel=f"{score_name(metrics)} on each task's {of}", xticks=range(1, total + 1))


def lowest(*curves: Sequence[float | None]) -> float:
    """Where an axis of scores begins: at 0, or below the lowest, which a CCC may be.

    >>> lowest([0.2, None], [0.9]), lowest([-0.1])
    (0.0, -0.12)
    """
    least = min(value for curve in curves for value in curve if value is not None)
    return 0.0 if least >= 0 else round(least - 0.02, 12)
