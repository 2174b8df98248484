"""Valence and arousal of a drawn face: films that anyone can make, and that are made where there are none."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Annotated

from pydantic import Field

from cltool import PictureSet, discover, stream
from cltool.cache import cache_folder
from cltool.plugin import Configured, Spec
from cltool.progress import Progress
from cltool.video.extraction import extract
from cltool.video.making import filling, make
from cltool.video.recipes import ExtractionRecipe
from cltool.video.setups import prepare
from cltool_plugins.corpora.va_puppet import LICENCE
from cltool_plugins.streams.stores import By, Cut, Groups, HeldOut, check_enough, films_of

SCHEMA = 1  # of films that are kept: another one where they are made otherwise
MADE = {"size": 128, "rate": 10.0}
MODALITIES = ("landmarks:source=openpose", "body", "mel")  # what needs no model: the puppet's points are known

TRIED = {"films": 6, "seconds": 1.0, "groups": 2}  # by the contract


@stream(
    name="va-puppet",
    source="drawn by cltool data make va-puppet",
    classes_per_task=1,
    backbone="frames",
    head="ridge",
    values=True,
    example=TRIED,
)
def va_puppet(
    data_root: Path | None,
    progress: Progress,
    *,
    by: By = "video",
    groups: Groups = None,
    held_out: HeldOut = 0.2,
    films: Annotated[int, Field(ge=2, description="to be made where there is no --data-root")] = 30,
    seconds: Annotated[float, Field(ge=1, description="of each of these")] = 8.0,
    seed: Annotated[int, Field(description="of these; the run's --seed leaves it alone")] = 0,
) -> PictureSet:
    """Valence and arousal of synthetic films; `data_root` is a feature store of them.

    Without it films are made, once, of 128 px and 10 frames a second, and their features (70 landmarks, 18 points of
    the body, Mel spectrum) kept in the cache; the films are not. Points are the puppet's own, without the error of any
    tracker, so that landmarks tell valence and arousal all but exactly: `--backbone frames:of=mel` is a harder stream.
    Outputs are groups of videos, or people, each with films held out by lot. Raises CallError: a `data_root` that is no
    store of such films, too few films.
    """
    cut = Cut(by, groups, held_out)
    if data_root is None and by == "video":
        check_enough(films, cut)  # before films are made
    root = data_root or made(films, seconds, seed, progress)
    return films_of("va-puppet", root, cut, LICENCE, progress)


def made(films: int, seconds: float, seed: int, progress: Progress) -> Path:
    """A feature store of films that are made for it, in the cache; of the same films, the one that is there."""
    catalogue = discover()
    maker = catalogue.configure("maker", Spec("va-puppet", MADE))
    told = f"{SCHEMA} {maker} {films} {seconds} {seed} {MODALITIES}"
    store = cache_folder("stores") / f"va-puppet-{hashlib.sha256(told.encode()).hexdigest()[:16]}"
    if not (store / "index.json").is_file():
        progress.say(f"making {films} synthetic films of {seconds:g} s and finding features in them, once")
        try:
            _fill(store, maker, films, seconds, seed, progress)
        except OSError:
            if not (store / "index.json").is_file():  # else another process was quicker
                raise
    return store


def _fill(store: Path, maker: Configured, films: int, seconds: float, seed: int, progress: Progress) -> None:
    with tempfile.TemporaryDirectory(dir=store.parent, prefix=".films-") as folder, filling(store) as scratch:
        root = Path(folder) / "films"
        make(maker, root, films, seconds, seed, progress)
        asked = {"corpus": "va-puppet", "data_root": str(root), "modalities": list(MODALITIES), "backbone": "random"}
        recipe = ExtractionRecipe.of(asked, "this stream")
        extract(prepare(recipe, progress), scratch)
