"""The histograms of a checkpoint's linear layers, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cltool.report.figures import BLUE, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cltool.inspection import LayerFacts

MOST_LAYERS = 30
COLUMNS = 5


def draw_layers(facts: Sequence[LayerFacts], path: Path, heading: str = "") -> None:
    """Draw a histogram of each layer's weights, counts logarithmic; of more than 30 layers the first 30, and say so."""
    shown = facts[:MOST_LAYERS]
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    wide, high = max(4.5, 2.5 * columns), 1.95 * rows + 0.75
    figure = new_figure(wide, high)
    left_out = len(facts) - len(shown)
    named = [heading] if heading else []
    noted = [f"the first {len(shown)} of {len(facts)} layers, {left_out} left out"] if left_out else []
    figure.suptitle("\n".join([*named, *noted]), fontsize=9, y=1 - 0.1 / high, va="top", parse_math=False)
    grid = figure.add_gridspec(
        rows, columns, left=0.55 / wide, right=1 - 0.15 / wide, bottom=0.4 / high, top=1 - 0.9 / high,
        wspace=0.32, hspace=0.75,
    )  # fmt: skip
    for number, layer in enumerate(shown):
        row, column = divmod(number, columns)
        axes = figure.add_subplot(grid[row, column])
        _histogram(axes, layer)
        if column == 0:
            axes.set_ylabel("how many", fontsize=7)
        if number + columns >= len(shown):
            axes.set_xlabel("weight", fontsize=7)
    save_figure(figure, [path])


def _histogram(axes: Axes, layer: LayerFacts) -> None:
    axes.stairs(layer.counts, layer.edges, color=BLUE, fill=True)
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(bottom=0)
    name = layer.layer if len(layer.layer) <= 34 else f"…{layer.layer[-33:]}"
    broken = f", {layer.not_finite:,} not finite" if layer.not_finite else ""
    says = f"{layer.rows} × {layer.width} {layer.dtype}, {layer.zeros:.0%} zero{broken}"
    axes.set_title(f"{name}\n{says}", fontsize=7, parse_math=False)
    axes.tick_params(labelsize=6)
    axes.locator_params(axis="x", nbins=4)
    axes.spines[["top", "right"]].set_visible(False)
