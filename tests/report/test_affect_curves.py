"""Curves of valence and arousal over time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from cltool.report import affect_curves
from cltool.report.affect_curves import coarse, draw_affect_curves


def test_what_a_network_says_beyond_one_is_within_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr(affect_curves, "save_figure", lambda figure, paths: figures.append(figure))
    predicted = np.float32([[0.1, 0.2], [-1.4, 0.3], [np.nan, np.nan]])
    draw_affect_curves(np.arange(3) / 25, predicted, Path("curves.png"), "talk")
    for axes in figures[0].axes:
        low, high = axes.get_ylim()
        assert low < -1.4
        assert high == -low


@pytest.mark.slow
def test_curves_are_drawn_with_and_without_annotation_also_of_a_single_frame(tmp_path: Path) -> None:
    times = np.arange(10_000) / 25
    values = np.stack([np.sin(times), np.cos(times)], 1).astype(np.float32)
    values[2000:3000] = np.nan
    paths = [tmp_path / f"{name}.png" for name in ("bare", "annotated", "single")]
    draw_affect_curves(times, values, paths[0], "film")
    draw_affect_curves(times, values, paths[1], "film", values + 0.1)
    draw_affect_curves(times[:1], values[:1], paths[2], "film", np.full((1, 2), np.nan))
    sizes = [path.stat().st_size for path in paths]
    assert sizes[1] > sizes[0] > sizes[2] > 5000


def test_long_curves_are_drawn_as_means_of_what_is_there() -> None:
    values = np.arange(12.0).reshape(6, 2)
    values[1, 0] = np.nan
    np.testing.assert_allclose(coarse(values, 4), [[(0 + 4 + 6) / 3, 4], [9, 10]])
    np.testing.assert_array_equal(coarse(values, 1), values)
