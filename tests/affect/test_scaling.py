"""Scaling by the training films' frames alone; masked numbers never count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cltool.affect import scaling
from cltool.affect.frames import FilmFrames
from cltool.affect.scaling import ScaledNetwork, Scaling, forgotten, scaling_of
from cltool.progress import Silent
from cltool.video.store import VALID, FeatureStore
from tests.affect.conftest import write_store


def masked(name: str, tensors: dict[str, NDArray[Any]]) -> None:
    """A third of mel's rows are not there, and what stands in their place is wild."""
    tensors["mel" + VALID][::3] = False
    tensors["mel"][::3] = 1e6
    tensors["mel"][:, 4] = 7.0  # a feature that stands still


@pytest.fixture
def frames(tmp_path: Path) -> list[FilmFrames]:
    store = FeatureStore(write_store(tmp_path / "store", change=masked))
    return [FilmFrames(store[name], ("mel", "body")) for name in store]


@pytest.mark.parametrize("chunk", [7, 4096])
def test_the_scaling_is_that_of_all_valid_frames(
    frames: list[FilmFrames], monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(scaling, "CHUNK", chunk)
    rows = np.concatenate([film.rows("mel", slice(None))[film.valid("mel")] for film in frames]).astype(np.float64)
    standard, unit = (scaling_of(frames, how, Silent()) for how in ("standard", "unit"))
    np.testing.assert_allclose(standard.shift["mel"], rows.mean(0), rtol=1e-5)
    np.testing.assert_allclose(standard.scale["mel"][:4], rows.std(0)[:4], rtol=1e-5)
    np.testing.assert_allclose(unit.shift["mel"], rows.min(0), rtol=1e-6)
    np.testing.assert_allclose(unit.scale["mel"][:4], np.ptp(rows, 0)[:4], rtol=1e-6)
    assert standard.scale["mel"][4] == unit.scale["mel"][4] == 1


def test_a_tensor_that_is_never_there_is_left_as_it_is(tmp_path: Path) -> None:
    def deaf(name: str, tensors: dict[str, NDArray[Any]]) -> None:
        tensors["mel" + VALID][:] = False

    store = FeatureStore(write_store(tmp_path / "store", films=1, change=deaf))
    found = scaling_of([FilmFrames(store["film-0"], ("mel",))], "standard", Silent())
    assert found.shift["mel"].tolist() == [0] * 5
    assert found.scale["mel"].tolist() == [1] * 5


class Echo(torch.nn.Module):
    """Gives what it reads and its mask, as valence and arousal."""

    def forward(self, features: dict[str, torch.Tensor], mask: torch.Tensor) -> torch.Tensor:
        return torch.stack([features["mel"][..., 0], mask.float()], -1)


def test_masked_rows_are_zero_whatever_they_hold_and_a_frame_is_there_where_one_tensor_is() -> None:
    blank = Scaling({"mel": torch.zeros(1), "body": torch.zeros(1)}, {"mel": torch.ones(1), "body": torch.ones(1)})
    rows = {"mel": torch.tensor([[[1.0], [torch.nan], [torch.inf]]]), "body": torch.zeros(1, 3, 1)}
    valid = {"mel": torch.tensor([[True, False, False]]), "body": torch.tensor([[False, True, False]])}
    assert ScaledNetwork(Echo(), blank)(rows, valid)[0].tolist() == [[[1, 1], [0, 1], [0, 0]]]


def test_a_place_that_begins_anew_forgets_and_passes_no_gradient_back() -> None:
    state = (torch.ones(1, 2, 3, requires_grad=True), 2 * torch.ones(1, 2, 3))
    first, second = forgotten(state, torch.tensor([True, False]))
    assert first.tolist() == [[[0, 0, 0], [1, 1, 1]]]
    assert second[0, 1].tolist() == [2, 2, 2]
    assert not first.requires_grad


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4), (2, 3, 4, 5)])
def test_of_a_state_the_second_dimension_alone_is_told(shape: tuple[int, ...]) -> None:
    (found,) = forgotten((torch.ones(shape),), torch.tensor([False, True, False]))
    assert found.shape == shape
    assert found.sum(tuple(i for i in range(len(shape)) if i != 1)).tolist()[1] == 0
    assert (found[:, ::2] == 1).all()
