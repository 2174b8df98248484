"""Valence–arousal trainings by epoch: the losses watched, whatever was trained, and concordance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from cltool.report.figures import GREY, new_figure, save_figure
from cltool.report.losses import COLOURS

SCORES = ("ccc_valence", "ccc_arousal")


def draw_trainings(journals: Mapping[str, Sequence[Mapping[str, Any]]], paths: Sequence[Path]) -> None:
    """Draw each loss against epochs, training dashed and validation solid (thesis figs. 4.8, 4.11), and CCC.

    `journals`: name of each training → its finished epochs; a dot marks the epoch that was kept. CCC is that of the
    validation films: valence solid, arousal dotted.
    """
    from matplotlib.lines import Line2D

    first = next(journal for journal in journals.values() if journal)
    losses = [key for key in first[0]["validation"] if not key.startswith("ccc_") and key != "loss"] or ["loss"]
    figure = new_figure(3.4 * (len(losses) + 1), 3.6)
    margins = {"left": 0.05, "right": 0.99, "bottom": 0.14, "top": 0.86, "wspace": 0.22}
    panels = list(figure.subplots(1, len(losses) + 1, gridspec_kw=margins))
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(journals)}
    for name, journal in journals.items():
        for axes, key in zip(panels, losses, strict=False):
            _draw(axes, journal, "train", key, colours[name], "--")
            _draw(axes, journal, "validation", key, colours[name], "-")
        for key, line in zip(SCORES, ("-", ":"), strict=True):
            _draw(panels[-1], journal, "validation", key, colours[name], line)
    for axes, key in zip(panels, losses, strict=False):
        axes.set(xlabel="epoch", title=key, ylim=(0, _highest(journals, key)))
    panels[-1].set(xlabel="epoch", title="CCC of the validation films", ylim=(-0.1, 1.02))
    for axes in panels:
        axes.title.set_fontsize(9)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    told = [Line2D([], [], color=colour, label=name) for name, colour in colours.items()]
    told += [Line2D([], [], color=GREY, linestyle=line, label=label) for line, label in LINES.items()]
    figure.legend(handles=told, frameon=False, fontsize=8, loc="upper center", ncols=len(told))
    save_figure(figure, paths)


LINES: Mapping[Any, str] = {"-": "validation; valence", "--": "training", ":": "arousal"}


def _draw(axes: Any, journal: Sequence[Mapping[str, Any]], part: str, key: str, colour: str, line: str) -> None:
    """One training's line, and on validation the epoch that was kept."""
    axes.plot([facts["epoch"] for facts in journal], [f[part][key] for f in journal], line, color=colour, linewidth=1.2)
    if part == "validation":
        kept = [facts for facts in journal if facts["best"]][-1:]
        axes.plot([f["epoch"] for f in kept], [f[part][key] for f in kept], "o", color=colour, markersize=4)


def _highest(journals: Mapping[str, Sequence[Mapping[str, Any]]], key: str) -> float:
    """Where the axis ends: a wild first epoch would flatten all the others."""
    shown = [
        facts[part][key] for j in journals.values() for facts in j[len(j) > 3 :] for part in ("train", "validation")
    ]
    return max(1.1 * min(max(shown), 5 * median(shown)), 1e-6)
