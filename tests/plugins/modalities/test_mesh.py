"""Face Mesh on real faces: found, followed, masked where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage.data import astronaut

from cltool.progress import Silent
from cltool.video.decoding import read_frames
from cltool.video.modalities import Frames, Picture, Rows
from cltool_plugins.modalities.mesh import mesh

pytestmark = pytest.mark.usefixtures("face_model")


def rows_of(pictures: list[Picture | None], **options: object) -> dict[str, Rows]:
    extractor = mesh(None, Silent(), **options)
    try:
        return dict(extractor(Frames(0, np.arange(len(pictures)) / 25, pictures)))
    finally:
        extractor.close()


@pytest.fixture
def portrait() -> Picture:
    return np.ascontiguousarray(astronaut()[:280, 80:360])


def test_the_astronauts_face_is_found_where_it_is(portrait: Picture) -> None:
    rows = rows_of([portrait])["mesh"]
    assert rows.values.shape == (1, 478, 3)
    assert rows.valid.all()
    places = rows.values[0, :, :2] * 280
    nose, chin, brow = places[1], places[152], places[10]  # in the portrait at about (136, 126), (137, 194), (141, 68)
    assert nose == pytest.approx((136, 126), abs=25)
    assert brow[1] < nose[1] < chin[1]
    left_iris, right_iris = places[468:473].mean(0), places[473:478].mean(0)
    assert left_iris[0] < nose[0] < right_iris[0]


def test_a_picture_whose_rows_are_not_packed_is_read_all_the_same(portrait: Picture) -> None:
    spacious = np.zeros((280, 320, 3), np.uint8)[:, :280]
    spacious[:] = portrait
    assert not spacious.flags.c_contiguous
    np.testing.assert_allclose(rows_of([spacious])["mesh"].values, rows_of([portrait])["mesh"].values, atol=1e-5)


def test_frames_without_a_face_are_masked_and_keep_their_place(portrait: Picture) -> None:
    sky = np.full_like(portrait, 128)
    rows = rows_of([portrait, None, sky, portrait])["mesh"]
    assert rows.valid.tolist() == [True, False, False, True]
    assert not rows.values[1:3].any()


def test_of_several_faces_the_largest_is_followed(portrait: Picture) -> None:
    small = np.ascontiguousarray(portrait[::2, ::2])
    frames = []
    for shift in range(6):  # the large face at the right, then gone, then back
        frame = np.full((280, 480, 3), 128, np.uint8)
        frame[70:210, 10 + shift : 150 + shift] = small
        frame[:, 190:470] = portrait
        frames.append(frame)
    rows = rows_of(frames)["mesh"]
    assert rows.valid.all()
    assert (rows.values[:, 1, 0] > 0.5).all()  # the nose


def test_times_that_do_not_rise_are_no_trouble(portrait: Picture) -> None:
    extractor = mesh(None, Silent())
    rows = extractor(Frames(0, np.array([0.0, 0.0, 0.0001]), [portrait] * 3))["mesh"]
    extractor.close()
    assert rows.valid.all()


def test_blendshapes_come_with_their_action_units(portrait: Picture) -> None:
    rows = rows_of([portrait, None], blendshapes=True)
    extractor = mesh(None, Silent(), blendshapes=True)
    extractor(Frames(0, np.zeros(1), [portrait]))
    names, units = extractor.columns["blendshapes"], extractor.columns["action_units"]
    extractor.close()
    told = dict(zip(names, rows["blendshapes"].values[0], strict=True))
    assert rows["blendshapes"].valid.tolist() == [True, False]
    smile = (told["mouthSmileLeft"] + told["mouthSmileRight"]) / 2
    assert smile > 0.5  # she smiles
    found = dict(zip(units, rows["action_units"].values[0], strict=True))
    assert found["AU12"] == pytest.approx(smile)
    assert found["AU12"] > found["AU15"]  # the corners go up, not down


@pytest.mark.slow
def test_every_frame_of_real_films_has_a_face(grid: list[Path]) -> None:
    assert len(grid) == 4
    for path in grid:
        rows = rows_of([frame.picture for frame in read_frames(path)])["mesh"]
        assert (len(rows), int(rows.valid.sum())) == (75, 75), path
        steps = np.abs(np.diff(rows.values[:, 1, :2], axis=0)).max()
        assert steps < 0.1, path  # the nose does not leap
