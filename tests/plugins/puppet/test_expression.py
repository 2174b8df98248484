"""Action units: what they move, how much of each valence and arousal show, and how lids fall."""

from __future__ import annotations

import numpy as np
import pytest

from cltool_plugins.puppet.expression import NAMES, blinks, movements, resting_valence, shown
from cltool_plugins.puppet.points import FACE_MIRRORED, Points, mirrored
from cltool_plugins.puppet.portrait import astronaut

STEPS = np.linspace(-1, 1, 21)
NONE = np.zeros(21)


@pytest.fixture(scope="module")
def face() -> Points:
    return astronaut().face


def moved(face: Points, valence: float, arousal: float, blinking: float = 0.0, speaking: float = 0.0) -> Points:
    weights = shown(*(np.array([x]) for x in (valence, arousal, blinking, speaking)), resting_valence(face))
    return face + np.einsum("k,pkc->pc", weights[0], movements(face))


def test_the_corners_of_the_mouth_rise_with_valence_and_the_lips_part(face: Points) -> None:
    faces = [moved(face, valence, 0) for valence in STEPS]
    heights = np.array([-own[[48, 54], 1].mean() for own in faces])
    openings = np.array([own[66, 1] - own[62, 1] for own in faces])
    assert (np.diff(heights) > 0).all()
    assert (np.diff(openings) > 0).all()
    assert heights[-1] - heights[0] > 8  # of a face 90 pixels wide


def test_eyes_brows_and_jaw_open_with_arousal(face: Points) -> None:
    faces = [moved(face, 0, arousal) for arousal in STEPS]
    for measure in (
        [own[[40, 41], 1].mean() - own[[37, 38], 1].mean() for own in faces],
        [-own[17:27, 1].mean() for own in faces],
        [own[66, 1] - own[62, 1] for own in faces],
        [own[8, 1] for own in faces],
    ):
        assert (np.diff(measure) > 0).all()


def test_a_blink_shuts_the_eyes_whatever_else_is_shown(face: Points) -> None:
    for arousal in (-1, 1):
        shut = moved(face, 0, arousal, blinking=1)
        open_ = face[[40, 41, 46, 47], 1] - face[[38, 37, 44, 43], 1]
        assert (shut[[40, 41, 46, 47], 1] - shut[[38, 37, 44, 43], 1] < 0.15 * open_).all()


def test_lips_never_cross_in_a_portrait_that_has_them_shut(face: Points) -> None:
    shut = face.copy()
    shut[[61, 62, 63]] = shut[[67, 66, 65]]
    assert abs(movements(shut)[:, NAMES.index("meet")]).max() == 0


def test_both_halves_move_alike(face: Points) -> None:
    turned = mirrored(face, FACE_MIRRORED, 512)
    own, other = movements(face), movements(turned)
    np.testing.assert_allclose(other[..., 0], -own[FACE_MIRRORED][..., 0], atol=1e-9)
    np.testing.assert_allclose(other[..., 1], own[FACE_MIRRORED][..., 1], atol=1e-9)


def test_a_face_held_aslant_moves_aslant(face: Points) -> None:
    turn = np.array([(0.0, 1.0), (-1.0, 0.0)])  # a quarter
    np.testing.assert_allclose(movements(face @ turn), movements(face) @ turn, atol=1e-9)


def test_a_neutral_portrait_is_asked_to_smile_where_a_smiling_one_is_left_alone(face: Points) -> None:
    neutral = face.copy()
    neutral[[48, 54], 1] = face[[62, 66], 1].mean()
    assert resting_valence(neutral) == pytest.approx(0, abs=0.1)
    frown = NAMES.index("frown")
    weights = [shown(STEPS, NONE, NONE, NONE, resting_valence(own))[:, frown] for own in (face, neutral)]
    assert weights[0][-1] == pytest.approx(0, abs=0.1)
    assert weights[1][-1] < -0.4
    assert (np.diff(weights, axis=1) < 0).all()


def test_lids_fall_now_and_then_and_quickly() -> None:
    shut = blinks(np.random.default_rng(1), 3000, 50)  # a minute
    falls = np.flatnonzero(np.diff((shut > 0.5).astype(int)) == 1)
    assert 12 < len(falls) < 35
    assert 0 <= shut.min() < shut.max() <= 1
    assert 0.02 < (shut > 0.5).mean() < 0.12
    assert len(set(np.diff(falls))) > 8  # not by the clock
