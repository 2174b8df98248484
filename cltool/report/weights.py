"""A head's weights as a picture, as in figures 3.6 and 4.13 of Orgil 2022."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cltool.heads import Head
from cltool.report.figures import new_figure, save_figure

MOST_NAMES = 45  # rows that can be named legibly


def draw_weights(head: Head, tasks: Sequence[Sequence[str]], path: Path) -> None:
    """Draw weight [R, D] with a row for each name and a line under each task's rows.

    `tasks` lists each task's row names in the order they came. Colours are symmetric about zero.
    """
    rows, width = head.weight.shape
    height = min(8.0, 1.6 + 0.16 * rows)
    figure = new_figure(9, height)
    longest = max(map(len, head.names)) if rows <= MOST_NAMES else 0
    low, tall = 0.6 / height, 1 - 1.0 / height
    axes = figure.add_axes((0.07 + 0.006 * longest, low, 0.82 - 0.006 * longest, tall))
    limit = float(head.weight.abs().quantile(0.999)) or 1.0
    image = axes.imshow(
        head.weight.numpy(), cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest"
    )
    figure.colorbar(image, cax=figure.add_axes((0.905, low, 0.015, tall)), label="weight")
    edge = -0.5
    for names in tasks:
        edge += len([name for name in names if name in head.names])
        axes.axhline(edge, color="black", linewidth=0.8)
    if rows <= MOST_NAMES:
        axes.set_yticks(range(rows), head.names, fontsize=6)
    axes.set(xlabel=f"feature (of {width})", ylabel="row" if rows > MOST_NAMES else "")
    axes.set_title(f"{rows} rows, {len(tasks)} tasks; lines are task borders", fontsize=9)
    save_figure(figure, [path])
