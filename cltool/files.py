"""Files that are whole or not there: written beside their place, then moved into it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cltool.errors import CallError

if TYPE_CHECKING:
    from torch import Tensor


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A scratch path to write to; it takes `path`'s place when the block ends without an error.

    Raises CallError, before the block runs, where the folder cannot be made or written to.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, scratch = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise CallError(f"cannot write {path}: {error.strerror}") from None
    os.close(handle)
    try:
        yield Path(scratch)
        Path(scratch).chmod(0o666 & ~_umask())  # mkstemp makes files that nobody else can read
        Path(scratch).replace(path)
    finally:
        Path(scratch).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def check_free_file(path: Path, force: bool = False) -> None:
    """Raise CallError unless a file can be written: it must not be there, unless `force` is given, nor be a folder.

    A folder for it need not be there as long as it can be made.
    """
    if path.is_dir():
        raise CallError(f"{path} is a folder; name a file")
    if path.exists() and not force:
        raise CallError(f"{path} is there already; give --force to write over it")
    _check_writable(path.absolute().parents, str(path))


def check_free_folder(path: Path, resumable: bool = True) -> None:
    """Raise CallError if a folder that is to be filled holds anything, or could not be made; makes nothing.

    `resumable`: whether what fills it could go on with what is there.
    """
    if path.is_dir() and any(path.iterdir()):
        another = f"take another, or --resume {path}" if resumable else "take another folder"
        raise CallError(f"--out {path} is not empty; {another}")
    _check_writable((path, *path.absolute().parents), f"--out {path}")


def _check_writable(folders: Iterable[Path], what: str) -> None:
    """Raise CallError unless the first of these folders that is there, the innermost, can be written to."""
    existing = next(folder for folder in folders if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise CallError(f"cannot write {what}: {existing} is no folder one can write to")


@contextmanager
def alone(path: Path, what: str) -> Iterator[None]:
    """Hold a file that is there for the block; raises CallError where another process holds it, which `what` tells.

    The hold ends with the process, however that ends. File systems without locks hold nothing.
    """
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CallError(f"{what}; wait until it is done, or stop it") from None
        except OSError:
            pass
        yield


def slug(text: str) -> str:
    """A spelling as the name of a folder: readable, safe on every file system, and no other spelling's.

    >>> slug("alpha"), slug("ridge+lift=relu:dim=4000")
    ('alpha', 'ridge+lift=relu-dim=4000-26447b3e')
    """
    safe = re.sub(r"[^a-z0-9_.=+,@-]+", "-", text.lower())[:80]
    return safe if safe == text else f"{safe}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def save_text(path: str | Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with replacing(path) as scratch:
        scratch.write_text(text, encoding="utf-8")


def sha256(path: Path) -> str:
    """Hash of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_tensors(path: str | Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors and facts about them as .safetensors, whole or not at all; same content, same bytes.

    All facts stand under one key: safetensors writes several in an order that changes from call to call.
    """
    from safetensors.torch import save_file

    with replacing(path) as scratch:
        about = {"cltool": json.dumps(dict(facts), ensure_ascii=False, sort_keys=True)}
        save_file({key: value.contiguous() for key, value in tensors.items()}, scratch, about)


def load_tensors(path: str | Path, what: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors, memory-mapped, and facts of a file that `save_tensors` wrote.

    Raises CallError, which says that `path` is no `what`, for any other file.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            facts = json.loads((file.metadata() or {})["cltool"])
            return {key: file.get_tensor(key) for key in file.keys()}, facts  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise CallError(f"{path} is no {what} of cltool: {error}") from None
