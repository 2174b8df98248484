"""What there is of a corpus: films, frames, labels, faces and sound, counted without decoding the films."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cltool.errors import CallError
from cltool.progress import Progress, Silent
from cltool.video.decoding import RATE, numbered_pictures, probe
from cltool.video.films import Corpus, Film, Labels
from cltool.video.matching import told_count, told_rates

NO_SPLIT = "none"  # stands for the split of films that their owner has put in none
SPLITS = ("train", "validation", "test", NO_SPLIT)
GUESS = 0.02  # share by which a number of frames that was reckoned from a film's length may be wrong


@dataclass(frozen=True, eq=False)
class FilmCount:
    """What there is of one film.

    `seen` bool [frames]: whether a frame has a picture; empty where there are none or they cannot be read. `labels`:
    None for a film without. `rate` in frames per second. `sound`: whether there is any. `notes`: what does not fit, a
    line each.
    """

    film: Film
    seen: NDArray[np.bool_]
    labels: Labels | None
    rate: float
    sound: bool
    notes: tuple[str, ...] = ()

    @property
    def split(self) -> str:
        """Its owner's split, or `none`."""
        return self.film.split or NO_SPLIT

    @property
    def given(self) -> NDArray[np.bool_]:
        """bool [T]: whether a row of its labels is one."""
        return self.labels.given if self.labels is not None else np.zeros(0, bool)

    @property
    def values(self) -> NDArray[np.float32]:
        """float32 [labelled, 2]: valence and arousal where they are given."""
        return self.labels.values[self.given] if self.labels is not None else np.zeros((0, 2), np.float32)

    @property
    def totals(self) -> Totals:
        """The film's numbers."""
        frames, labelled = len(self.seen), int(self.given.sum())
        common = min(frames, len(self.given))
        return Totals(
            films=1,
            annotated=int(self.labels is not None),
            unseen=int(not frames),
            silent=int(not self.sound),
            seconds=frames / self.rate,
            frames=frames,
            labelled=labelled,
            unlabelled=len(self.given) - labelled,
            faceless=int((~self.seen).sum()),
            usable=int((self.seen[:common] & self.given[:common]).sum()),
        )


@dataclass(frozen=True)
class Totals:
    """Numbers of films and frames.

    `annotated`, `unseen`, `silent`: films with labels, without a picture, without sound. `labelled` and `unlabelled`:
    rows of label files that hold a label, and that are marked as having none. `faceless`: frames of which the data set
    has no picture. `usable`: frames with a label and a picture.
    """

    films: int = 0
    annotated: int = 0
    unseen: int = 0
    silent: int = 0
    seconds: float = 0.0
    frames: int = 0
    labelled: int = 0
    unlabelled: int = 0
    faceless: int = 0
    usable: int = 0

    def __add__(self, other: Totals) -> Totals:
        mine, theirs = asdict(self), asdict(other)
        return Totals(**{name: mine[name] + theirs[name] for name in mine})


@dataclass(frozen=True, eq=False)
class Inventory:
    """All films of a corpus, those without pictures too, and what the corpus itself says is missing."""

    films: tuple[FilmCount, ...]
    missing: tuple[str, ...]
    licence: str

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that there are films of."""
        found = {film.split for film in self.films}
        return tuple(split for split in SPLITS if split in found)

    def of(self, split: str | None = None) -> Totals:
        """The numbers of a split, or of all films."""
        return sum((film.totals for film in self.films if split in (None, film.split)), Totals())

    def values(self, split: str | None = None) -> NDArray[np.float32]:
        """float32 [labelled, 2]: all labels of a split, or of all films."""
        own = [film.values for film in self.films if split in (None, film.split)]
        return np.concatenate([np.zeros((0, 2), np.float32), *own])

    def people(self, split: str | None = None) -> int:
        """How many different people are known to be seen."""
        return len({film.film.subject for film in self.films if split in (None, film.split)} - {None})

    @property
    def notes(self) -> list[str]:
        """What does not fit, of all films."""
        return [note for film in self.films for note in film.notes]

    @property
    def synthetic(self) -> bool:
        """Whether any of it was made by a program."""
        return any(film.film.synthetic for film in self.films)

    def facts(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        return {
            "licence": self.licence,
            "synthetic": self.synthetic,
            "splits": {split: self._row(split) for split in self.splits},
            "all": self._row(None),
            "missing": list(self.missing),
            "notes": self.notes,
            "films": [_film_facts(film) for film in self.films],
        }

    def _row(self, split: str | None) -> dict[str, Any]:
        row = {**asdict(self.of(split)), "people": self.people(split)}
        values = self.values(split).astype(np.float64)
        for column, name in enumerate(("valence", "arousal")):
            row[name] = {"mean": values[:, column].mean(), "std": values[:, column].std()} if len(values) else None
        return row


def _film_facts(count: FilmCount) -> dict[str, Any]:
    totals = asdict(count.totals)
    numbers = {name: totals[name] for name in ("seconds", "frames", "labelled", "unlabelled", "faceless", "usable")}
    about = {"name": count.film.name, "split": count.film.split, "subject": count.film.subject}
    return {**about, "rate": count.rate, "sound": count.sound, **numbers, "notes": list(count.notes)}


def take(corpus: Corpus, progress: Progress | None = None) -> Inventory:
    """Count everything: all label files and folders are read, films are opened and not decoded.

    Raises CallError where label files cannot be read, after all were tried: it tells of the first.
    """
    found: list[FilmCount] = []
    broken: list[str] = []
    films = [*corpus.films, *corpus.unseen]
    with (progress or Silent()).track("looking at films", len(films)) as advance:
        for film in films:
            try:
                found.append(count(film))
            except CallError as error:
                broken.append(str(error))
            advance(1)
    if broken:
        more = f" (and {len(broken) - 1} more label files that cannot be read)" if len(broken) > 1 else ""
        raise CallError(f"{broken[0]}{more}")
    return Inventory(tuple(found), corpus.missing, corpus.licence)


def count(film: Film) -> FilmCount:
    """What there is of one film; raises CallError where its labels cannot be read."""
    labels = film.labels() if film.labels is not None else None
    notes = list(labels.notes) if labels is not None else []
    if film.pictures.is_dir():
        seen, rate, sound = _numbered(film, labels, notes)
    else:
        seen, rate, sound = _video(film, labels, notes)
    if labels is not None and len(seen) and (odd := told_rates(labels.rate, rate)):
        notes.append(f"{labels.path}: {odd}")
    return FilmCount(film, seen, labels, rate, sound, tuple(notes))


def _video(film: Film, labels: Labels | None, notes: list[str]) -> tuple[NDArray[np.bool_], float, bool]:
    """Seen frames, their rate, and whether there is sound, of a film whose pictures are a video or are not there."""
    if not film.pictures.exists():
        return np.zeros(0, bool), film.rate or RATE, _header(film.sound, notes)[0]
    try:
        facts = probe(film.pictures)
    except CallError as error:
        notes.append(str(error))
        return np.zeros(0, bool), film.rate or RATE, False
    frames = facts.expected or 0
    allowed = 0 if facts.frames else max(1, GUESS * frames)
    if labels is not None and abs(len(labels) - frames) > allowed:
        reckoned = "" if facts.frames else " (reckoned from its length)"
        notes.append(f"{labels.path}: {told_count(len(labels), frames)}{reckoned}")
    sound = facts.sound_rate is not None if film.sound == film.pictures else _header(film.sound, notes)[0]
    return np.ones(frames, bool), facts.rate, sound


def _numbered(film: Film, labels: Labels | None, notes: list[str]) -> tuple[NDArray[np.bool_], float, bool]:
    """The same of numbered pictures: there are as many frames as labels, or pictures where they go on for longer."""
    numbers = numbered_pictures(film.pictures).keys()
    rows = len(labels) if labels is not None else 0
    last = max(numbers, default=-1) + 1
    seen = np.zeros(max(rows, last) if numbers else 0, bool)
    seen[list(numbers)] = True
    sound, frames = _header(film.sound, notes)
    if labels is not None and last > rows:
        notes.append(f"{labels.path}: {told_count(rows, last)}")
    elif labels is not None and frames is not None and rows != frames:
        notes.append(f"{labels.path}: {rows} labels, and {frames} frames in {film.sound}")
    return seen, film.rate or RATE, sound


def _header(path: Path | None, notes: list[str]) -> tuple[bool, int | None]:
    """Whether a file holds sound, and how many frames, where it says so, as its header has it."""
    import av

    if path is None:
        return False, None
    try:
        with av.open(str(path)) as container:
            frames = container.streams.video[0].frames if container.streams.video else 0
            return bool(container.streams.audio), frames or None
    except (av.FFmpegError, OSError) as error:
        notes.append(f"{path} cannot be read: {error.strerror or error}")
        return False, None
