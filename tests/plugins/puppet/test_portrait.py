"""Portraits: framed, mirrored, and measured with the face landmarker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cltool.progress import Silent
from cltool_plugins.puppet.points import BODY_MIRRORED, FACE_MIRRORED, LEFT_SHOULDER, RIGHT_SHOULDER
from cltool_plugins.puppet.portrait import Portrait, astronaut, measured


def spot(picture: np.ndarray) -> np.ndarray:
    x, y = np.meshgrid(*(np.arange(side) for side in picture.shape[1::-1]))
    weight = picture[..., 0].astype(float)
    return np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()


@pytest.mark.parametrize("size", [128, 360, 700])
def test_framing_takes_the_points_along(size: int) -> None:
    whole = astronaut()
    picture = np.zeros_like(whole.picture)
    x, y = whole.face[30].round().astype(int)
    picture[y - 4 : y + 5, x - 4 : x + 5] = 255
    face = whole.face.copy()
    face[30] = x, y
    framed = Portrait(picture, face, whole.body, "a spot").framed(size)
    assert framed.picture.shape == (size, size, 3)
    np.testing.assert_allclose(spot(framed.picture), framed.face[30], atol=0.1)


def test_head_and_shoulders_are_in_the_frame_and_elbows_are_not() -> None:
    framed = astronaut().framed(360)
    seen = ~np.isnan(framed.body).any(1)
    assert set(np.flatnonzero(seen)) == {0, 1, 2, 5, 15, 16, 17, 18}
    assert framed.face.min() > 60
    assert framed.body[RIGHT_SHOULDER, 0] < framed.face[:, 0].min()  # her right is on the picture's left
    assert framed.body[LEFT_SHOULDER, 0] > framed.face[:, 0].max()


def test_mirroring_swaps_sides(portrait: Portrait) -> None:
    turned = portrait.mirrored()
    assert turned.face[36, 0] < turned.face[45, 0]  # the right eye is still on the left of the picture
    assert turned.body[RIGHT_SHOULDER, 0] < turned.body[LEFT_SHOULDER, 0]
    width = portrait.picture.shape[1]
    np.testing.assert_allclose(turned.face[36], [width - 1 - portrait.face[45, 0], portrait.face[45, 1]])
    np.testing.assert_allclose(turned.mirrored().face, portrait.face)
    np.testing.assert_allclose(turned.mirrored().body, portrait.body)
    np.testing.assert_array_equal(turned.mirrored().picture, portrait.picture)


@pytest.mark.parametrize("order", [FACE_MIRRORED, BODY_MIRRORED])
def test_every_point_has_one_counterpart(order: np.ndarray) -> None:
    assert (order[order] == np.arange(len(order))).all()


@pytest.fixture
def file(tmp_path: Path) -> Callable[[np.ndarray], Path]:
    def save(picture: np.ndarray) -> Path:
        Image.fromarray(picture).save(tmp_path / "portrait.png")
        return tmp_path / "portrait.png"

    return save


def test_the_table_is_what_the_landmarker_measures(face_model: Path, file: Callable) -> None:
    found = measured(file(astronaut().picture), face_model, Silent())
    np.testing.assert_allclose(found.face, astronaut().face, atol=0.6)
    np.testing.assert_allclose(found.body, astronaut().body, atol=0.6)


@pytest.mark.usefixtures("face_model")
def test_face70_is_symmetrical(file: Callable) -> None:
    """The landmarker finds each point's counterpart where it is in the mirrored picture."""
    turned = astronaut().mirrored()
    found = measured(file(turned.picture), None, Silent())
    assert np.hypot(*(found.face - turned.face).T).max() < 5  # of a face 90 pixels wide


@pytest.mark.usefixtures("face_model")
def test_a_grey_portrait_lying_on_its_side_by_exif_will_do(tmp_path: Path) -> None:
    upright = Image.fromarray(astronaut().picture).convert("L")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "lying.jpg", exif=exif, quality=95)
    found = measured(tmp_path / "lying.jpg", None, Silent())
    assert found.picture.shape == (512, 512, 3)
    np.testing.assert_allclose(found.face, astronaut().face, atol=3)
