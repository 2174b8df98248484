"""The stage: pictures move with their points, take light and pulse, and open the mouth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cltool_plugins.puppet import bearing, expression
from cltool_plugins.puppet.portrait import Portrait
from cltool_plugins.puppet.stage import Stage

SIZE = 192
GAINS = np.ones((SIZE, SIZE, 3), np.float32)


def weights(stage: Stage, valence: float = 0.0, arousal: float = 0.0, blink: float = 0.0, **moves: float):
    path = np.zeros((1, len(bearing.NAMES)))
    for name, amount in moves.items():
        path[0, bearing.NAMES.index(name)] = amount
    shown = stage.expressions(*(np.array([x]) for x in (valence, arousal, blink, 0.0)))
    return stage.bearings(path)[0], shown[0]


def shot(stage: Stage, flush: float = 0.0, gains: np.ndarray = GAINS, **shown: float) -> np.ndarray:
    own = weights(stage, **shown)
    return stage.picture(*own, stage.pose(*own), gains, flush)


MOVES = [
    {"valence": -1.0},
    {"arousal": 0.5},
    {"side": 0.2},
    {"lean": 0.08, "down": 0.1},
    {"turn": 0.15, "nod": -0.1, "near": 0.03},
    {"valence": -0.8, "arousal": -0.5, "side": -0.15, "turn": -0.1},
]


@pytest.mark.parametrize("moves", MOVES)
@pytest.mark.parametrize("point", [8, 19, 30, 31, 48, 57])
def test_points_are_where_the_picture_shows_them(
    spotted: Callable[[float, float], Portrait], portrait: Portrait, point: int, moves: dict[str, float]
) -> None:
    stage = Stage(spotted(*portrait.face[point]))
    own = weights(stage, **moves)
    pose = stage.pose(*own)
    picture = stage.picture(*own, pose, GAINS, 0.0)[..., 0].astype(float).clip(90) - 90  # the mouth's inside is darker
    x, y = np.meshgrid(np.arange(SIZE), np.arange(SIZE))
    centre = np.array([(picture * x).sum(), (picture * y).sum()]) / picture.sum()
    assert np.hypot(*(centre - pose.face[point])) < 0.9


def test_at_rest_the_portrait_is_itself(stage: Stage, portrait: Portrait) -> None:
    pose = stage.pose(np.zeros(8, np.float32), np.zeros(len(expression.NAMES), np.float32))
    picture = stage.picture(np.zeros(8, np.float32), np.zeros(len(expression.NAMES), np.float32), pose, GAINS, 0.0)
    np.testing.assert_array_equal(picture, portrait.picture)
    np.testing.assert_allclose(pose.face, portrait.face)
    np.testing.assert_allclose(pose.body, portrait.body)


def test_anchors_leave_the_expression_out(stage: Stage) -> None:
    calm, roused = (stage.pose(*weights(stage, v, a, side=0.1)) for v, a in ((0.8, -1.0), (-1.0, 1.0)))
    np.testing.assert_allclose(calm.anchors, roused.anchors)
    assert np.hypot(*(calm.face[48] - roused.face[48])) > 3
    assert np.hypot(*(calm.anchors - stage.pose(*weights(stage)).anchors).T).min() > 2


def test_a_point_that_leaves_the_picture_is_not_told(portrait: Portrait) -> None:
    body = portrait.body.copy()
    body[2] = 1.0, SIZE - 20  # the right shoulder, at the left edge
    stage = Stage(Portrait(portrait.picture, portrait.face, body, "at the edge"))
    assert not np.isnan(stage.pose(*weights(stage)).body[2]).any()
    assert np.isnan(stage.pose(*weights(stage, sway=-0.5)).body[2]).all()


def test_light_multiplies_and_does_not_wrap_around(stage: Stage) -> None:
    plain, dim, bright = (shot(stage, gains=gain * GAINS).astype(float) for gain in (1.0, 0.5, 3.0))
    np.testing.assert_allclose(dim, plain / 2, atol=0.51)
    assert (bright >= plain - 0.51).all()


def test_a_flush_is_seen_on_skin_alone_and_most_in_green(stage: Stage, portrait: Portrait) -> None:
    plain, flushed = (shot(stage, flush, valence=0.85, arousal=-1.0).astype(float) for flush in (0.0, 0.05))
    x, y = portrait.face[[2, 31]].mean(0).astype(int)
    cheek = (slice(y - 3, y + 4), slice(x - 3, x + 4))
    change = (flushed[cheek] / plain[cheek]).mean((0, 1)) - 1
    assert change[1] == pytest.approx(0.045, abs=0.015)
    assert change[1] > change[2] > change[0] > 0
    assert abs(flushed - plain)[: SIZE // 8].max() == 0  # hair and wall
    assert abs(flushed - plain)[-SIZE // 4 :].max() == 0  # the jacket


def test_behind_the_teeth_it_is_dark(stage: Stage) -> None:
    for arousal, dark in ((-1.0, False), (1.0, True)):
        own = weights(stage, 0.5, arousal)
        pose = stage.pose(*own)
        x, y = ((pose.lip[2] + pose.teeth[2]) / 2).round().astype(int)
        assert (stage.picture(*own, pose, GAINS, 0.0)[y, x].mean() < 70) == dark


def test_shut_eyes_have_no_pupils(stage: Stage, portrait: Portrait) -> None:
    for pupil in portrait.face[[68, 69]].round().astype(int):
        around = (slice(pupil[1] - 2, pupil[1] + 2), slice(pupil[0] - 2, pupil[0] + 3))
        assert shot(stage)[around].min() < 70
        assert shot(stage, blink=1.0)[around].mean() > shot(stage)[around].mean() + 25
