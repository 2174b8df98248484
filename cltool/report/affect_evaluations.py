"""Evaluated networks: side by side and film by film as tables, predicted against annotated over time as pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cltool.affect.cells import SCORES
from cltool.affect.evaluation import Evaluation
from cltool.files import save_text
from cltool.report.affect_curves import highest_of
from cltool.report.affect_tables import HEADINGS, UNITS, Texts, markdown, number
from cltool.report.figures import BLUE, GREY, ORANGE, new_figure, save_figure
from cltool.training.evaluations import FACTS
from cltool.video.films import OUTPUTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SCHEMA = 1
DRAWN = 3  # films in a picture


def side_by_side(evaluations: Sequence[Evaluation], narrow: bool = False) -> Texts:
    """A line per training: what it is, and its scores over all valid frames of all films.

    `narrow` leaves out how many these are, for which a small terminal has no room.
    """
    counts = [] if narrow else ["films", "frames"]
    headings = ["training", "network", "training loss", "sequence", *counts, *HEADINGS.values()]
    return headings, [
        [
            one.name,
            one.card.network,
            str(one.card.recipe.get("loss", "")),
            str(one.card.sequence),
            *([] if narrow else [str(len(one.videos)), f"{one.frames:,}"]),
            *(number(one.scores.get(name), name) for name in HEADINGS),
        ]
        for one in evaluations
    ]


def film_by_film(evaluation: Evaluation) -> Texts:
    """A line per film: what it was to the training, its frames, and its own scores."""
    return ["film", "part", "frames", *HEADINGS.values()], [
        [
            video.film,
            video.part or "",
            f"{video.frames:,}",
            *(number(video.scores.get(name), name) for name in HEADINGS),
        ]
        for video in evaluation.videos
    ]


def heading(evaluation: Evaluation) -> str:
    """What was evaluated on what, in a line."""
    card = evaluation.card
    what = f"{card.network}, trained on {card.recipe.get('loss')}, sequence {card.sequence}"
    return f"{evaluation.name} ({what}) on {evaluation.data}"


def page(evaluations: Sequence[Evaluation]) -> str:
    """All tables as Markdown."""
    protocol = "Concordance over all valid frames of all films in one row, a coefficient per dimension, ddof 0."
    parts = ["# Networks evaluated", f"{protocol} {UNITS}", markdown(side_by_side(evaluations))]
    for one in evaluations:
        parts += [f"## {one.name}", f"{heading(one)}.", markdown(film_by_film(one))]
    return "\n\n".join(parts) + "\n"


def facts(evaluations: Sequence[Evaluation]) -> dict[str, Any]:
    """evaluation.json, schema 1."""
    return {"schema": SCHEMA, "trainings": [one.facts() for one in evaluations]}


def write(evaluations: Sequence[Evaluation], out: Path) -> None:
    """Write evaluation.json, table.md and a picture per network into a folder."""
    # first, so that the folder of a call that is broken off can be told from others
    save_text(out / FACTS, json.dumps(facts(evaluations), indent=2, ensure_ascii=False) + "\n")
    for one in evaluations:
        draw_evaluation(one, out / (f"{one.name}.png" if len(evaluations) > 1 else "curves.png"))
    save_text(out / "table.md", page(evaluations))


def draw_evaluation(evaluation: Evaluation, path: Path) -> None:
    """Draw predicted against annotated valence and arousal over time (thesis figs. 4.9, 4.10).

    Of the films that were scored, the best, the middle one and the worst by their mean CCC, from above.
    """
    shown = _shown(evaluation)
    high = 1.0 + 1.75 * len(shown)
    figure = new_figure(10.6, high)
    margins = {"left": 0.06, "right": 0.985, "bottom": 0.45 / high, "top": 1 - 0.75 / high, "hspace": 0.55}
    grid = figure.subplots(len(shown), len(OUTPUTS), squeeze=False, gridspec_kw={**margins, "wspace": 0.12})
    told = [f"{HEADINGS[name]} {number(evaluation.scores.get(name), name)}" for name in SCORES]
    named = f"{heading(evaluation)}\n{', '.join(told)}"
    figure.suptitle(named, fontsize=9, y=1 - 0.1 / high, va="top", parse_math=False)
    for name, row in zip(shown, grid, strict=True):
        scores = next(video.scores for video in evaluation.videos if video.film == name)
        times, predicted, annotated = evaluation.curves[name]
        for place, (axes, output) in enumerate(zip(row, OUTPUTS, strict=True)):
            axes.plot(times, annotated[:, place], color=GREY, linewidth=1.2, label="annotated")
            axes.plot(times, predicted[:, place], color=(BLUE, ORANGE)[place], linewidth=1.2, label="predicted")
            coefficient = number(scores.get(f"ccc_{output}"), f"ccc_{output}")
            axes.set_title(f"{name}: {output}, CCC {coefficient}", fontsize=8, loc="left")
            _finish(axes, highest_of(predicted))
    for axes in grid[-1]:
        axes.set_xlabel("seconds")
    for axes in grid[0]:
        axes.legend(frameon=False, fontsize=7, ncols=2, loc="lower right", bbox_to_anchor=(1.01, 0.97))
    save_figure(figure, [path])


def _shown(evaluation: Evaluation) -> list[str]:
    """Up to three films: the best, the middle and the worst."""
    scored = [video for video in evaluation.videos if video.frames]
    ranked = sorted(scored, key=lambda video: -(video.scores.get("ccc_mean") or 0.0))
    places = {round(part * (len(ranked) - 1) / (DRAWN - 1)) for part in range(DRAWN)}
    return [ranked[place].film for place in sorted(places)]


def _finish(axes: Axes, highest: float) -> None:
    axes.set_ylim(-highest, highest)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.tick_params(labelsize=8)
