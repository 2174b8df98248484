"""Evaluations of trainings of any kind: what trainings are called side by side, and where their scores are written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from cltool.errors import CallError
from cltool.files import check_free_folder

FACTS = "evaluation.json"


def names_of(directories: Sequence[Path]) -> list[str]:
    """What to call each: its folder's name, with those above it where two would be called the same.

    >>> names_of([Path("/a/first"), Path("/b/first"), Path("/c")])
    ['a-first', 'b-first', 'c']
    """
    parts = [directory.resolve().parts[1:] for directory in directories]

    def name(own: Sequence[str]) -> str:
        for depth in range(1, len(own)):
            if sum(other[-depth:] == own[-depth:] for other in parts) == 1:
                return "-".join(own[-depth:])
        return "-".join(own)

    return [name(own) for own in parts]


def evaluation_folder(directories: Sequence[Path], out: Path | None) -> Path:
    """Where to write: `out`, or DIR/evaluation, or ./evaluation for several, or for a file.

    Raises CallError for a folder that holds anything but the last evaluation of these trainings, in its default place.
    """
    alone = len(directories) == 1 and not directories[0].is_file()
    default = directories[0] / "evaluation" if alone else Path("evaluation")
    folder = out or default
    if folder.is_dir() and any(folder.iterdir()):
        if out is None and _holds(folder, directories):
            return folder
        raise CallError(f"--out {folder} is not empty and holds no evaluation of the same; take another")
    if len(directories) > 1 or directories[0].is_dir():  # else the directory itself is what is wrong
        check_free_folder(folder)
    return folder


def _holds(folder: Path, directories: Sequence[Path]) -> bool:
    """Whether a default folder's evaluation.json tells of these trainings.

    That of one directory lies in it, and tells its path as seen from wherever the call was made: the name must do.
    """
    try:
        content = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        if len(directories) == 1 and directories[0].is_dir():
            return [training["training"] for training in content["trainings"]] == [directories[0].resolve().name]
        told = {Path(training["directory"]).resolve() for training in content["trainings"]}
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return told == {directory.resolve() for directory in directories}
