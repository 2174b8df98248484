"""Rows of numbers kept for later: in memory, or in a file that is gone when it is closed."""

from __future__ import annotations

import tempfile
import weakref
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Shelf(Protocol):
    """A fixed number of rows of the same length; what has not been put there is undefined.

    `together`: how many numbers of a row it is best to take at a time, where all are wanted from many rows.
    """

    together: int

    def put(self, row: int, values: NDArray, column: int = 0) -> None:
        """Keep `values` [n, p] in the columns from `column` on of the n rows from `row` on."""

    def take(self, row: int, count: int, columns: slice) -> NDArray:
        """What stands in some columns of `count` rows, [count, p]; a copy."""


class InMemory:
    """A shelf in memory; rows take none before something is put there.

    >>> shelf = InMemory(3, 4, np.uint8)
    >>> shelf.put(1, np.array([[7, 8]]), column=2)
    >>> shelf.take(1, 1, slice(2, 4))
    array([[7, 8]], dtype=uint8)
    """

    together = 4_096  # so that those of a few hundred rows stay in a processor's cache, or nearly

    def __init__(self, rows: int, width: int, dtype: DTypeLike) -> None:
        self._rows = np.empty((rows, width), dtype)

    def put(self, row: int, values: NDArray, column: int = 0) -> None:
        self._rows[row : row + len(values), column : column + values.shape[1]] = values

    def take(self, row: int, count: int, columns: slice) -> NDArray:
        return self._rows[row : row + count, columns].copy()


class OnDisk:
    """The same in a temporary file without a name, which grows as it is filled; in `folder`, or the system's.

    It is read and written rather than mapped: mapped pages would count as the process' memory, and a full disk would
    end the process instead of raising OSError.

    >>> shelf = OnDisk(4, np.uint8)
    >>> shelf.put(1, np.array([[7, 8]], np.uint8), column=2)
    >>> shelf.take(1, 1, slice(2, 4))
    array([[7, 8]], dtype=uint8)
    """

    together = 32_768  # for a disk, many short pieces take longer than few long ones

    def __init__(self, width: int, dtype: DTypeLike, folder: Path | None = None) -> None:
        self._width, self._dtype = width, np.dtype(dtype)
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - closed with the shelf
        weakref.finalize(self, self._file.close)

    def put(self, row: int, values: NDArray, column: int = 0) -> None:
        for number, line in enumerate(np.ascontiguousarray(values, self._dtype), row):
            self._seek(number, column)
            rest = memoryview(line).cast("B")
            while rest:  # one call writes 2 GiB at most
                rest = rest[self._file.write(rest) :]

    def take(self, row: int, count: int, columns: slice) -> NDArray:
        start, stop, _ = columns.indices(self._width)
        found = np.empty((count, stop - start), self._dtype)
        for number, line in enumerate(found, row):
            self._seek(number, start)
            rest = memoryview(line).cast("B")
            while rest and (read := self._file.readinto(rest)):
                rest = rest[read:]
        return found

    def _seek(self, row: int, column: int) -> None:
        self._file.seek((row * self._width + column) * self._dtype.itemsize)
