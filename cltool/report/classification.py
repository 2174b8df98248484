"""How a classifier does, as pictures: its confusion matrix, its surest mistakes, how many pictures it learnt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from cltool.report.figures import BLUE, GREY, ORANGE, new_figure, save_figure

COLUMNS = 6  # of the mistakes' grid
ROOMY, TIGHT = 12, 30  # classes up to which a cell holds count and share in large letters, and in small ones
LEGIBLE, ALL = 60, 200  # classes up to which a cell holds the share alone, and up to which all are shown
SIDE = 13.0  # of a matrix at most, in inches
LETTERS = 40  # of a name at most


def draw_confusion(
    confusion: NDArray[np.int64], classes: Sequence[str], paths: Sequence[Path], title: str = ""
) -> None:
    """Draw a confusion matrix [K, K], true classes in rows (thesis fig. 4.3).

    Colours are shares of a row. Cells have count and share; of more than 30 classes the share in per cent alone, of
    more than 60 nothing. Of more than 200 those 60 are drawn of which most pictures are taken for another class,
    and the title says so. A row's own count stands beside its name; it and the shares are always of all its pictures.
    """
    own = confusion.sum(1)
    if (all_classes := len(classes)) > ALL:
        most = np.sort(np.argsort(confusion.diagonal() - own, kind="stable")[:LEGIBLE])
        confusion, own, classes = confusion[np.ix_(most, most)], own[most], [classes[i] for i in most]
        title = f"{title}\nthe {LEGIBLE} of {all_classes:,} classes with most mistakes".lstrip()
    k, names = len(classes), [_short(name) for name in classes]
    cell, name_size, text_size = _sizes(k)
    rows = [f"{name} ({count})" for name, count in zip(names, own, strict=True)]
    upright = k <= ROOMY and max(map(len, names)) <= 9
    left, bottom = 0.5 + _inches(rows, name_size), 0.6 if upright else 0.45 + _inches(names, name_size)
    side = max(2.6, cell * k)
    wide, high = left + side + 0.9, bottom + side + (0.4 if "\n" not in title else 0.55)
    figure = new_figure(wide, high)
    axes = figure.add_axes((left / wide, bottom / high, side / wide, side / high))
    shares = confusion / np.maximum(own, 1)[:, None]
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    figure.colorbar(image, cax=figure.add_axes(((left + side + 0.12) / wide, bottom / high, 0.16 / wide, side / high)))
    if k <= LEGIBLE:
        _write_cells(axes, confusion, shares, text_size)
    axes.set_yticks(range(k), rows, fontsize=name_size)
    axes.set_xticks(range(k), names, fontsize=name_size, rotation=0 if upright else 90)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true (pictures)")
    axes.set_title(title, fontsize=10)
    axes.tick_params(length=0)
    save_figure(figure, paths)


def _sizes(k: int) -> tuple[float, float, float]:
    """Side of a cell in inches, and font sizes of names and cells, of a matrix of k classes."""
    if k <= ROOMY:
        return 0.78, 9.0, 8.0
    if k <= TIGHT:
        return 0.42, 8.0, 5.5
    cell = min(0.19, SIDE / k)
    return cell, min(5.5, 0.85 * 72 * cell), 4.0


def _short(name: str) -> str:
    """A name, its end left out where it is too long to stand beside a row."""
    return name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"


def _inches(names: Sequence[str], size: float) -> float:
    """Room for the longest of some names, in inches, at a font size in points."""
    return max(map(len, names)) * size * 0.6 / 72


def _write_cells(axes: Any, confusion: NDArray[np.int64], shares: NDArray[np.float64], size: float) -> None:
    """Counts and shares in their cells; nothing in empty ones."""
    k = len(confusion)
    places: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for i, j in zip(*np.nonzero(confusion), strict=True):
        rounded = f"{100 * shares[i, j]:.0f}" if shares[i, j] >= 0.005 else "<1"
        text = f"{confusion[i, j]}\n{rounded} %" if k <= TIGHT else rounded
        places.setdefault((text, "white" if shares[i, j] > 0.5 else "black"), []).append((j, i))
    for (text, colour), cells in places.items():
        if k > TIGHT:
            _stamp(axes, text, colour, cells, size)
            continue
        for cell in cells:
            axes.text(*cell, text, ha="center", va="center", fontsize=size, color=colour)


def _stamp(axes: Any, text: str, colour: str, cells: Sequence[tuple[int, int]], size: float) -> None:
    """One text in many cells, as an outline: laying out thousands of texts takes matplotlib many seconds."""
    from matplotlib.collections import PathCollection
    from matplotlib.textpath import TextPath
    from matplotlib.transforms import Affine2D

    path = TextPath((0, 0), text, size=size)
    box = path.get_extents()
    centred = Affine2D().translate(-(box.x0 + box.x1) / 2, -(box.y0 + box.y1) / 2)
    stamps = PathCollection(
        [path.transformed(centred)], facecolors=colour, linewidths=0, offsets=cells, offset_transform=axes.transData
    )
    stamps.set_transform(Affine2D().scale(1 / 72) + axes.figure.dpi_scale_trans)
    stamps.set_gid(text)
    axes.add_collection(stamps, autolim=False)


def draw_mistakes(pictures: Sequence[Tensor], captions: Sequence[str], paths: Sequence[Path], title: str = "") -> None:
    """Draw pictures uint8 [C, H, W] in a grid, each under its caption (thesis fig. 4.4); none: says so."""
    count = max(1, len(pictures))
    columns = min(COLUMNS, count)
    rows = -(-count // columns)
    wide, high = max(4.0, 1.6 * columns), 1.95 * rows + 0.45
    figure = new_figure(wide, high)
    figure.suptitle(title or ("" if pictures else "no mistakes"), fontsize=10)
    margins = {"left": 0.01, "right": 0.99, "bottom": 0.02, "top": 1 - 0.7 / high, "wspace": 0.06, "hspace": 0.24}
    cells = figure.subplots(rows, columns, squeeze=False, gridspec_kw=margins).ravel()
    for axes in cells:
        axes.axis("off")
    for axes, picture, caption in zip(cells, pictures, captions, strict=False):
        shown = picture[0] if len(picture) == 1 else picture.permute(1, 2, 0)
        axes.imshow(shown.numpy(), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_title(caption, fontsize=7, pad=2)
    save_figure(figure, paths)


def draw_counts(
    before: Mapping[str, int], after: Mapping[str, int] | None, paths: Sequence[Path], title: str = ""
) -> None:
    """Draw training pictures per class as they are, and as the sampler drew them in an epoch (thesis figs. 2.2, 2.3).

    `after` None: only the first of the two. More than 200 classes are steps without names, the largest class first.
    """
    panels = [("training pictures", before, BLUE)]
    if after is not None:
        panels.append(("drawn in an epoch", after, ORANGE))
    k, named = len(before), len(before) <= ALL
    order = list(before) if named else sorted(before, key=lambda name: -before[name])
    size, bar = (8.0, min(0.42, 9 / k)) if k <= TIGHT else (5.5, min(0.13, SIDE / k))
    across = k <= TIGHT  # many classes: one panel under the other
    room = 0.25 + _inches([_short(name) for name in before], size) if named else 0.5
    wide = (max(4.0, bar * k) if k <= TIGHT else bar * k) * (len(panels) if across else 1) + 1.0
    high = 0.55 + (2.5 + room) * (1 if across else len(panels))
    figure = new_figure(wide, high)
    figure.suptitle(title, fontsize=10)
    shape = (1, len(panels)) if across else (len(panels), 1)
    margins = {"left": 0.75 / wide, "right": 1 - 0.1 / wide, "bottom": room / high, "top": 1 - 0.6 / high}
    spaces = {"wspace": 0.06, "hspace": 0.25 + room / 2.5}
    cells = figure.subplots(*shape, squeeze=False, sharey=True, gridspec_kw={**margins, **spaces}).ravel()
    for axes, (heading, counts, colour) in zip(cells, panels, strict=True):
        values = [counts.get(name, 0) for name in order]
        axes.axhline(sum(values) / k, color=GREY, linewidth=0.8, linestyle="--")
        if named:
            axes.bar(range(k), values, color=colour)
            axes.set_xticks(range(k), [_short(name) for name in order], rotation=90, fontsize=size)
        else:
            axes.stairs(values, np.arange(k + 1) - 0.5, fill=True, color=colour)
            axes.set_xlabel(f"{k:,} classes, those with most training pictures first")
        axes.set_xlim(-0.6, k - 0.4)
        axes.set_ylabel("pictures (dashed: mean)" if axes is cells[0] or not across else "")
        axes.set_title(f"{heading}: {sum(values):,}; the largest class has {_ratio(values)} × the smallest", fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        if k <= ROOMY:
            axes.bar_label(axes.containers[0], fontsize=6, padding=1)
    save_figure(figure, paths)


def _ratio(values: Sequence[int]) -> str:
    """How many times as many pictures the largest class has as the smallest that has any."""
    some = [value for value in values if value]
    return f"{max(some) / min(some):.1f}" if some else "0"
