"""Films divided into those to learn from and those to choose by: whole films, and where known whole people."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cltool.errors import CallError, nearest
from cltool.video.films import Film

SHARES = {"70/30": 0.7, "90/10": 0.9}  # the thesis'
FOLDS = 5
WAYS = ("given", *SHARES, *(f"{FOLDS}-fold:{k}" for k in range(1, FOLDS + 1)))
SIDE = re.compile(r"_(left|right)$")


@dataclass(frozen=True, eq=False)
class Partition:
    """Films to train on and films to validate on, each in the order that they came in."""

    train: tuple[Film, ...]
    validation: tuple[Film, ...]


def split(films: Sequence[Film], how: str, seed: int = 0) -> Partition:
    """Divide films, never frames.

    `how`: `given`, the data set's own training and validation films, others left out; `70/30` or `90/10`, the first
    number being the share of films to train on; `5-fold:K`, K from 1 to 5, where fold K is to validate on.
    Films of one video (`_left` and `_right`, or one file) and films of one person stay on one side, so that shares are
    met as nearly as that allows. The same films and seed give the same sides, in whatever order the films come.

    Raises CallError: another `how`, no given split, fewer videos or people than sides.

    >>> from pathlib import Path
    >>> films = [Film(name, Path(f"{name}.mp4")) for name in ("a", "b", "c_left", "c_right")]
    >>> found = split(films, "70/30")
    >>> len(found.train), len(found.validation)
    (3, 1)
    """
    if how not in WAYS:
        raise CallError(f"there is no split {how!r}; {nearest(how, WAYS)}")
    if how == "given":
        return _given(films)
    groups = sorted(together(films), key=lambda group: _lot(seed, group))
    needed = 2 if how in SHARES else FOLDS
    if len(groups) < needed:
        raise CallError(
            f"split {how} needs at least {needed} different videos or people; found {len(groups)} (films: {len(films)})"
        )
    held = _rest(groups, SHARES[how]) if how in SHARES else _fold(groups, int(how[-1]))
    names = {film.name for group in held for film in group}
    return Partition(
        tuple(film for film in films if film.name not in names),
        tuple(film for film in films if film.name in names),
    )


def together(films: Sequence[Film]) -> list[list[Film]]:
    """Films in groups that no split may part: those of one video, of one person, and whatever these link.

    >>> from pathlib import Path
    >>> ann = [Film(name, Path(f"{name}.mp4"), subject="Ann") for name in ("a", "b")]
    >>> [[film.name for film in group] for group in together([*ann, Film("c", Path("c.mp4"))])]
    [['a', 'b'], ['c']]
    """
    groups: list[tuple[set[object], list[Film]]] = []
    for film in films:
        keys, members = _keys(film), [film]
        apart = []
        for other_keys, others in groups:
            if keys.isdisjoint(other_keys):
                apart.append((other_keys, others))
            else:
                keys, members = keys | other_keys, others + members
        groups = [*apart, (keys, members)]
    return [members for _, members in groups]


def without_side(name: str) -> str:
    """A film's name without the side of its video that its person is on: the video's name.

    >>> without_side("video5_left"), without_side("video5")
    ('video5', 'video5')
    """
    return SIDE.sub("", name)


def _keys(film: Film) -> set[object]:
    """What two films that belong together have in common."""
    found: set[object] = {("video", without_side(film.name)), ("file", film.pictures), ("file", film.sound)}
    found |= {("subject", film.subject)} if film.subject else set()
    return found - {("file", None)}


def _given(films: Sequence[Film]) -> Partition:
    found = Partition(
        tuple(film for film in films if film.split == "train"),
        tuple(film for film in films if film.split == "validation"),
    )
    for side, own in (("training", found.train), ("validation", found.validation)):
        if not own:
            raise CallError(f"split given: the data set has no {side} films of its own; take {', '.join(WAYS[1:4])}, …")
    return found


def _lot(seed: int, group: Sequence[Film]) -> bytes:
    """Where a group stands in a random order that does not follow the order of films."""
    first = min(film.name for film in group)
    return hashlib.sha256(f"{seed}/{first}".encode()).digest()


def _rest(groups: Sequence[Sequence[Film]], share: float) -> Sequence[Sequence[Film]]:
    """The last groups: where they begin, the films before are as near as can be to `share` of all."""
    total, before, best = sum(map(len, groups)), 0, (float("inf"), 1)
    for place, group in enumerate(groups[:-1], 1):
        before += len(group)
        best = min(best, (abs(before - share * total), place))
    return groups[best[1] :]


def _fold(groups: Sequence[Sequence[Film]], number: int) -> Sequence[Sequence[Film]]:
    """Fold `number`, from 1 on, each group put where the fewest films are."""
    folds: list[list[Sequence[Film]]] = [[] for _ in range(FOLDS)]
    for group in groups:
        min(folds, key=lambda fold: sum(map(len, fold))).append(group)
    return folds[number - 1]
