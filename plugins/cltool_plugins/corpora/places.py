"""Where a data set's parts lie: searching its folders once, and telling what was not found."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cltool import CallError
from cltool.video.decoding import FILM_SUFFIXES

SOUNDS = frozenset({".wav", ".mp3", ".m4a", ".flac", ".aac", ".ogg"})
SHOWN = 3  # names that a line lists before it counts


@dataclass
class Media:
    """Video and sound files by their name without suffix; of two of one name, the first that is met."""

    videos: dict[str, Path] = field(default_factory=dict)
    sounds: dict[str, Path] = field(default_factory=dict)

    def add(self, folder: Path, files: Collection[str]) -> None:
        """Take in the files of a folder."""
        for path in (folder / name for name in sorted(files)):
            if path.suffix.lower() in FILM_SUFFIXES:
                self.videos.setdefault(path.stem, path)
            elif path.suffix.lower() in SOUNDS:
                self.sounds.setdefault(path.stem, path)


def folders(root: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Every folder below `root`, itself first, with the names of its folders and files; hidden ones are passed over.

    Always in the same order. Links are followed, each folder entered once. A caller that clears the list of folders is
    not led into them: a data set's cropped faces are millions of files.
    """
    seen = set()
    for path, inner, files in os.walk(root, followlinks=True):
        if (place := os.path.realpath(path)) in seen:
            inner.clear()
            continue
        seen.add(place)
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        yield Path(path), inner, sorted(files)


def check_folder(data_root: Path, advice: str) -> None:
    """Raise CallError, with advice on how to come by the data, unless there is such a folder."""
    if not data_root.is_dir():
        what = "is no folder" if data_root.exists() else "is not there"
        raise CallError(f"--data-root {data_root} {what}; {advice}")


def film_name(name: str) -> str:
    """A film's name made of what a file's name in a data set is made of.

    >>> film_name("1-30-1280x720"), film_name("a film (2)")
    ('1-30-1280x720', 'a_film__2_')
    """
    return re.sub(r"[^\w.-]|^[.-]", "_", name)


def check_names(names: Sequence[str]) -> None:
    """Raise CallError where two films would have one name."""
    for name, count in Counter(map(film_name, names)).items():
        if count > 1:
            raise CallError(f"{count} films are called {name}; rename all but one of them, its labels too")


def told(what: str, names: Sequence[str], more: str = "") -> tuple[str, ...]:
    """A line about those that lack something; none where there are none.

    >>> told("no sound", ["a", "b", "c", "d", "e"])
    ('no sound: 5 (a, b, c, …)',)
    >>> told("no sound", [])
    ()
    """
    shown = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
    return (f"{what}: {len(names)} ({shown}){more}",) if names else ()
