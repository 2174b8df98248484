"""Labels and frames brought together by number, nothing cut or stretched in silence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cltool.video.films import Labels
from cltool.video.matching import matched

PATH = Path("a.txt")


def labels(count: int, rate: float | None = None, **changes: object) -> Labels:
    values = np.stack([np.arange(count) / 100, -np.arange(count) / 100], 1).astype(np.float32)
    return Labels(values, PATH, rate, **changes)  # type: ignore[arg-type]


def test_row_i_belongs_to_frame_i() -> None:
    values, lines = matched(labels(4), 4, 25)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, labels(4).values)
    assert lines == []


def test_labels_too_many_are_left_out_at_the_end_and_told() -> None:
    values, lines = matched(labels(14), 10, 25)
    np.testing.assert_array_equal(values, labels(10).values)
    assert lines == ["a.txt: 14 labels for 10 frames; the last 4 labels are left out"]


def test_frames_without_labels_are_nan_and_told() -> None:
    values, lines = matched(labels(2), 5, 25)
    np.testing.assert_array_equal(values[:2], labels(2).values)
    assert np.isnan(values[2:]).all()
    assert lines == ["a.txt: 2 labels for 5 frames; the last 3 frames have none"]


def test_half_a_label_is_none() -> None:
    given = labels(3)
    given.values[1, 0] = np.nan
    values, lines = matched(given, 3, 25)
    assert np.isnan(values).tolist() == [[False] * 2, [True] * 2, [False] * 2]
    assert lines == []


def test_the_labels_themselves_are_left_alone() -> None:
    given = labels(3)
    values, _ = matched(given, 3, 25)
    values[:] = 9
    np.testing.assert_array_equal(given.values, labels(3).values)


@pytest.mark.parametrize(("rate", "told"), [(30, False), (29.97, False), (29.6, True), (25, True), (60, True)])
def test_rates_that_differ_by_more_than_a_hundredth_are_told(rate: float, told: bool) -> None:
    values, lines = matched(labels(3, rate), 3, 30)
    assert lines == ([f"a.txt: {rate:g} labels a second, 30 frames; they are matched by number"] if told else [])
    np.testing.assert_array_equal(values, labels(3).values)  # by number all the same


def test_what_the_file_had_to_say_comes_first() -> None:
    _, lines = matched(labels(2, notes=("a.txt, line 2: odd",)), 1, 25)
    assert lines == ["a.txt, line 2: odd", "a.txt: 2 labels for 1 frame; the last label is left out"]


def test_a_film_without_frames() -> None:
    values, lines = matched(labels(2), 0, 25)
    assert values.shape == (0, 2)
    assert lines == ["a.txt: 2 labels for 0 frames; the last 2 labels are left out"]
