"""A feature store's films cut into what becomes tasks: groups of videos, or people, with films held out in each."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from cltool import Block, CallError, PictureSet
from cltool.progress import Progress
from cltool.video.blocks import Layout, film_block
from cltool.video.films import OUTPUTS, Film
from cltool.video.recipes import ExtractionRecipe
from cltool.video.splits import together, without_side
from cltool.video.store import FeatureStore
from cltool_plugins.corpora.places import told

GROUPS = 5

Bundle = list[str]  # names of films that are never parted

By = Annotated[
    Literal["video", "subject"],
    Field(description="what a task is: a group of videos, nobody in two of them, or all videos of one person"),
]
Groups = Annotated[
    int | None, Field(ge=1, description=f"of videos, each a task unless --tasks says otherwise; default: {GROUPS}")
]
HeldOut = Annotated[float, Field(gt=0, lt=1, description="share of each task's videos that is held out, at least one")]


@dataclass(frozen=True)
class Cut:
    """How films are cut: the options that streams of a store have in common."""

    by: Literal["video", "subject"] = "video"
    groups: int | None = None
    held_out: float = 0.2

    def __post_init__(self) -> None:
        if self.by == "subject" and self.groups is not None:
            raise CallError("option groups is for by=video; with by=subject there are as many tasks as people")


def films_of(corpus: str, data_root: Path | None, cut: Cut, licence: str, progress: Progress) -> PictureSet:
    """The films of a store of this corpus, cut; raises CallError where `data_root` is no such store."""
    make = f"cltool video extract --corpus {corpus} --data-root FILMS --out STORE"
    if data_root is None or not (data_root / "index.json").is_file():
        where = "--data-root is missing" if data_root is None else f"--data-root {data_root} is no feature store"
        raise CallError(f"{where}; stream {corpus!r} reads one: {make}, then --data-root STORE")
    made_of = _corpus_of(data_root)
    if made_of not in (None, corpus):
        raise CallError(f"--data-root {data_root} holds features of {made_of}, not of {corpus}; {make}")
    return pictures_of(FeatureStore(data_root), cut, licence, progress)


def _corpus_of(store: Path) -> str | None:
    """The corpus that a store was extracted from, where its recipe tells."""
    if not (store / "recipe.yaml").is_file():
        return None
    recipe = ExtractionRecipe.load(store / "recipe.yaml")
    return recipe.corpus.name if recipe.corpus else None


def pictures_of(store: FeatureStore, cut: Cut, licence: str, progress: Progress) -> PictureSet:
    """A store's labelled films: outputs are groups of videos, or people; which films are held out is decided by lot.

    Frames without a label, or in which nothing was seen or heard, are left out. Raises CallError: no labelled film, too
    few videos or people to hold any out, labels outside [−1, 1].
    """
    people = _people(store, progress) if cut.by == "subject" else {"": _bundles(store)}
    blocks = _blocks(store, people.values(), progress)
    kept = {name: _those_in(bundles, blocks) for name, bundles in people.items()}
    units = _with_several(kept, progress) if cut.by == "subject" else _dealt(kept[""], cut)
    train, test = {}, {}
    for name, bundles in units.items():
        order = sorted(bundles, key=lambda bundle: _lot("held out", bundle[0]))
        held = min(len(order) - 1, max(1, round(cut.held_out * len(order))))
        train[name] = Block.of_films(
            name, "train", [blocks[film] for bundle in sorted(order[held:]) for film in bundle]
        )
        test[name] = Block.of_films(name, "test", [blocks[film] for bundle in sorted(order[:held]) for film in bundle])
    what = "people" if cut.by == "subject" else "groups of videos"
    synthetic = "synthetic: made by a program; " if store.index.synthetic else ""
    note = f"{synthetic}{len(blocks)} films, {what}, some films of each held out by lot"
    return PictureSet(tuple(units), train, test, values=OUTPUTS, note=note, licence=licence)


def _blocks(store: FeatureStore, bundles: Iterable[list[Bundle]], progress: Progress) -> dict[str, Block]:
    """The films' blocks by name, those of a bundle of one kin; films that have nothing to learn from are told."""
    layout = Layout(store.index)
    kin = {film: bundle[0] for several in bundles for bundle in several for film in bundle}
    found: dict[str, Block] = {}
    with progress.track("looking at films", len(kin)) as advance:
        for name in sorted(kin):
            if (block := film_block(store[name], layout, kin[name])) is not None:
                found[name] = block
            advance(1)
    bare = [name for name in sorted(kin) if name not in found]
    for line in told("no frame that has a label and shows anything, so left out", bare):
        progress.say(line)
    return found


def _those_in(bundles: Sequence[Bundle], films: Container[str]) -> list[Bundle]:
    """The bundles without films that are not there, and without those that are empty then."""
    kept = ([film for film in bundle if film in films] for bundle in bundles)
    return [bundle for bundle in kept if bundle]


def _films(store: FeatureStore) -> list[Film]:
    entries = store.index.films
    return [Film(name, Path(entry.source), subject=entry.subject) for name, entry in sorted(entries.items())]


def _bundles(store: FeatureStore) -> list[Bundle]:
    """Films that no side may part: those of one video, of one person, and whatever these link."""
    return [sorted(film.name for film in bundle) for bundle in together(_films(store))]


def _people(store: FeatureStore, progress: Progress) -> dict[str, list[Bundle]]:
    """By person the videos that they are in, a list of films each; raises CallError where nobody is known."""
    found: dict[str, dict[str, list[str]]] = {}
    for film in _films(store):
        if film.subject:
            found.setdefault(film.subject, {}).setdefault(without_side(film.name), []).append(film.name)
    if not found:
        raise CallError(f"{store.path} does not tell who is in its films; take by=video")
    for line in told("nobody knows who is in films, so left out", [f.name for f in _films(store) if not f.subject]):
        progress.say(line)
    return {name: list(videos.values()) for name, videos in sorted(found.items())}


def check_enough(bundles: int, cut: Cut) -> None:
    """Raise CallError for fewer videos or people than groups need, each one to learn from and one to hold out."""
    groups = cut.groups or GROUPS
    if bundles < 2 * groups:
        most = bundles // 2
        advice = f"take groups={most} or fewer" if most else "there must be two at least"
        raise CallError(
            f"films of {bundles} different videos or people make no {groups} tasks, each of which learns from one or "
            f"more and holds one out; {advice}"
        )


def _dealt(bundles: Sequence[Bundle], cut: Cut) -> dict[str, list[Bundle]]:
    """Bundles dealt by lot to groups of nearly equal size; raises CallError where one would have a single bundle."""
    check_enough(len(bundles), cut)
    groups = cut.groups or GROUPS
    order = sorted(bundles, key=lambda bundle: _lot("group", bundle[0]))
    return {f"videos {number + 1:0{len(str(groups))}d}": order[number::groups] for number in range(groups)}


def _with_several(people: dict[str, list[Bundle]], progress: Progress) -> dict[str, list[Bundle]]:
    """People of whom a video can be held out; raises CallError where there is nobody."""
    single = [name for name, videos in people.items() if len(videos) < 2]
    for line in told("only one video, so left out, of", single):
        progress.say(line)
    if len(single) == len(people):
        raise CallError("nobody is in two videos, one to learn from and one to hold out; take by=video")
    return {name: videos for name, videos in people.items() if name not in single}


def _lot(what: str, name: str) -> bytes:
    """Where something stands in an order that is the same always and follows nothing."""
    return hashlib.sha256(f"{what}/{name}".encode()).digest()
