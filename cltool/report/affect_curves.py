"""Valence and arousal of a film over time, predicted and annotated (thesis figs. 4.9, 4.10)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cltool.affect.concordance import scores
from cltool.report.figures import BLUE, GREY, ORANGE, new_figure, save_figure
from cltool.video.films import OUTPUTS

POINTS = 3000  # of a curve at the most; more cannot be seen


def draw_affect_curves(
    times: NDArray[np.float64],
    predicted: NDArray[np.float32],
    path: Path,
    title: str,
    annotated: NDArray[np.float32] | None = None,
) -> None:
    """Draw valence above and arousal below against `times` [T], in seconds; where nothing was seen it is grey.

    `predicted` and `annotated` [T, 2], NaN where there is none. Where frames have both, the title tells the concordance
    correlation coefficient (CCC) of each. Of long films neighbouring frames are drawn as their mean.
    """
    figure = new_figure(11.6, 5.2)
    figure.suptitle(f"{title}{_told(predicted, annotated)}", fontsize=10, y=0.975)
    rows = figure.subplots(2, 1, sharex=True)
    figure.subplots_adjust(left=0.06, right=0.985, top=0.9, bottom=0.1, hspace=0.09)
    curves = [("annotated", ORANGE, annotated)] if annotated is not None else []
    curves += [("predicted", BLUE, predicted)]
    step = -(-len(times) // POINTS)
    highest = highest_of(predicted)
    shown = coarse(times[:, None], step)[:, 0]
    for column, (axes, output) in enumerate(zip(rows, OUTPUTS, strict=True)):
        _shade(axes, shown, coarse(predicted, step), highest)
        for name, colour, values in curves:
            axes.plot(shown, coarse(values, step)[:, column], color=colour, label=name, linewidth=1.1)
        axes.axhline(0, color=GREY, linewidth=0.5)
        axes.set(ylim=(-highest, highest), ylabel=output, xlim=(times[0], max(times[-1], times[0] + 1e-3)))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    rows[0].legend(frameon=False, fontsize=8, ncols=2, loc="lower right", bbox_to_anchor=(1, 0.99))
    rows[-1].set_xlabel("seconds")
    save_figure(figure, [path])


def _told(predicted: NDArray[np.float32], annotated: NDArray[np.float32] | None) -> str:
    """CCC of frames that have both; nothing where none has."""
    if annotated is None or not np.isfinite(predicted + annotated).all(1).any():
        return ""
    found = scores(predicted, annotated)
    return "   CCC " + ", ".join(f"{name} {found[f'ccc_{name}']:.2f}" for name in OUTPUTS)


def coarse(values: NDArray[Any], step: int) -> NDArray[np.float64]:
    """The mean of every `step` rows [T, K] after one another; NaN where all of them are.

    >>> coarse(np.array([[1.0], [3.0], [np.nan], [np.nan], [5.0]]), 2).ravel()
    array([ 2., nan,  5.])
    """
    begins = np.arange(0, len(values), step)
    there = np.isfinite(values)
    sums, counts = (np.add.reduceat(numbers, begins, axis=0) for numbers in (np.where(there, values, 0.0), there * 1.0))
    return np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)


def highest_of(predicted: NDArray[np.float32]) -> float:
    """Where an axis of valence or arousal ends: a network may say more than 1.

    >>> highest_of(np.array([[0.5, np.nan]])), highest_of(np.array([[-1.5, 0.0]]))
    (1.05, 1.53)
    """
    return max(1.05, 1.02 * float(np.nanmax(np.abs(predicted), initial=0)))


def _shade(axes: Any, times: NDArray[np.float64], predicted: NDArray[np.float64], highest: float) -> None:
    """Grey where nothing was seen."""
    nothing = np.isnan(predicted).any(1)
    axes.fill_between(times, -highest, highest, where=nothing, step="mid", color=GREY, alpha=0.15, linewidth=0)
