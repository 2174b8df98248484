"""OpenFace's CSV as rows of a film."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cltool.video.films import Film
from cltool_plugins.modalities.openface import openface

SIZE = 640, 480
POINTS = np.random.default_rng(0).uniform(100, 300, (68, 2)).round(1)
ACTIONS = np.linspace(0, 5, 17).round(2)


def film_of(path: Path | None) -> Film:
    return Film("film", Path("film.mp4"), actions=path)


def test_rows_of_a_film(openface_csv: Callable, frames: Callable) -> None:
    path = openface_csv([(1, 1, POINTS, ACTIONS), (2, 0, 0 * POINTS, 0 * ACTIONS), (4, 1, POINTS + 5, ACTIONS)])
    rows = openface(film_of(path))
    found = rows(frames(5))
    rows.close()
    assert {name: part.values.shape for name, part in found.items()} == {
        "openface_landmarks": (5, 68, 2),
        "openface_actions": (5, 17),
    }
    for part in found.values():
        assert part.valid.tolist() == [True, False, False, True, False]
        assert not part.values[~part.valid].any()
    assert found["openface_landmarks"].values[3] == pytest.approx((POINTS + 5) / SIZE, abs=1e-6)
    assert found["openface_actions"].values[0] == pytest.approx(ACTIONS / 5, abs=1e-6)
    assert len(rows.columns["openface_actions"]) == 17
    assert rows.columns["openface_actions"][:3] == ("AU01_r", "AU02_r", "AU04_r")


def test_actions_need_no_picture_and_landmarks_one_before(openface_csv: Callable, frames: Callable) -> None:
    path = openface_csv([(number, 1, POINTS, ACTIONS) for number in range(1, 5)])
    found = openface(film_of(path))(frames(4, empty=(0, 2)))
    assert found["openface_landmarks"].valid.tolist() == [False, True, True, True]
    assert found["openface_actions"].valid.all()


def test_batches_go_on_where_the_last_ended(openface_csv: Callable, frames: Callable) -> None:
    path = openface_csv([(number, number % 3, POINTS + number, ACTIONS) for number in range(1, 8)])
    whole = openface(film_of(path))(frames(7))
    at = openface(film_of(path))
    parts = [at(frames(count, first)) for first, count in ((0, 2), (2, 4), (6, 1))]
    for name, rows in whole.items():
        assert np.array_equal(np.concatenate([part[name].values for part in parts]), rows.values)


def test_files_may_lie_elsewhere(openface_csv: Callable, frames: Callable) -> None:
    path = openface_csv([(1, 1, POINTS, ACTIONS)])
    assert openface(film_of(None), files=path.parent)(frames(1))["openface_actions"].valid.all()


def test_faces_of_little_confidence_are_masked(openface_csv: Callable, frames: Callable) -> None:
    path = openface_csv([(1, 1, POINTS, ACTIONS)])  # told with .98
    assert not openface(film_of(path), confidence=0.99)(frames(1))["openface_actions"].valid.any()
