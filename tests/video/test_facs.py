"""Action units from blendshapes, on made-up faces and on a smiling one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cltool.video.facs import ACTION_UNITS, BLENDSHAPES, UNITS, action_units
from cltool_plugins.modalities.mesh import face_landmarker

NAMES = [name for parts in BLENDSHAPES.values() for name in parts]


def test_units_are_those_of_the_table() -> None:
    assert len(ACTION_UNITS) == 28
    assert set(ACTION_UNITS) == {0, 1, 2, *range(4, 29)}
    assert set(UNITS) <= set(ACTION_UNITS)
    assert list(UNITS) == sorted(UNITS)


def test_no_blendshape_counts_twice() -> None:
    assert len(set(NAMES)) == len(NAMES)


def test_left_and_right_are_averaged() -> None:
    values = np.zeros((2, len(NAMES)), np.float32)
    values[0, NAMES.index("browDownLeft")] = 0.6
    values[0, NAMES.index("jawOpen")] = 0.7
    values[1, NAMES.index("browDownRight")] = 1.0
    found = action_units(values, NAMES)
    assert found.shape == (2, len(UNITS))
    assert found.dtype == np.float32
    assert found[0, UNITS.index(4)] == pytest.approx(0.3)
    assert found[0, UNITS.index(26)] == pytest.approx(0.7)
    assert found[1, UNITS.index(4)] == pytest.approx(0.5)
    assert found.sum() == pytest.approx(1.5)


def test_names_may_stand_in_any_order_among_others() -> None:
    rng = np.random.default_rng(0)
    values, order = rng.random((3, len(NAMES)), np.float32), rng.permutation(len(NAMES))
    mixed = np.concatenate([rng.random((3, 1), np.float32), values[:, order]], 1)
    assert np.array_equal(action_units(mixed, ["_neutral", *(NAMES[i] for i in order)]), action_units(values, NAMES))


def test_a_smile_is_a_pulled_lip_corner(face_model: Path) -> None:
    """The astronaut smiles; MediaPipe's own names are read."""
    from skimage.data import astronaut

    landmarker = face_landmarker(face_model, blendshapes=True)
    told = landmarker(astronaut(), 0)
    landmarker.close()
    (shapes,) = told.face_blendshapes
    scores = np.array([[shape.score for shape in shapes]], np.float32)
    found = action_units(scores, [shape.category_name for shape in shapes])
    assert found.shape == (1, len(UNITS))
    assert found[0, UNITS.index(12)] > 0.5
    assert found[0, UNITS.index(15)] < 0.1
