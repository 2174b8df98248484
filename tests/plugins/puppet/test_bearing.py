"""Head and shoulders: what the fields move, and how arousal shows in it."""

from __future__ import annotations

import numpy as np
import pytest

from cltool_plugins.puppet.bearing import NAMES, Temper, bearing_fields, in_pixels
from cltool_plugins.puppet.fields import sampled
from cltool_plugins.puppet.noise import lot
from cltool_plugins.puppet.points import LEFT_SHOULDER, RIGHT_SHOULDER
from cltool_plugins.puppet.portrait import Portrait

SHOULDERS = NAMES.index("shoulders")
TEMPER = Temper.drawn(lot(0, "temper"))


def paths(arousal: float) -> np.ndarray:
    """A minute at 25 frames a second."""
    return TEMPER.path(np.full(1500, arousal), 25, lot(0, "path"))


@pytest.fixture(scope="module")
def at(portrait: Portrait):  # type: ignore[no-untyped-def]
    """How each field moves a point."""
    size = len(portrait.picture)
    fields = bearing_fields(portrait.face, portrait.body, size)
    cell = size / fields.shape[1]

    def moves(points: np.ndarray) -> dict[str, np.ndarray]:
        return {n: sampled(f, (points + 0.5) / cell - 0.5) for n, f in zip(NAMES, fields, strict=True)}

    return moves


def test_the_head_moves_as_a_whole(at, portrait: Portrait) -> None:
    moves = at(portrait.face)
    np.testing.assert_allclose(moves["side"], np.tile([1, 0], (70, 1)), atol=0.02)
    np.testing.assert_allclose(moves["down"], np.tile([0, 1], (70, 1)), atol=0.02)
    turned = moves["turn"][:, 0]
    assert turned.argmax() in (28, 29, 30)  # the nose stands out most
    assert turned[30] > 2 * turned[0]
    lean = moves["lean"]
    assert lean[27, 0] > lean[8, 0] > 0  # about the neck: the brow goes further than the chin


def test_what_is_far_from_the_person_stays(at, portrait: Portrait) -> None:
    size = len(portrait.picture)
    moves = at(np.array([(0.0, 0.0), (size - 1.0, 0.0)]))
    for name in set(NAMES) - {"side", "down", "lean", "near"}:
        assert abs(moves[name]).max() < 1e-3, name


def test_shoulders_rise_and_the_face_does_not(at, portrait: Portrait) -> None:
    shoulders = at(portrait.body[[RIGHT_SHOULDER, LEFT_SHOULDER]])["shoulders"]
    assert (shoulders[:, 1] < -0.9).all()
    assert abs(at(portrait.face)["shoulders"]).max() < 0.1


def test_arousal_lifts_the_shoulders_and_enlarges_what_the_head_does() -> None:
    steps = [paths(arousal) for arousal in np.linspace(-1, 1, 5)]
    heights = [path[:, SHOULDERS].mean() for path in steps]
    assert (np.diff(heights) > 0.03).all()
    for name in set(NAMES) - {"shoulders"}:
        k = NAMES.index(name)
        assert (np.diff([path[:, k].std() for path in steps]) > 0).all(), name
        assert (np.diff([abs(np.diff(path[:, k])).mean() for path in steps]) > 0).all(), name


def test_paths_are_smooth_and_differ_between_persons() -> None:
    path = paths(1.0)
    assert abs(np.diff(path, n=2, axis=0)).max() < 0.5 * abs(path - path.mean(0)).max()
    other = Temper.drawn(lot(1, "temper"))
    assert other.reach != TEMPER.reach
    assert other.held != TEMPER.held


def test_lengths_grow_with_the_face_and_angles_do_not(portrait: Portrait) -> None:
    path = np.ones((1, len(NAMES)))
    small, large = in_pixels(path, portrait.face)[0], in_pixels(path, 2 * portrait.face)[0]
    ratio = dict(zip(NAMES, large / small, strict=True))
    assert ratio["side"] == ratio["shoulders"] == pytest.approx(2)
    assert ratio["lean"] == ratio["near"] == ratio["turn"] == 1
