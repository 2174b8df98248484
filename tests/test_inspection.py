"""What is told of the linear layers of anybody's checkpoint."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from cltool.inspection import inspect


def save(path: Path, tensors: dict[str, Tensor], facts: dict[str, str] | None = None) -> Path:
    save_file(tensors, path, facts)
    return path


@pytest.mark.slow
def test_the_facts_of_a_layer_are_those_of_numpy(squeezenet: Path) -> None:
    (facts,) = inspect(squeezenet, ["classifier.1"])
    weight = load_file(squeezenet)["classifier.1.weight"].double().numpy().reshape(1000, 512)
    assert (facts.rows, facts.width, facts.dtype, facts.parameters) == (1000, 512, "float16", 1000 * 512 + 1000)
    assert facts.norm == pytest.approx(np.linalg.norm(weight))
    assert (facts.least, facts.largest) == (weight.min(), weight.max())
    assert facts.zeros == (weight == 0).mean()
    assert facts.rank == np.linalg.matrix_rank(weight.astype(np.float32)) == 512
    assert facts.dead_rows == ()
    assert np.array_equal(facts.counts, np.histogram(weight, 101)[0])
    assert len(inspect(squeezenet)) == 17
    dead = next(entry for entry in inspect(squeezenet) if entry.layer == "features.9.expand1x1")
    assert dead.dead_rows == (19,)


@pytest.mark.parametrize(("dtype", "noise"), [(torch.float32, 1e-9), (torch.float64, 1e-18), (torch.bfloat16, 0.0)])
@pytest.mark.parametrize("shape", [(40, 9), (9, 40)])
def test_the_rank_is_numerical(tmp_path: Path, dtype: torch.dtype, noise: float, shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    whole = torch.randint(-3, 4, (40, 4)).double() @ torch.randint(-3, 4, (4, 9)).double()
    weight = (whole + noise * torch.randn(40, 9, dtype=torch.float64)).to(dtype).reshape(40, 9)
    weight = weight if shape == (40, 9) else weight.T.contiguous()
    (facts,) = inspect(save(tmp_path / "m.safetensors", {"fc.weight": weight}))
    assert facts.rank == 4
    (facts,) = inspect(save(tmp_path / "z.safetensors", {"fc.weight": torch.zeros(shape, dtype=dtype)}))
    assert (facts.rank, facts.zeros, sum(facts.counts)) == (0, 1, 360)


def test_float64_has_a_finer_rank_than_float32(tmp_path: Path) -> None:
    weight = torch.diag(torch.tensor([1.0, 1e-4, 1e-12], dtype=torch.float64))
    assert inspect(save(tmp_path / "d.safetensors", {"weight": weight}))[0].rank == 3
    assert inspect(save(tmp_path / "s.safetensors", {"weight": weight.float()}))[0].rank == 2


def test_broken_numbers_and_dead_rows_are_counted_and_named(tmp_path: Path) -> None:
    weight = torch.tensor([[0.0, 0.0], [1.0, math.nan], [math.inf, -2.0], [0.0, 3.0]])
    facts = {"cltool": json.dumps({"outputs": {"fc": {"names": list("abcd")}}})}
    tensors = {"fc.weight": weight, "fc.bias": torch.tensor([0.0, 0.0, 0.0, math.nan])}
    (found,) = inspect(save(tmp_path / "m.safetensors", tensors, facts))
    assert (found.not_finite, found.not_finite_rows, found.rank) == (3, (1, 2, 3), None)
    assert (found.dead_rows, found.dead_names) == ((0,), ("a",))
    assert (found.least, found.largest, found.zeros, sum(found.counts)) == (-2, 3, 3 / 8, 6)
    assert found.norm == pytest.approx(math.sqrt(1 + 4 + 9))
    (found,) = inspect(save(tmp_path / "n.safetensors", {"fc.weight": torch.full((2, 2), math.nan)}))
    assert (found.least, found.dead_rows, found.not_finite, sum(found.counts)) == (None, (), 4, 0)


@pytest.mark.parametrize("numbers", [[1.0, 1.0], [1.0, math.nextafter(1.0, 2)], [1e-320, 0.0], [1e300, -1e300]])
def test_histograms_of_odd_ranges_hold_every_weight(tmp_path: Path, numbers: list[float]) -> None:
    weight = torch.tensor([numbers], dtype=torch.float64)
    assert sum(inspect(save(tmp_path / "m.safetensors", {"fc.weight": weight}))[0].counts) == 2
