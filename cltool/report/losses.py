"""Loss and accuracy by epoch, of one training or of several together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from cltool.report.figures import BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, new_figure, save_figure

COLOURS = (BLUE, ORANGE, GREEN, PINK, SKY, RED, GREY)


def draw_losses(journals: Mapping[str, Sequence[Mapping[str, Any]]], paths: Sequence[Path]) -> None:
    """Draw training (dashed) and validation (solid) loss and accuracy against epochs (thesis figs. 4.1, 4.2).

    `journals`: name of each training → its finished epochs; a dot marks the epoch that was kept.
    """
    from matplotlib.lines import Line2D

    figure = new_figure(9, 3.8)
    margins = {"left": 0.07, "right": 0.985, "bottom": 0.14, "top": 0.93, "wspace": 0.2}
    left, right = figure.subplots(1, 2, gridspec_kw=margins)
    handles = []
    for number, (name, journal) in enumerate(journals.items()):
        colour = COLOURS[number % len(COLOURS)]
        handles.append(Line2D([], [], color=colour, label=name))
        for axes, key in ((left, "loss"), (right, "accuracy")):
            _draw(axes, journal, key, colour)
    handles += [
        Line2D([], [], color=GREY, label="validation"),
        Line2D([], [], color=GREY, linestyle="--", label="training, as shown to the network"),
    ]
    left.set(xlabel="epoch", ylabel="loss", ylim=(0, _highest(journals.values())))
    right.set(xlabel="epoch", ylabel="accuracy", ylim=(0, 1.02))
    right.legend(handles=handles, frameon=False, fontsize=8, loc="lower right")
    for axes in (left, right):
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    save_figure(figure, paths)


def _highest(journals: Collection[Sequence[Mapping[str, Any]]]) -> float | None:
    """Where the axis of losses ends: a wild first epoch on the held-out part would flatten all the others."""
    trained = [facts["train"]["loss"] for journal in journals for facts in journal]
    held = [median(facts["validation"]["loss"] for facts in journal) for journal in journals if journal]
    return 1.1 * max(*trained, *held) if trained else None


def _draw(axes: Any, journal: Sequence[Mapping[str, Any]], key: str, colour: str) -> None:
    """One training's two lines, and the epoch that was kept."""
    epochs = [facts["epoch"] for facts in journal]
    axes.plot(epochs, [facts["train"][key] for facts in journal], "--", color=colour, linewidth=1.2)
    axes.plot(epochs, [facts["validation"][key] for facts in journal], "-", color=colour)
    kept = [facts for facts in journal if facts["best"]][-1:]
    axes.plot([f["epoch"] for f in kept], [f["validation"][key] for f in kept], "o", color=colour, markersize=5)
