"""Faces are made upright and of one size, however they were turned, scaled or shifted."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.transform import SimilarityTransform

from cltool_plugins.modalities.alignment import PLACES, aligned, eyes_and_mouth, similarity


@given(
    angle=st.floats(-3, 3),
    scale=st.floats(0.1, 10),
    x=st.floats(-100, 100),
    y=st.floats(-100, 100),
    seed=st.integers(0, 9),
)
def test_a_similarity_is_found_again(angle: float, scale: float, x: float, y: float, seed: int) -> None:
    made = SimilarityTransform(scale=scale, rotation=angle, translation=(x, y))
    points = np.random.default_rng(seed).normal(0, 20, (5, 2))
    np.testing.assert_allclose(similarity(points, made(points)), made.params[:2], atol=1e-6 * max(1, scale))


def test_it_is_the_best_of_all_where_none_fits() -> None:
    rng = np.random.default_rng(0)
    points, places = rng.normal(0, 20, (6, 2)), rng.normal(0, 20, (6, 2))
    expected = SimilarityTransform.from_estimate(points, places).params[:2]
    np.testing.assert_allclose(similarity(points, places), expected, atol=1e-9)


@pytest.mark.parametrize("scale", [0.6, 1, 2.5, 7])
def test_a_turned_face_comes_out_upright(scale: float) -> None:
    upright = np.zeros((112, 112, 3), np.uint8)
    for place, colour in zip(PLACES, [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)], strict=True):
        cv2.circle(upright, [round(float(value)) for value in place], 6, colour, -1)
    matrix = similarity(
        np.array([(0.0, 0.0), (100, 0)]), np.array([(200.0, 150), (200 + 80 * scale, 150 + 60 * scale)])
    )
    side = round(400 * max(1, scale))
    matrix[:, 2] += 100 * scale, 50 * scale
    turned = np.asarray(cv2.warpAffine(upright, matrix, (side, side)), np.uint8)
    points = PLACES @ matrix[:, :2].T + matrix[:, 2]
    found = aligned(turned, points)
    for place in PLACES.round().astype(int):
        np.testing.assert_allclose(found[place[1], place[0]], upright[place[1], place[0]], atol=40)
    assert aligned(turned, points, 224).shape == (224, 224, 3)


def test_eyes_and_mouth_are_means_of_the_meshs_corners() -> None:
    mesh = np.zeros((478, 3), np.float32)
    mesh[[33, 133, 362, 263, 61, 291], :2] = [(0.1, 0.2), (0.3, 0.2), (0.6, 0.2), (0.8, 0.4), (0.3, 0.9), (0.7, 0.8)]
    found = eyes_and_mouth(mesh, 100, 10)
    np.testing.assert_allclose(found, [(20, 2), (70, 3), (30, 9), (70, 8)], rtol=1e-5)
