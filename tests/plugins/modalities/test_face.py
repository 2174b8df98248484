"""Face pictures: the landmarks' box and five pixels more, whole, through the backbone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from cltool import Backbone, PictureTransform
from cltool.catalogue import discover
from cltool.plugin import Spec
from cltool.progress import Silent
from cltool.video.modalities import Frames, Rows
from cltool_plugins.modalities.face import SquareFeatures, boxed, face


def pixels(size: int = 4, resize: int | None = None) -> Backbone:
    """A backbone whose features are the pixels."""
    return Backbone.of("pixels", nn.Flatten(), PictureTransform(size, resize=resize), 3 * size * size)


def found(box: tuple[float, float, float, float]) -> np.ndarray:
    left, top, right, bottom = box
    return np.array([[(left, top, 0), (right, bottom, 0), (left, bottom, 0)]], np.float32)


def test_the_box_has_five_pixels_around_and_stays_within_the_picture() -> None:
    picture = np.arange(100 * 50, dtype=np.uint8).reshape(50, 100, 1).repeat(3, 2)
    np.testing.assert_array_equal(boxed(picture, found((0.2, 0.4, 0.5, 0.6))[0], 5), picture[15:35, 15:55])
    np.testing.assert_array_equal(boxed(picture, found((-0.1, 0.5, 0.5, 1.2))[0], 5), picture[20:50, 0:55])
    assert boxed(picture, found((1.2, 0.4, 1.5, 0.6))[0], 5) is None


def test_a_box_becomes_a_square_with_nothing_cut_away() -> None:
    picture = np.zeros((60, 100, 3), np.uint8)
    picture[15:45, 20:60] = 255  # the box of the landmarks with its margin
    mesh = Rows(found((0.25, 20 / 60, 0.55, 40 / 60)), np.ones(1, bool))
    for resize in (None, 8):  # a backbone would cut a rim away
        rows = face(pixels(resize=resize), "cpu")(Frames(0, np.zeros(1), [picture], {"mesh": mesh}))["face"]
        np.testing.assert_allclose(rows.values, np.ones((1, 48)))


def test_frames_without_a_face_or_a_picture_are_masked() -> None:
    picture = np.full((20, 20, 3), 255, np.uint8)
    boxes = np.concatenate([found((0.2, 0.2, 0.6, 0.6))] * 4 + [found((2, 2, 3, 3))])
    mesh = Rows(boxes, np.array([True, False, True, True, True]))
    frames = Frames(0, np.zeros(5), [picture, picture, None, picture, picture], {"mesh": mesh})
    rows = face(pixels(), "cpu")(frames)["face"]
    assert rows.valid.tolist() == [True, False, False, True, False]
    assert rows.values[3].min() == 1
    assert not rows.values[~rows.valid].any()


def test_what_the_rows_are_made_of_is_told() -> None:
    plain, cut = (SquareFeatures(pixels(resize=resize), "cpu") for resize in (None, 8))
    assert plain.about["width"] == 48
    assert plain.about["fingerprint"] == cut.about["fingerprint"] == pixels().fingerprint


@pytest.mark.slow
def test_a_real_network_tells_a_face_from_its_mirror_image(squeezenet: Path) -> None:
    from skimage.data import astronaut

    configured = discover().configure("backbone", Spec.parse(f"squeezenet1_0:weights={squeezenet}"))
    network = configured(stream=None, device="cpu", progress=Silent())
    features = SquareFeatures(network, "cpu")
    cut = np.ascontiguousarray(astronaut()[50:220, 150:290])
    squares = [features.square(picture) for picture in (cut, cut, cut[:, ::-1], np.full_like(cut, 128))]
    same, again, mirrored, grey = torch.from_numpy(features(squares))
    assert features.width == 512
    torch.testing.assert_close(same, again, rtol=1e-3, atol=1e-3)
    alike = [float(torch.cosine_similarity(same, other, 0)) for other in (mirrored, grey)]
    assert 1 > alike[0] > alike[1]
