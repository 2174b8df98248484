"""A film's annotation given by hand: a text file of valence and arousal, a line per frame."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cltool.errors import CallError
from cltool.video.films import OUTPUTS, Labels

MISSING = -5.0  # what Aff-Wild2's annotators wrote where there is nothing to judge
HEADER = "name the columns in the first line, as in 'valence,arousal', and give a line per frame"


def read_annotation(path: Path) -> Labels:
    """Valence and arousal of a film's frames, of a file with a line per frame and columns of these names.

    Aff-Wild2's text files are such, and so is `predictions.csv`; other columns are passed over. Where either number
    is −5 or empty the frame has no label. Raises CallError, which names the line: no such file, no such columns, no
    number, one outside [-1, 1].

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "talk.txt")
    ...     _ = path.write_text("valence,arousal\\n0.5,-0.25\\n-5,-5\\n")
    ...     read_annotation(path).values
    array([[ 0.5 , -0.25],
           [  nan,   nan]], dtype=float32)
    """
    rows = _rows(path)
    header = [cell.strip().lower() for cell in next(rows, [])]
    lacking = [name for name in OUTPUTS if name not in header]
    if lacking:
        raise CallError(f"{path} has no column {lacking[0]!r}; {HEADER}")
    places = [header.index(name) for name in OUTPUTS]
    found = []
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise CallError(f"{path}, line {number}: {len(row)} cells, where the first line has {len(header)}")
        where = f"{path}, line {number}"
        pair = [_number(row[place], name, where) for name, place in zip(OUTPUTS, places, strict=True)]
        found.append(pair if all(map(math.isfinite, pair)) else [math.nan, math.nan])
    if not found:
        raise CallError(f"{path} holds no labels; {HEADER}")
    return Labels(np.array(found, np.float32), path)


def _rows(path: Path) -> Iterator[list[str]]:
    """The cells of each line, empty lines at the end left out."""
    try:
        lines = path.read_text(encoding="utf-8-sig").rstrip().splitlines()
    except OSError as error:
        raise CallError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CallError(f"{path} is no text; {HEADER}") from None
    try:
        yield from csv.reader(lines)
    except csv.Error as error:
        raise CallError(f"{path} is no table: {error}; {HEADER}") from None


def _number(cell: str, name: str, where: str) -> float:
    """A number in [-1, 1], NaN for a missing one."""
    if not cell.strip():
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise CallError(f"{where}: {name} {cell.strip()[:40]!r} is no number; −5 or nothing marks a missing label")
    if value == MISSING:
        return math.nan
    if abs(value) > 1:
        raise CallError(f"{where}: {name} {value:g} is not in [-1, 1]; −5 or nothing marks a missing label")
    return value
