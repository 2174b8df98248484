"""Tensors that grow on disk become the file that safetensors itself would write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from cltool.files import sha256
from cltool.video.growing import growing_tensors


def test_rows_come_back_as_they_were_appended(tmp_path: Path) -> None:
    path = tmp_path / "film.safetensors"
    parts = [np.random.default_rng(n).normal(size=(n, 3, 2)).astype(np.float32) for n in (2, 0, 5)]
    with growing_tensors(tmp_path) as growing:
        growing.declare("mesh", (3, 2))
        growing.declare("mesh.valid", (), np.bool_)
        growing.declare("times", (), np.float64)
        for part in parts:
            growing.append("mesh", part)
            growing.append("mesh.valid", np.arange(len(part)) % 2 == 0)
            growing.append("times", np.arange(len(part)) / 3)
        digest = growing.save(path, {"film": "é"})
    found = load_file(path)
    assert torch.equal(found["mesh"], torch.from_numpy(np.concatenate(parts)))
    assert found["mesh.valid"].dtype == torch.bool
    assert found["mesh.valid"].tolist() == [True, False, True, False, True, False, True]
    assert found["times"].dtype == torch.float64
    assert found["times"][-1] == 4 / 3
    assert digest == sha256(path)
    with safe_open(path, "numpy") as file:
        assert file.metadata() == {"cltool": '{"film": "é"}'}


def test_every_tensor_lies_where_its_numbers_can_be_mapped(tmp_path: Path) -> None:
    with growing_tensors(tmp_path) as growing:
        for name, dtype in (("a", np.bool_), ("b", np.float32), ("c", np.float64)):
            growing.declare(name, (), dtype)
            growing.append(name, np.ones(3, dtype))
        growing.save(tmp_path / "film.safetensors", {})
    content = (tmp_path / "film.safetensors").read_bytes()
    length = int.from_bytes(content[:8], "little")
    assert length % 8 == 0
    assert content[8 + length :] == np.ones(3).tobytes() + np.ones(3, np.float32).tobytes() + b"\1\1\1"


def test_scratch_files_are_gone_whatever_happens(tmp_path: Path) -> None:
    with growing_tensors(tmp_path) as growing:
        growing.declare("mel", (128,))
        with pytest.raises(ValueError, match="rows of shape"):
            growing.append("mel", np.zeros((2, 127)))
        assert list(tmp_path.iterdir()) != []
    assert list(tmp_path.iterdir()) == []
