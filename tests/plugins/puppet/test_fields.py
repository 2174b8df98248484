"""Fields move points where they should, and pictures along with them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from cltool_plugins.puppet import fields
from cltool_plugins.puppet.fields import Box, Warp, eased, nodes, spline, warped

SIZE = 96
BOX = Box(20, 20, 76, 76)


def rightwards() -> np.ndarray:
    """To the right everywhere but at the edge."""
    at = nodes(SIZE, SIZE // 4)
    near = eased(np.minimum(at, SIZE - 1 - at) / 40).prod(-1)
    return np.stack([near, np.zeros_like(near)], -1)[None].astype(np.float32)


@pytest.fixture(scope="module")
def warp() -> Warp:
    """To the right; and one point of the face downwards."""
    moves = np.array([[(0.0, 1.0)]])
    return Warp(SIZE, rightwards(), spline(np.array([(48.0, 48.0)]), moves, BOX), BOX, reach=20)


def test_a_spline_passes_through_its_points_and_dies_at_its_edge() -> None:
    points = np.array([(40.0, 40.0), (60.0, 50.0), (50.0, 62.0)])
    moves = np.array([[(3.0, 0.0)], [(0.0, -2.0)], [(0.0, 0.0)]])
    field = spline(points, moves, BOX)[0]
    for (x, y), (move,) in zip(points.astype(int), moves, strict=True):
        np.testing.assert_allclose(field[y - BOX.top, x - BOX.left], move, atol=0.05)
    assert abs(field[0]).max() == abs(field[:, -1]).max() == 0
    assert abs(np.diff(field, axis=0)).max() < 0.5


def test_a_coarser_grid_shifts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    points, moves = np.array([(40.0, 44.0), (60.0, 50.0)]), np.array([[(3.0, 0.0)], [(0.0, -2.0)]])
    coarse = []
    for grid in (128, 14):
        monkeypatch.setattr(fields, "GRID", grid)
        coarse.append(spline(points, moves, BOX)[0])
    np.testing.assert_allclose(*coarse, atol=0.2)
    assert abs(coarse[0] - np.roll(coarse[1], 2, 1)).max() > 0.3  # half a node would be seen


@pytest.mark.parametrize("weights", [(0.0, 0.0), (6.0, 0.0), (0.0, 5.0), (-5.0, 4.0)])
@pytest.mark.parametrize("place", [(48.0, 48.0), (40.0, 52.0), (30.0, 70.0)])
def test_a_picture_moves_as_its_points_do(warp: Warp, weights: tuple[float, float], place: tuple[float, float]) -> None:
    x, y = np.meshgrid(np.arange(SIZE), np.arange(SIZE))
    spot = np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / 6).astype(np.float32)
    broad, fine = (np.array([w], np.float32) for w in weights)
    moved = warped(spot, warp.sources(broad, fine), cv2.INTER_LINEAR)
    centre = np.array([(moved * x).sum(), (moved * y).sum()]) / moved.sum()
    along, down = warp.at(np.array([place]))
    expected = place + weights[0] * along[0, 0] + weights[1] * down[0, 0]
    np.testing.assert_allclose(centre, expected, atol=0.35)
    if any(weights) and place == (48.0, 48.0):
        assert np.hypot(*(centre - place)) > 3.5


@pytest.mark.parametrize("face", [BOX, Box(0, 0, 4, 4)])
def test_what_is_drawn_comes_from_where_the_fields_say(face: Box) -> None:
    """At every pixel, in a face and far from it: the source, moved, is the pixel."""
    down = spline(np.array([(48.0, 48.0)]), np.array([[(0.0, 1.0)]]), face)
    warp = Warp(SIZE, rightwards(), down, face, reach=20 if face == BOX else 0)
    broad, fine = np.array([9.0], np.float32), np.array([3.0 if face == BOX else 0.0], np.float32)
    sources = warp.sources(broad, fine).reshape(-1, 2).astype(float)
    along, falling = warp.at(sources)
    back = sources + broad[0] * along[0] + fine[0] * falling[0]
    inner = (sources > 4).all(1) & (sources < SIZE - 5).all(1)  # beyond, a field is its last node's
    np.testing.assert_allclose(back[inner], Box(0, 0, SIZE, SIZE).pixels.reshape(-1, 2)[inner], atol=0.1)


def test_without_weights_nothing_moves(warp: Warp) -> None:
    sources = warp.sources(np.zeros(1, np.float32), np.zeros(1, np.float32))
    np.testing.assert_allclose(sources, Box(0, 0, SIZE, SIZE).pixels, atol=1e-4)


def test_a_box_stays_inside_its_picture() -> None:
    box = Box.around(np.array([(2.0, 50.0), (90.0, 60.0)]), 10, SIZE)
    assert box == Box(0, 40, SIZE, 71)
    assert box.pixels[0, 5].tolist() == [5, 40]
