"""A network on a whole film gives what it gives on its windows, and at any length of these where it remembers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cltool.affect.frames import FilmFrames
from cltool.affect.inference import Reading, predicted, represented
from cltool.affect.scaling import ScaledNetwork, scaling_of
from cltool.errors import PluginFailed
from cltool.progress import Silent
from cltool.video.store import VALID, FeatureStore
from cltool_plugins.networks.recurrent import pose
from tests.affect.conftest import write_store


@pytest.fixture
def film(films: FeatureStore) -> FilmFrames:
    return FilmFrames(films["film-0"], ("body",))


@pytest.fixture
def network(film: FilmFrames) -> ScaledNetwork:
    torch.manual_seed(0)
    return ScaledNetwork(pose({"body": 6}, hidden=8), scaling_of([film], "standard", Silent())).eval()


def test_with_memory_the_windows_length_does_not_matter(network: ScaledNetwork, film: FilmFrames) -> None:
    whole = predicted(network, film, Reading(1000))
    for sequence in (7, 20, 60):
        np.testing.assert_allclose(predicted(network, film, Reading(sequence, "state")), whole, atol=1e-6)
    assert not np.allclose(predicted(network, film, Reading(20)), whole, atol=1e-3)


def test_without_it_every_window_is_a_film_of_its_own(network: ScaledNetwork, film: FilmFrames) -> None:
    rows, valid = torch.from_numpy(film.rows("body", slice(20, 40))), torch.ones(1, 20, dtype=torch.bool)
    alone = network({"body": rows[None]}, {"body": valid})[0][0].detach()
    np.testing.assert_allclose(predicted(network, film, Reading(20))[20:40], alone, atol=1e-6)


def test_where_windows_overlap_each_counts_by_its_distance_from_an_edge(
    network: ScaledNetwork, film: FilmFrames
) -> None:
    """Two windows of 40 frames, from 0 and from 20; the film's own ends are no edges."""
    rows = torch.from_numpy(film.rows("body", slice(None)))
    valid = torch.ones(1, 40, dtype=torch.bool)
    first, second = (network({"body": rows[None, a : a + 40]}, {"body": valid})[0][0].detach() for a in (0, 20))
    shares = (np.arange(20, 0, -1) / (np.arange(20, 0, -1) + np.arange(1, 21)))[:, None]
    between = shares * first[20:].numpy() + (1 - shares) * second[:20].numpy()
    expected = np.concatenate([first[:20], between, second[20:]])
    np.testing.assert_allclose(predicted(network, film, Reading(40, "overlap")), expected, atol=1e-6)


def test_what_is_not_seen_is_not_told(network: ScaledNetwork, tmp_path: Path) -> None:
    def hidden(name: str, tensors: dict[str, NDArray[Any]]) -> None:
        tensors["body" + VALID][5:9] = False
        tensors["body"][5:9] = np.nan

    store = FeatureStore(write_store(tmp_path / "hidden", films=1, change=hidden))
    found = predicted(network, FilmFrames(store["film-0"], ("body",)), Reading(20))
    assert np.flatnonzero(np.isnan(found).any(1)).tolist() == [5, 6, 7, 8]


def test_the_last_layer_is_linear_in_what_is_told_of_it(network: ScaledNetwork, film: FilmFrames) -> None:
    hidden = torch.from_numpy(represented(network, film, Reading(20)))
    assert hidden.shape == (60, 8)
    told = network.network.outputs(hidden).detach()  # type: ignore[operator]
    np.testing.assert_allclose(told, predicted(network, film, Reading(20)), atol=1e-6)


def test_a_network_without_a_last_layer_has_nothing_to_represent(film: FilmFrames) -> None:
    bare = ScaledNetwork(torch.nn.Identity(), scaling_of([film], "standard", Silent()))
    with pytest.raises(PluginFailed, match="no last layer called `outputs`"):
        represented(bare, film, Reading(20))
