"""Where labels lie: every frame is counted in its place, in all squares by the same colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cltool.report import labels
from cltool.report.labels import BINS, draw_labels

VALUES = {
    "train": np.array([[0.99, -0.99], [0.99, -0.99], [0, 0.5]], np.float32),
    "validation": np.array([[-1, 1]], np.float32),
}


def test_every_frame_is_counted_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(labels, "save_figure", lambda figure, paths: drawn.append(figure))
    draw_labels(VALUES, "labels", [tmp_path / "labels.png"])
    train, across, up, validation, *_ = drawn[0].axes
    counts = train.collections[0].get_array().reshape(BINS, BINS)  # rows go up
    assert counts[0, BINS - 1] == 2
    assert counts[BINS * 3 // 4, BINS // 2] == 1
    assert np.ma.count(np.ma.masked_invalid(counts)) == 2
    assert validation.collections[0].get_array().reshape(BINS, BINS)[BINS - 1, 0] == 1
    assert train.collections[0].norm.vmax == validation.collections[0].norm.vmax == 2
    assert across.patches[0].get_data().values[[BINS // 2, BINS - 1]].tolist() == [1, 2]  # valence 0 and 1
    assert up.patches[0].get_data().values[[0, BINS * 3 // 4]].tolist() == [2, 1]  # arousal -1 and .5
    assert across.get_title() == "train: 3 labelled frames"


@pytest.mark.slow
def test_the_same_labels_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        draw_labels(VALUES, "labels", [tmp_path / name])
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
