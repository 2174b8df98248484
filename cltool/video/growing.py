"""Tensors that grow row by row on disk and become one .safetensors: memory does not grow with them."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from cltool.files import replacing

DTYPES = {np.dtype(np.float64): "F64", np.dtype(np.float32): "F32", np.dtype(np.bool_): "BOOL"}
SCRATCH = ".growing-"  # what a scratch folder's name begins with
CHUNK = 1 << 20  # bytes copied at a time


class GrowingTensors:
    """Tensors under way, each in a scratch file of its own; `growing_tensors` opens them.

    safetensors' own writer wants every tensor whole in memory; its format is a header and the bytes, so that bytes that
    wait on disk can be put behind one another.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}
        self._kinds: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {}
        self.rows: dict[str, int] = {}

    def declare(self, name: str, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> None:
        """Begin a tensor whose rows are of that shape."""
        self._files[name] = (self._folder / str(len(self._files))).open("w+b")
        self._kinds[name], self.rows[name] = (np.dtype(dtype), shape), 0

    def append(self, name: str, rows: NDArray[Any]) -> None:
        """Add rows [n, …] to a tensor; raises ValueError for another shape than was declared."""
        dtype, shape = self._kinds[name]
        if rows.shape[1:] != shape:
            raise ValueError(f"{name!r}: rows of shape {list(rows.shape[1:])}, where {list(shape)} was declared")
        self._files[name].write(np.ascontiguousarray(rows, dtype).tobytes())
        self.rows[name] += len(rows)

    def save(self, path: Path, facts: Mapping[str, Any]) -> str:
        """Write all tensors and facts as `cltool.files.save_tensors` does, whole or not at all; gives the sha256."""
        sha = hashlib.sha256()
        with replacing(path) as scratch, scratch.open("wb") as out:
            for part in self._parts(facts):
                sha.update(part)
                out.write(part)
        return sha.hexdigest()

    def _parts(self, facts: Mapping[str, Any]) -> Iterator[bytes]:
        # wide numbers first, so that every tensor begins at a multiple of its own size and can be mapped
        order = sorted(self._kinds, key=lambda name: (-self._kinds[name][0].itemsize, name))
        header: dict[str, Any] = {
            "__metadata__": {"cltool": json.dumps(dict(facts), ensure_ascii=False, sort_keys=True)}
        }
        end = 0
        for name in order:
            dtype, shape = self._kinds[name]
            whole = [self.rows[name], *shape]
            begin, end = end, end + int(np.prod(whole)) * dtype.itemsize
            header[name] = {"dtype": DTYPES[dtype], "shape": whole, "data_offsets": [begin, end]}
        told = json.dumps(header, ensure_ascii=False).encode()
        told += b" " * (-len(told) % 8)
        yield len(told).to_bytes(8, "little")
        yield told
        for name in order:
            file = self._files[name]
            file.seek(0)
            while part := file.read(CHUNK):
                yield part

    def close(self) -> None:
        """Close the scratch files."""
        for file in self._files.values():
            with suppress(OSError):  # on a full disk, what was not yet written cannot be
                file.close()


@contextmanager
def growing_tensors(beside: Path) -> Iterator[GrowingTensors]:
    """Begin tensors in a scratch folder within `beside`; it is gone when the block ends.

    >>> from cltool.files import load_tensors
    >>> with tempfile.TemporaryDirectory() as folder, growing_tensors(Path(folder)) as growing:
    ...     growing.declare("mel", (2,))
    ...     growing.append("mel", np.ones((1, 2)))
    ...     growing.append("mel", np.zeros((1, 2)))
    ...     _ = growing.save(Path(folder, "film.safetensors"), {"frames": 2})
    ...     load_tensors(Path(folder, "film.safetensors"), "film")
    ({'mel': tensor([[1., 1.],
            [0., 0.]])}, {'frames': 2})
    """
    folder = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=beside))
    growing = GrowingTensors(folder)
    try:
        yield growing
    finally:
        growing.close()
        shutil.rmtree(folder, ignore_errors=True)
