"""A folder or a zip file, read the same way."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cltool.errors import CallError


@dataclass(frozen=True)
class Tree:
    """Files below a folder or in a zip: their names, with forward slashes, and their bytes.

    `read` raises OSError for a file that is missing or damaged, in a zip as in a folder.
    """

    root: Path
    names: tuple[str, ...]
    read: Callable[[str], bytes]

    @classmethod
    def of(cls, root: Path) -> Tree:
        """Open a folder or a zip file; names come sorted, hidden ones left out. Raises CallError."""
        if root.is_dir():
            names = [
                (Path(folder) / file).relative_to(root).as_posix()
                for folder, _, files in os.walk(root, followlinks=True)
                for file in files
            ]
            return cls(root, _visible(names), lambda name: (root / name).read_bytes())
        try:
            archive = zipfile.ZipFile(root)
        except (zipfile.BadZipFile, OSError) as error:
            raise CallError(f"--data-root {root} is neither a folder nor a zip file: {error}") from None

        def unzip(name: str) -> bytes:
            try:
                return archive.read(name)
            except (KeyError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
                raise OSError(f"{error.args[0] if error.args else error}") from None

        return cls(root, _visible(n for n in archive.namelist() if not n.endswith("/")), unzip)

    def below(self, folder: str) -> Tree:
        """The same files as seen from one of its folders."""
        start = f"{folder}/"
        inner = tuple(name.removeprefix(start) for name in self.names if name.startswith(start))
        return Tree(self.root / folder, inner, lambda name: self.read(start + name))

    @property
    def folders(self) -> tuple[str, ...]:
        """Names of the folders at the top, sorted."""
        return tuple(sorted({name.split("/")[0] for name in self.names if "/" in name}))


def _visible(names: object) -> tuple[str, ...]:
    return tuple(sorted(n for n in names if not any(part[:1] in ("", ".") for part in n.split("/"))))  # type: ignore[attr-defined]
