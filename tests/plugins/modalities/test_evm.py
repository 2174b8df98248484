"""Magnified faces: the pulse becomes large in the features, and every row keeps its frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from cltool import Backbone, CallError, PictureTransform
from cltool.video.encoding import film_writer
from cltool.video.films import Film
from cltool.video.modalities import Frames, Picture, Rows
from cltool_plugins.modalities.alignment import PLACES
from cltool_plugins.modalities.evm import evm

RATE, SIDE = 25, 112


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., Film]:
    def make(rate: float = RATE) -> Film:
        path = tmp_path / "film.mp4"
        with film_writer(path, 32, 32, rate) as writer:
            for _ in range(3):
                writer.write(np.zeros((32, 32, 3), np.uint8))
        return Film("film", path)

    return make


def brightness() -> Backbone:
    """A backbone whose one feature is the mean of the pixels."""
    body = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.AvgPool1d(3))
    return Backbone.of("brightness", body, PictureTransform(32), 1)


def upright(count: int, valid: np.ndarray | None = None) -> Rows:
    """Meshes of a face that lies just where an aligned crop wants it."""
    mesh = np.zeros((count, 478, 3), np.float32)
    for points, place in zip(((33, 133), (362, 263), (61,), (291,)), PLACES / SIDE, strict=True):
        mesh[:, points, :2] = place
    return Rows(mesh, np.ones(count, bool) if valid is None else valid)


def pulsing(count: int, amplitude: float) -> list[Picture]:
    beats = 120 + amplitude * np.sin(2 * np.pi * 1.2 * np.arange(count) / RATE)
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (count, SIDE, SIDE, 1))  # lets fractions of a grey through
    return list((beats[:, None, None, None] + noise).round().astype(np.uint8).repeat(3, 3))


def rows_of(film: Film, pictures: list[Picture | None], mesh: Rows, batch: int = 32, **options: object) -> Rows:
    extractor = evm(film, brightness(), "cpu", **options)
    parts = []
    for first in range(0, len(pictures), batch):
        part = slice(first, first + batch)
        given = {"mesh": Rows(mesh.values[part], mesh.valid[part])}
        shown = pictures[part]
        parts.append(extractor(Frames(first, np.arange(first, first + len(shown)) / RATE, shown, given))["evm"])
    parts.append(extractor.finish()["evm"])
    return Rows(np.concatenate([p.values for p in parts]), np.concatenate([p.valid for p in parts]))


def test_a_pulse_becomes_six_times_as_large(film: Callable) -> None:
    rows = rows_of(film(), pulsing(300, 1.0), upright(300)).values[:, 0] * 255
    assert np.ptp(rows[50:250]) / 2 == pytest.approx(6, rel=0.1)


def test_without_magnification_it_stays(film: Callable) -> None:
    rows = rows_of(film(), pulsing(300, 1.0), upright(300), alpha=0).values[:, 0] * 255
    assert np.ptp(rows) / 2 == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("method", ["colour", "motion"])
def test_every_frame_keeps_its_row_and_mask(film: Callable, method: str) -> None:
    pictures: list[Picture | None] = list(pulsing(40, 1.0))
    pictures[7] = None
    valid = np.arange(40) % 9 != 4
    for batch in (40, 11):
        rows = rows_of(film(), pictures, upright(40, valid), batch, method=method)
        assert rows.valid.tolist() == [bool(seen and number != 7) for number, seen in enumerate(valid)]
        assert not rows.values[~rows.valid].any()
        assert (rows.values[rows.valid] > 0.3).all()


def test_nothing_before_the_first_face_touches_its_rows(film: Callable) -> None:
    face = pulsing(60, 1.0)
    alone = rows_of(film(), list(face), upright(60))
    black: list[Picture | None] = [np.zeros((SIDE, SIDE, 3), np.uint8)] * 20
    later = rows_of(film(), [None, *black[1:], *face], upright(80, np.arange(80) >= 20), 11)
    assert not later.valid[:20].any()
    np.testing.assert_array_equal(later.values[20:], alone.values)


def test_a_film_without_a_face_is_masked(film: Callable) -> None:
    rows = rows_of(film(), list(pulsing(40, 1.0)), upright(40, np.zeros(40, bool)))
    assert (len(rows), rows.valid.any(), rows.values.any()) == (40, False, False)


def test_the_film_must_be_fast_enough_for_the_band(film: Callable) -> None:
    with pytest.raises(CallError, match="needs more than 6 frames per second, and the film has 5"):
        evm(film(rate=5), brightness(), "cpu")
