"""Where the labels of a corpus lie between -1 and 1: densities of valence and arousal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cltool.report.figures import BLUE, new_figure, save_figure

BINS = 40  # per side of the square
PANEL, SIDE = 3.6, 2.5  # inches: what a split takes across, and its square
TICKS = (-1, -0.5, 0, 0.5, 1)


def draw_labels(values: Mapping[str, NDArray[np.float32]], title: str, paths: Sequence[Path]) -> None:
    """Draw a square per split: how many frames have which valence (across) and arousal (up).

    `values`: split → float32 [n, 2], in [-1, 1]. Colours are logarithmic and the same in all squares, for frames that
    are nearly neutral outnumber all others; above and beside each square is the histogram of the one number alone.
    """
    from matplotlib.colors import LogNorm

    wide, high = PANEL * len(values) + 0.75, PANEL + 0.25
    figure = new_figure(wide, high)
    figure.suptitle(title, fontsize=10, y=1 - 0.12 / high)
    edges = np.linspace(-1, 1, BINS + 1)
    counts = {name: np.histogram2d(own[:, 0], own[:, 1], (edges, edges))[0] for name, own in values.items()}
    shades = LogNorm(1, max(2.0, *(found.max() for found in counts.values())))

    def place(left: float, low: float, width: float, height: float) -> Any:
        return figure.add_axes((left / wide, low / high, width / wide, height / high))

    for number, (name, found) in enumerate(counts.items()):
        left, low = 0.65 + PANEL * number, 0.45
        axes = place(left, low, SIDE, SIDE)
        image = axes.pcolormesh(edges, edges, np.where(found > 0, found, np.nan).T, norm=shades, cmap="viridis")
        axes.set(xlabel="valence", ylabel="arousal", xticks=TICKS, yticks=TICKS)
        axes.axhline(0, color="0.6", linewidth=0.6)
        axes.axvline(0, color="0.6", linewidth=0.6)
        above, beside = place(left, low + SIDE + 0.04, SIDE, 0.35), place(left + SIDE + 0.04, low, 0.35, SIDE)
        above.stairs(found.sum(1), edges, orientation="vertical", fill=True, color=BLUE)
        beside.stairs(found.sum(0), edges, orientation="horizontal", fill=True, color=BLUE)
        above.set(xlim=(-1, 1), title=f"{name}: {len(values[name]):,} labelled frames")
        above.title.set_fontsize(9)
        beside.set(ylim=(-1, 1))
        for outline in (above, beside):
            outline.axis("off")
    figure.colorbar(image, cax=place(wide - 0.65, 0.45, 0.12, SIDE), label="frames")
    save_figure(figure, paths)
