"""The contract of a maker: a data set that anyone can make, marked as synthetic."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cltool.contract.clauses import Clause, told, unless
from cltool.contract.trials import global_randomness
from cltool.plugin import Configured
from cltool.progress import Silent

VIDEOS, SECONDS = 2, 1.0
TEXTS = frozenset({".json", ".txt", ".csv", ".tsv", ".md", ".yaml", ".yml"})
MARK = b"synthetic"


@dataclass(frozen=True)
class Subject:
    """A maker and what three calls have left, by name: twice under one seed, once under another; or the exception.

    `strays`: what came to lie outside the folder that it was given.
    """

    plugin: Configured
    first: Mapping[str, bytes] = field(default_factory=dict)
    second: Mapping[str, bytes] = field(default_factory=dict)
    other: Mapping[str, bytes] = field(default_factory=dict)
    strays: tuple[str, ...] = ()
    error: BaseException | None = None


def subject(maker: Configured) -> Subject:
    """Have a maker make a few short films, three times."""
    with _workshop() as (root, out):
        try:
            first, second, other = (_made(maker, out, seed, number) for number, seed in enumerate((0, 0, 1)))
        except (Exception, SystemExit) as error:
            return Subject(maker, strays=_strays(root, out), error=error)
        return Subject(maker, first, second, other, _strays(root, out))


@contextmanager
def _workshop() -> Iterator[tuple[Path, Path]]:
    """A folder and one in it to fill; what a maker writes to the working folder comes to lie beside that, too."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        out = Path(folder).resolve() / "out"
        out.mkdir()
        yield out.parent, out


def _made(maker: Configured, out: Path, seed: int, number: int) -> dict[str, bytes]:
    """What is in a folder of its own after a call, as bytes by name."""
    own = out / str(number)
    own.mkdir()
    with global_randomness(number):
        maker(out=own, videos=VIDEOS, seconds=SECONDS, seed=seed, progress=Silent())
    return {path.relative_to(own).as_posix(): path.read_bytes() for path in sorted(own.rglob("*")) if path.is_file()}


def _strays(root: Path, out: Path) -> tuple[str, ...]:
    beside = {path.name for path in root.iterdir() if path != out}
    return tuple(sorted(beside | {path.name for path in out.iterdir()} - {"0", "1", "2"}))


def _runs(subject: Subject) -> str | None:
    if subject.error:
        return told(subject.error)
    return None if any(subject.first.values()) else "nothing was made"


def _within(subject: Subject) -> str | None:
    return f"{subject.strays[0]!r} outside it" if subject.strays else None


def _marked(subject: Subject) -> str | None:
    texts = _texts(subject.first)
    marked = any(MARK in subject.first[name].lower() for name in texts)
    return None if marked else f"none of {len(texts)} files of text does"


def _deterministic(subject: Subject) -> str | None:
    if list(subject.first) != list(subject.second):
        return "other files at the second time"
    differing = [name for name in _texts(subject.first) if subject.first[name] != subject.second[name]]
    return f"another {differing[0]} at the second time; draw from the input `seed: int` alone" if differing else None


def _seed(subject: Subject) -> str | None:
    return "the same files under another" if subject.first == subject.other else None


def _texts(files: Mapping[str, bytes]) -> list[str]:
    """Names of the files that must agree to the byte; those of encoders need not."""
    return [name for name in files if Path(name).suffix in TEXTS]


def _when_made(judge: Callable[[Subject], str | None]) -> Callable[[Subject], str | None]:
    return unless(lambda subject: "" if any(subject.first.values()) else "nothing was made", judge)


CLAUSES = (
    Clause("runs", "files that hold something", _runs),
    Clause("within", "all of it in the folder `out`", _within),
    Clause("marked", "a file of text that says it is synthetic", _when_made(_marked)),
    Clause("deterministic", "the same files and labels for the same seed", _when_made(_deterministic)),
    Clause("seed", "other files for another seed", _when_made(_seed)),
)
