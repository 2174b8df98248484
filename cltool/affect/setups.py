"""From a recipe to all that a training of a valence–arousal network needs: found and checked; no work is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cltool.affect.frames import FilmFrames, check_labels, read_by
from cltool.affect.objectives import Objective
from cltool.affect.recipes import AffectRecipe
from cltool.catalogue import Catalogue, discover
from cltool.errors import CallError
from cltool.plugin import Configured
from cltool.progress import Progress, Silent
from cltool.recipe import Choice
from cltool.seeding import generator
from cltool.setups import device_of
from cltool.video.films import OUTPUTS, Film
from cltool.video.splits import split
from cltool.video.store import FeatureStore, FilmEntry

WATCHED = ("mse", "ccc", "non-inertial")  # losses that are reported whatever is trained: the thesis' three


@dataclass(frozen=True, eq=False)
class AffectSetup:
    """A resolved recipe with everything it names found and checked.

    `reads`: numbers per frame by tensor. `train`, `validation`: films to learn from and to choose the best epoch by.
    `objective` is lowered, `watched` are reported beside it, by name.
    """

    recipe: AffectRecipe
    store: FeatureStore
    network: Configured
    reads: Mapping[str, int]
    train: tuple[FilmFrames, ...]
    validation: tuple[FilmFrames, ...]
    objective: Objective
    watched: Mapping[str, Objective]
    device: str

    @property
    def digests(self) -> dict[str, str]:
        """Checksum of each training and validation film's features."""
        return {film.film.name: film.film.entry.sha256 for film in (*self.train, *self.validation)}


def prepare(recipe: AffectRecipe, progress: Progress | None = None) -> AffectSetup:
    """Find and check all that a recipe names; the setup's recipe has every default written out.

    Raises CallError (and its PluginError) for anything that is wrong with the call: no such store, network, loss or
    split, tensors that the store lacks, labels outside [−1, 1], films shorter than the sequence, films without a frame
    to learn from.
    """
    progress = progress or Silent()
    catalogue = discover([Path(p) for p in recipe.plugins])
    network = catalogue.configure("network", recipe.network.spec)
    objective = Objective.parse(recipe.loss, catalogue)
    device = device_of(recipe.device)
    if device == "cpu" and recipe.precision == "float16":
        raise CallError("--precision float16 needs a GPU; take bfloat16 or float32 on a CPU")
    store = FeatureStore(Path(recipe.store))
    reads = read_by(network.plugin.facts, store, network.plugin.name)
    train, validation = sides(store, recipe.split, recipe.seed, tuple(reads))
    _check_films(train, validation, recipe, progress)
    if recipe.shuffle_labels:
        train, validation = dealt_out(train, recipe.seed), dealt_out(validation, recipe.seed)
    resolved = {"network": Choice.of(network.spec), "loss": str(objective), "device": device}
    watched = {name: Objective.parse(name, catalogue) for name in WATCHED if name in catalogue.names("loss")}
    setup = AffectSetup(
        recipe.model_copy(update=resolved), store, network, reads, train, validation, objective, watched, device
    )
    _check_network(setup)
    return setup


def sides(
    store: FeatureStore, how: str, seed: int, reads: tuple[str, ...]
) -> tuple[tuple[FilmFrames, ...], tuple[FilmFrames, ...]]:
    """A store's labelled films to train on and to validate on, as `cltool.video.splits.split` divides them.

    Raises CallError where that does, and where no film has labels.
    """
    films = [_film(name, entry) for name, entry in store.index.films.items() if entry.labelled]
    if not films:
        raise CallError(f"{store.path}: no film has labels; extract a data set that has: --corpus NAME")
    found = split(films, how, seed)
    train, validation = (tuple(FilmFrames(store[f.name], reads) for f in s) for s in (found.train, found.validation))
    return train, validation


def _film(name: str, entry: FilmEntry) -> Film:
    return Film(name, Path(entry.source), subject=entry.subject, split=entry.split, synthetic=entry.synthetic)


def _check_films(
    train: Sequence[FilmFrames], validation: Sequence[FilmFrames], recipe: AffectRecipe, progress: Progress
) -> None:
    with progress.track("checking films", len(train) + len(validation)) as advance:
        for film in (*train, *validation):
            if not film.film.path.is_file():
                raise CallError(
                    f"{film.film.path} is not there; extract anew: cltool video extract --resume {recipe.store}"
                )
            check_labels(film)
            advance(1)
    longest = max(map(len, train))
    if longest < recipe.sequence:
        raise CallError(
            f"--sequence {recipe.sequence}: the longest training film, of {len(train)}, has {longest} frames; take "
            f"--sequence {longest} or less"
        )
    if short := [film for film in train if len(film) < recipe.sequence]:
        shown = f"{short[0].film.name} ({len(short[0])} frames)" + (" and others" if len(short) > 1 else "")
        progress.say(f"shorter than a sequence of {recipe.sequence} frames, and padded: {shown}")
    for side, films in (("training", train), ("validation", validation)):
        blank = [film for film in films if not film.counted.any()]
        if len(blank) == len(films):
            what = ", ".join(films[0].reads)
            raise CallError(
                f"no {side} film has a frame with labels in which {what} is there: all of {blank[0].film.name} is "
                "masked; look at it with cltool video show"
            )
        for film in blank:
            progress.say(f"{film.film.name}: no frame has labels and features; it counts for nothing")


def _check_network(setup: AffectSetup) -> None:
    """Raise CallError for a network that does not take sequences so long, or forgets where it should remember."""
    recipe = setup.recipe
    with torch.random.fork_rng([]):
        network = setup.network(widths=dict(setup.reads))
    longest = getattr(network, "longest", None)
    if longest is not None and recipe.sequence > longest:
        name = setup.network.plugin.name
        raise CallError(
            f"--sequence {recipe.sequence}: network {setup.network} takes {longest} frames at most; take fewer, or "
            f"--network {name}:longest={recipe.sequence}"
        )
    if recipe.context == "state" and not hasattr(network, "continued"):
        raise CallError(f"--context state: network {setup.network} has no memory to go on from; take overlap, or none")


def dealt_out(films: Sequence[FilmFrames], seed: int) -> tuple[FilmFrames, ...]:
    """Films whose labels were shuffled among all their labelled frames: a control, of which nothing can be learnt."""
    own = [film.labels for film in films]
    given = [np.isfinite(labels).all(1) for labels in own]
    pool = np.concatenate([labels[there] for labels, there in zip(own, given, strict=True)])
    order = torch.randperm(len(pool), generator=generator(seed, "shuffled labels", len(pool))).numpy()
    parts = np.split(pool[order], np.cumsum([there.sum() for there in given])[:-1])
    found = []
    for film, there, part in zip(films, given, parts, strict=True):
        labels: NDArray[np.float32] = np.full((len(film), len(OUTPUTS)), np.nan, np.float32)
        labels[there] = part
        found.append(replace(film, dealt=labels))
    return tuple(found)


def preset_values(name: str, catalogue: Catalogue) -> dict[str, Any]:
    """The settings that a preset stands for: a plugin's, or those of an earlier training's recipe.yaml.

    Raises CallError where there is no such preset or file.
    """
    if name.endswith((".yaml", ".yml")):
        content = AffectRecipe.load(name).model_dump(mode="json", by_alias=True)
        return {key: value for key, value in content.items() if key not in ("schema", "cltool", "preset")}
    return dict(catalogue.configure("preset", Choice.model_validate(name).spec)())
