"""Files of valence and arousal as text: a row per frame, and what is wrong with one that cannot be read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cltool import CallError
from cltool.video.films import OUTPUTS, Labels

MISSING = -5.0  # what Aff-Wild's annotators wrote where there is nothing to judge


def read_pairs(path: Path) -> Labels:
    """A text file with `valence,arousal` in its first line and a pair of numbers in each other, one per frame.

    Where either number is −5 the frame has no label. Raises CallError, which names the line: no header, no rows, a row
    that is empty or not two numbers.
    """
    header, *rows = _lines(path)
    if tuple(cell.strip().lower() for cell in header.split(",")) != OUTPUTS:
        raise CallError(
            f"{path}: the first line must be 'valence,arousal', not {header[:40]!r}; without it frames would be one off"
        )
    if not rows:
        raise CallError(f"{path} holds no labels; take the data set's own file")
    found = [_pair(row, path, number) for number, row in enumerate(rows, 2)]
    return labelled(np.array(found), path, [f"line {number}" for number in range(2, 2 + len(found))], MISSING)


def read_columns(valence: Path, arousal: Path) -> Labels:
    """Two text files without a header, a number per frame in each line, as Aff-Wild has them.

    Where either number is −5 the frame has no label. Raises CallError, which names the line: no rows, one that is empty
    or no number; and files of differing length.
    """
    columns = [
        [_number(cell, path, number) for number, cell in enumerate(_lines(path), 1)] for path in (valence, arousal)
    ]
    first, second = map(len, columns)
    if first != second:
        raise CallError(f"{valence} has {first} lines and {arousal} {second}; they must tell of the same frames")
    return labelled(np.array(columns).T, arousal, [f"line {number}" for number in range(1, 1 + first)], MISSING)


def labelled(
    values: NDArray[np.float64],
    path: Path,
    places: Sequence[str],
    missing: float | None = None,
    rate: float | None = None,
) -> Labels:
    """Labels of raw numbers [T, 2]: those that mark a missing one, or lie out of [-1, 1], become NaN.

    `places`: where each row stands in the file, for the note that tells of numbers out of range.

    >>> raw = np.array([[0.5, -0.25], [-5, -5], [1.5, 0]])
    >>> labels = labelled(raw, Path("a.txt"), ["line 2", "line 3", "line 4"], missing=-5)
    >>> labels.given, labels.notes
    (array([ True, False, False]), ('a.txt, line 4: valence 1.5 is not in [-1, 1]; the frame is taken for unlabelled',))
    """
    marked = (values == missing).any(1) if missing is not None else np.zeros(len(values), bool)
    outside = ~marked & (np.abs(values) > 1).any(1)
    kept = np.where((marked | outside)[:, None], np.nan, values).astype(np.float32)
    return Labels(kept, path, rate, _out_of_range(values, outside, path, places))


def _out_of_range(
    values: NDArray[np.float64], outside: NDArray[np.bool_], path: Path, places: Sequence[str]
) -> tuple[str, ...]:
    if not outside.any():
        return ()
    first = int(outside.argmax())
    column = int((np.abs(values[first]) > 1).argmax())
    others = f", and {outside.sum() - 1} more like it" if outside.sum() > 1 else ""
    what = f"{OUTPUTS[column]} {values[first, column]:g} is not in [-1, 1]"
    return (f"{path}, {places[first]}: {what}; the frame is taken for unlabelled{others}",)


def _lines(path: Path) -> list[str]:
    """The lines of a file that holds something, without those empty ones that it ends with."""
    try:
        text = path.read_text(encoding="utf-8-sig").rstrip()
    except OSError as error:
        raise CallError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CallError(f"{path} is no text; take the data set's own file") from None
    if not text:
        raise CallError(f"{path} is empty; take the data set's own file")
    return text.splitlines()


def _pair(row: str, path: Path, number: int) -> tuple[float, float]:
    cells = row.split(",")
    if len(cells) != 2:
        raise CallError(f"{path}, line {number}: {row[:40]!r} is not valence,arousal")
    return _number(cells[0], path, number), _number(cells[1], path, number)


def _number(cell: str, path: Path, number: int) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise CallError(f"{path}, line {number}: {cell.strip()[:40]!r} is no number; −5 marks a missing label")
    return value
