"""Weights before and after surgery: pictures and histograms, as figures 3.6, 3.7 and 4.13-4.15 of Orgil 2022."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cltool.report.figures import BLUE, GREEN, GREY, ORANGE, PINK, RED, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage
    from torch import Tensor

COLOURS = (BLUE, ORANGE, GREEN, PINK, RED, GREY)
MOST_CELLS = 1000  # rows and columns a picture shows of a larger matrix
BINS = 101


def draw_surgery(stages: Sequence[tuple[str, Tensor]], paths: Sequence[Path], heading: str = "") -> None:
    """Draw each stage's weights [R, D] as a picture, all in one scale, and all histograms on shared axes.

    `stages`: what to call a stage, and its weights, e.g. [("fitted", head.weight), ("pruned", pruned.weight)].

    >>> import tempfile, torch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     draw_surgery([("before", torch.ones(2, 3)), ("after", torch.zeros(2, 3))], [Path(folder) / "a.png"])
    """
    arrays = [weight.detach().float().cpu().numpy() for _, weight in stages]
    limit = max(float(np.abs(array).max(initial=0)) for array in arrays) or 1.0
    wide = max(6.5, 3.2 * len(stages))
    figure = new_figure(wide, 5.6)
    figure.suptitle(heading, fontsize=9)
    edges = {"left": 0.55 / wide, "right": 1 - 0.75 / wide}
    grid = figure.add_gridspec(1, len(stages), **edges, bottom=0.52, top=0.86, wspace=0.12)
    for column, ((name, _), array) in enumerate(zip(stages, arrays, strict=True)):
        axes = figure.add_subplot(grid[column])
        image = _picture(axes, array, name, limit)
    bar = figure.add_axes((1 - 0.65 / wide, 0.52, 0.12 / wide, 0.34))
    figure.colorbar(image, cax=bar).ax.tick_params(labelsize=6)
    _histograms(figure.add_axes((edges["left"], 0.09, edges["right"] - edges["left"], 0.33)), stages, arrays, limit)
    save_figure(figure, paths)


def _picture(axes: Axes, array: np.ndarray, name: str, limit: float) -> AxesImage:
    from matplotlib.ticker import MaxNLocator

    rows, width = array.shape
    every = [-(-side // MOST_CELLS) for side in (rows, width)]
    shown = array[:: every[0], :: every[1]]
    image = axes.imshow(shown, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
    thinned = f", every {every[0]}. row, {every[1]}. column" if max(every) > 1 else ""
    axes.set_title(f"{name}\n{rows} × {width}{thinned}, {_zero(array):.0%} zero", fontsize=8)
    axes.set_xlabel("feature", fontsize=7)
    axes.tick_params(labelsize=6)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))  # there is no row 0.5
    return image


def _zero(array: np.ndarray) -> float:
    return float((array == 0).mean()) if array.size else 0.0


def _histograms(axes: Axes, stages: Sequence[tuple[str, Tensor]], arrays: Sequence[np.ndarray], limit: float) -> None:
    """All histograms over the same bins; counts are logarithmic, else a pruned head shows its zeros alone."""
    edges = np.linspace(-limit, limit, BINS + 1)
    for number, ((name, _), array) in enumerate(zip(stages, arrays, strict=True)):
        counts, _ = np.histogram(array, edges)
        axes.stairs(counts, edges, color=COLOURS[number % len(COLOURS)], label=name, linewidth=1.2)
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("weight", fontsize=8)
    axes.set_ylabel("how many", fontsize=8)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=7)
