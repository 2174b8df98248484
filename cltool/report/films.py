"""What a store holds of a film: points on frames, rows over time, labels and masks, as one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cltool.errors import CallError
from cltool.progress import Progress, Silent
from cltool.report.figures import BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, new_figure, save_figure
from cltool.video.decoding import read_frames
from cltool.video.films import OUTPUTS
from cltool.video.modalities import Picture
from cltool.video.store import VALID, StoredFilm

COLOURS = (SKY, ORANGE, GREEN, PINK, RED)
NAMED, LINE = 30, 0.1  # columns whose names there is room for, and how many inches each takes
MESH = 200  # points from which a net between them says more than dots
COLUMNS = 1200  # of a picture over time at the most; more cannot be seen


def draw_film(film: StoredFilm, path: Path, frames: int = 5, progress: Progress | None = None) -> None:
    """Draw a film's frames with the points found in them (thesis figs. 1.5, 1.7), then its rows over time (fig. 1.10).

    Tensors [T, P, 2 or 3] are points in shares of the picture's sides; tensors [T, F] become pictures over time, sound
    among them: numbers between 0 and 1 as they are, others as they differ from their mean, in deviations. Below stand
    labels, where there are any, and which frames of what are masked.
    """
    tensors = [name.removesuffix(VALID) for name in film.tensors if name.endswith(VALID)]
    points = [name for name in tensors if film[name].ndim == 3 and film[name].shape[2] in (2, 3)]
    series = [name for name in tensors if film[name].ndim == 2 and _moves(film, name)]
    chosen = _chosen(film, points, frames)
    seen = _part_seen(film, points, chosen)
    tall = 10 / max(1, len(chosen)) * (seen[3] - seen[1]) / (seen[2] - seen[0])
    heights = [tall, *[LINE * len(film.columns(name)) if _named(film, name) else 1.3 for name in series]]
    heights += [0.9] * ("labels" in film.tensors) + [0.16 * len(tensors) + 0.1]
    gap, total = 0.22, sum(heights) + 0.22 * len(heights) + 0.75
    figure = new_figure(11.6, total)
    figure.suptitle(_title(film), fontsize=10, y=1 - 0.1 / total, va="top")
    margins = {"left": 0.115, "right": 0.985, "top": 1 - 0.5 / total, "bottom": 0.42 / total}
    space = gap * len(heights) / sum(heights)
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights, hspace=space, **margins)
    _frames(figure, grid[0], film, chosen, _pictures(film, chosen, progress or Silent()), points, seen)
    rows = iter(range(1, len(heights)))
    over_time = [figure.add_subplot(grid[next(rows)]) for _ in series]
    for axes, name in zip(over_time, series, strict=True):
        _series(axes, film, name)
    if "labels" in film.tensors:
        over_time.append(figure.add_subplot(grid[next(rows)]))
        _labels(over_time[-1], film)
    for axes in over_time:
        axes.tick_params(labelbottom=False)
    _masks(figure.add_subplot(grid[next(rows)]), film, tensors)
    save_figure(figure, [path])


def _title(film: StoredFilm) -> str:
    entry = film.entry
    made = "   (synthetic)" if entry.synthetic else ""
    return f"{film.name}: {len(film)} frames, {entry.rate:g} a second, {entry.width} × {entry.height}{made}"


def _moves(film: StoredFilm, name: str) -> bool:
    """Whether a tensor's rows differ at all; what is always the same is not worth a picture."""
    rows = film[name][film.valid(name)]
    return bool(len(rows)) and bool((rows != rows[0]).any())


def _named(film: StoredFilm, name: str) -> bool:
    """Whether there is room for the names of a tensor's columns."""
    return 0 < len(film.columns(name)) <= NAMED


def _chosen(film: StoredFilm, points: Sequence[str], frames: int) -> list[int]:
    """Frames evenly over the film, of those in which points were found, if there are any."""
    valid = np.ones(len(film), bool)
    if points and any(film.valid(name).any() for name in points):
        valid = np.any([film.valid(name) for name in points], axis=0)
    numbers = valid.nonzero()[0]
    places = np.linspace(0, len(numbers) - 1, min(frames, len(numbers))).round().astype(int)
    return [int(numbers[place]) for place in places]


def _places(film: StoredFilm, name: str, number: int) -> NDArray[np.float32]:
    """The points [p, 2] that a tensor holds of a frame, in pixels, without those that were not found."""
    if not film.valid(name)[number]:
        return np.zeros((0, 2), np.float32)
    found = film[name][number, :, :2]
    return found[(found != 0).any(1)] * np.array([film.entry.width, film.entry.height], np.float32)


def _part_seen(film: StoredFilm, points: Sequence[str], chosen: Sequence[int]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of what is shown of the frames: all points with room around them."""
    wide, high = film.entry.width, film.entry.height
    found = [_places(film, name, number) for name in points for number in chosen]
    places = np.concatenate([np.zeros((0, 2)), *found])
    if not len(places):
        return 0, 0, wide, high
    (left, top), (right, bottom) = places.min(0), places.max(0)
    room = 0.35 * max(right - left, bottom - top)
    return max(0, left - room), max(0, top - room), min(wide, right + room), min(high, bottom + room)


def _pictures(film: StoredFilm, chosen: Sequence[int], progress: Progress) -> Mapping[int, Picture]:
    """The pictures of some frames, read from the film where it still is."""
    source, found, last = Path(film.entry.source), dict[int, Picture](), max(chosen, default=-1)
    try:
        with progress.track("reading the film", last + 1) as advance:
            for number, frame in zip(range(last + 1), read_frames(source), strict=False):
                if number in chosen and frame.picture is not None:
                    found[number] = frame.picture
                advance(1)
    except CallError as error:
        progress.say(f"{error}; points are drawn without pictures")
    return found


def _frames(
    figure: Any,
    place: Any,
    film: StoredFilm,
    chosen: Sequence[int],
    pictures: Mapping[int, Picture],
    points: Sequence[str],
    seen: tuple[float, float, float, float],
) -> None:
    shown = place.subgridspec(1, max(1, len(chosen)), wspace=0.03).subplots(squeeze=False)[0]
    for axes in shown:
        axes.set(xlim=(seen[0], seen[2]), ylim=(seen[3], seen[1]), xticks=[], yticks=[], aspect="equal")
    for axes, number in zip(shown, chosen, strict=False):
        if number in pictures:
            axes.imshow(pictures[number], extent=(0, film.entry.width, film.entry.height, 0))
            axes.set(xlim=(seen[0], seen[2]), ylim=(seen[3], seen[1]))
        axes.set_title(f"{film.times[number]:.2f} s", fontsize=7, pad=2)
        for colour, name in zip(COLOURS, points, strict=False):
            places = _places(film, name, number)
            if len(places) >= MESH:
                axes.triplot(places[:, 0], places[:, 1], color=colour, linewidth=0.4, alpha=0.9)
            else:
                axes.plot(places[:, 0], places[:, 1], ".", color=colour, markersize=3)


def _series(axes: Any, film: StoredFilm, name: str) -> None:
    step = max(1, len(film) // COLUMNS)
    valid, values = film.valid(name)[::step], film[name][::step]
    seen = film[name][film.valid(name)]
    if seen.min() < 0 or seen.max() > 1:
        values = (values - seen.mean(0)) / np.maximum(seen.std(0), 1e-6)
        look = {"cmap": "RdBu_r", "vmin": -3, "vmax": 3}
    else:
        look = {"cmap": "magma", "vmin": 0, "vmax": 1}
    shown = np.where(valid[:, None], values, np.nan).T
    axes.imshow(shown, aspect="auto", origin="lower", interpolation="nearest", extent=_extent(film, len(shown)), **look)
    axes.set_ylabel(f"{name}\n[{len(shown)}]", fontsize=8)
    axes.tick_params(labelsize=7)
    if _named(film, name):
        axes.set_yticks(np.arange(len(shown)) + 0.5, film.columns(name))
        axes.tick_params(axis="y", labelsize=6, length=0)


def _extent(film: StoredFilm, height: int) -> tuple[float, float, float, float]:
    half = 0.5 / film.entry.rate
    return float(film.times[0]) - half, float(film.times[-1]) + half, 0, height


def _labels(axes: Any, film: StoredFilm) -> None:
    for column, (output, colour) in enumerate(zip(OUTPUTS, (BLUE, ORANGE), strict=True)):
        axes.plot(film.times, film.labels[:, column], color=colour, label=output, linewidth=1)
    axes.axhline(0, color=GREY, linewidth=0.5)
    axes.set(ylim=(-1.05, 1.05), xlim=_extent(film, 1)[:2])
    axes.legend(frameon=False, fontsize=7, ncols=2, loc="upper right")
    axes.set_ylabel("labels", fontsize=8)
    axes.tick_params(labelsize=7)


def _masks(axes: Any, film: StoredFilm, tensors: Sequence[str]) -> None:
    step = max(1, len(film) // COLUMNS)
    masked = np.array([~film.valid(name)[::step] for name in tensors], float)
    look = {"cmap": "Greys", "vmin": -0.15, "vmax": 1.2, "interpolation": "nearest"}
    axes.imshow(masked, aspect="auto", extent=_extent(film, len(tensors)), **look)
    axes.set_yticks([len(tensors) - 0.5 - row for row in range(len(tensors))], tensors)
    axes.tick_params(labelsize=7)
    axes.set_xlabel("seconds; dark where masked", fontsize=8)
