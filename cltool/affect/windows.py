"""Films cut into windows of some frames, and an epoch's windows put into batches."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from cltool.affect.frames import Window
from cltool.affect.recipes import AffectRecipe, Context
from cltool.seeding import generator


def windows_of(film: int, frames: int, sequence: int, context: Context) -> list[Window]:
    """The windows of a film of so many frames, from its start; the last one may be shorter.

    With `overlap` each begins half a window after the one before it. With `state` only the first is fresh.

    >>> [(w.start, w.stop) for w in windows_of(0, 10, 4, "none")]
    [(0, 4), (4, 8), (8, 10)]
    >>> [(w.start, w.stop) for w in windows_of(0, 10, 4, "overlap")]
    [(0, 4), (2, 6), (4, 8), (6, 10)]
    """
    step = max(1, sequence // 2) if context == "overlap" else sequence
    last = max(1, -(-(frames - sequence) // step) + 1) if context == "overlap" else -(-frames // step)
    starts = [step * number for number in range(last)]
    fresh = [context != "state" or start == 0 for start in starts]
    return [Window(film, a, min(a + sequence, frames), first) for a, first in zip(starts, fresh, strict=True)]


def epoch_batches(frames: Sequence[int], recipe: AffectRecipe, epoch: int) -> list[list[Window | None]]:
    """An epoch's batches of windows; `frames`: how many each film has.

    Films come by lot, and their windows one after another or, with `order` windows, all by lot. With `state` a batch
    has a place for each of `batch` films, whose next windows stand in the same places of the next batch; a place
    whose films are all over is None.

    >>> recipe = AffectRecipe(store="s", network="audio", sequence=4, batch=2, context="state")
    >>> [[w and (w.film, w.start) for w in batch] for batch in epoch_batches([8, 4, 4], recipe, 1)]
    [[(0, 0), (1, 0)], [(0, 4), (2, 0)]]
    """
    rng = generator(recipe.seed, "affect order", epoch)
    films = torch.randperm(len(frames), generator=rng).tolist()
    cut = [windows_of(film, frames[film], recipe.sequence, recipe.context) for film in films]
    if recipe.context == "state":
        return _side_by_side(cut, recipe.batch)
    flat: list[Window | None] = [window for windows in cut for window in windows]
    if recipe.order == "windows":
        flat = [flat[i] for i in torch.randperm(len(flat), generator=rng).tolist()]
    return [flat[i : i + recipe.batch] for i in range(0, len(flat), recipe.batch)]


def _side_by_side(cut: Sequence[Sequence[Window]], places: int) -> list[list[Window | None]]:
    """Films dealt out to places, each to the one that is free first; in a place one film follows another."""
    lanes: list[list[Window | None]] = [[] for _ in range(min(places, len(cut)))]
    for windows in cut:
        min(lanes, key=len).extend(windows)
    longest = max(map(len, lanes))
    return [[lane[step] if step < len(lane) else None for lane in lanes] for step in range(longest)]


def share_of(batch: Sequence[Window | None], process: int, processes: int) -> list[Window | None]:
    """A process' part of a batch; all parts have as many places, of which those of the last ones may be empty.

    >>> [share_of([Window(0, 0, 4), Window(1, 0, 4), Window(2, 0, 4)], process, 2)[-1] for process in (0, 1)]
    [Window(film=2, start=0, stop=4, fresh=True), None]
    """
    places = -(-len(batch) // processes)
    own = list(batch[process::processes])
    return own + [None] * (places - len(own))
