"""Data sets that a program makes: whole where they belong, or not there at all."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cltool.errors import CallError, PluginFailed
from cltool.files import check_free_folder
from cltool.plugin import Configured
from cltool.progress import Progress, Silent


@dataclass(frozen=True)
class Made:
    """What a maker has left: how many files, and bytes in them all."""

    files: int
    size: int


def make(
    maker: Configured, out: Path, videos: int, seconds: float, seed: int = 0, progress: Progress | None = None
) -> Made:
    """Have a maker make `videos` films of `seconds` seconds each in the folder `out`, which must be new or empty.

    Raises CallError where `out` holds anything or cannot be made, and PluginFailed where nothing was made. After any
    error, an interruption too, `out` is as it was.
    """
    check_new(out)
    with filling(out) as scratch:
        maker(out=scratch, videos=videos, seconds=seconds, seed=seed, progress=progress or Silent())
        sizes = [path.stat().st_size for path in scratch.rglob("*") if path.is_file()]
        if not sum(sizes):
            raise PluginFailed(f"maker {maker.plugin.name!r} has made nothing; cltool plugins check says more")
    return Made(len(sizes), sum(sizes))


def check_new(out: Path) -> None:
    """Raise CallError unless a folder is new or empty, and can be made."""
    check_free_folder(out, resumable=False)
    if out.resolve() == Path.cwd():
        raise CallError(f"--out {out} is the folder you are in; name a new one")


@contextmanager
def filling(out: Path) -> Iterator[Path]:
    """A scratch folder beside `out`, which becomes it when the block ends without an error, and else is removed."""
    target = out.resolve()
    scratch = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
    made = [folder for folder in target.parents if not folder.exists()]
    try:
        scratch.mkdir(parents=True)
    except OSError as error:
        raise CallError(f"cannot write --out {out}: {error.strerror}") from None
    try:
        yield scratch
        scratch.replace(target)  # an empty folder may be there
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        for folder in made:
            if not any(folder.iterdir()):
                folder.rmdir()
        raise
