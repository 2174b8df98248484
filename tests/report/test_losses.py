"""Loss curves: drawn from nothing but journals, several trainings in one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cltool.report import losses
from cltool.report.losses import draw_losses


def line(epoch: int, loss: float, best: bool = False) -> dict[str, Any]:
    return {
        "epoch": epoch,
        "train": {"loss": loss, "accuracy": 0.5},
        "validation": {"loss": loss + 0.25, "accuracy": 0.5 + epoch / 10},
        "best": best,
    }


JOURNALS = {
    "resnet18": [line(1, 2.0, True), line(2, 1.0, True), line(3, 0.5)],
    "densenet121": [line(1, 1.5, True), line(2, 1.25)],
}


def test_every_trainings_lines_are_its_journals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(losses, "save_figure", lambda figure, paths: drawn.append(figure))
    draw_losses(JOURNALS, [tmp_path / "losses.png"])
    loss, accuracy = drawn[0].axes
    shown = [
        (tuple(map(float, row.get_ydata())), row.get_linestyle()) for row in loss.lines if row.get_marker() == "None"
    ]
    assert shown == [
        ((2.0, 1.0, 0.5), "--"),
        ((2.25, 1.25, 0.75), "-"),
        ((1.5, 1.25), "--"),
        ((1.75, 1.5), "-"),
    ]
    marks = [(row.get_xdata()[0], row.get_ydata()[0]) for row in accuracy.lines if row.get_marker() == "o"]
    assert marks == [(2, 0.7), (1, 0.6)]  # the epochs that were kept
    named = [text.get_text() for text in accuracy.get_legend().get_texts()]
    assert named[:2] == ["resnet18", "densenet121"]
    assert loss.lines[0].get_color() != loss.lines[3].get_color()


def test_it_is_a_picture_and_the_same_every_time(tmp_path: Path) -> None:
    paths = [tmp_path / "one.png", tmp_path / "two.png", tmp_path / "one.svg"]
    draw_losses(JOURNALS, paths)
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert "densenet121" in paths[2].read_text()
