"""Trainings by epoch: what is drawn, and on which scale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cltool.report.affect_trainings import _highest, draw_trainings


def epoch(number: int, mse: float, best: bool = False) -> dict[str, Any]:
    told = {"loss": mse, "mse": mse, "ccc_valence": 0.5, "ccc_arousal": 0.3, "ccc_mean": 0.4}
    return {"epoch": number, "train": told, "validation": told, "best": best}


def test_a_wild_epoch_does_not_flatten_the_others() -> None:
    calm = [epoch(n, 0.1 + 0.01 * n) for n in range(1, 9)]
    wild = [epoch(1, 50.0), *calm[1:6], epoch(7, 9.0), calm[7]]
    assert _highest({"calm": calm}, "mse") == pytest.approx(1.1 * 0.18)
    assert _highest({"calm": calm, "wild": wild}, "mse") < 1


@pytest.mark.parametrize("epochs", [1, 5])
def test_trainings_of_any_length_are_drawn_side_by_side(tmp_path: Path, epochs: int) -> None:
    long = [epoch(n, 1 / n, best=True) for n in range(1, epochs + 1)]
    paths = [tmp_path / "training.png", tmp_path / "training.svg"]
    draw_trainings({"one": long, "short": [epoch(1, 0.3, best=True)]}, paths)
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    drawn = paths[1].read_text()
    assert all(f">{text}<" in drawn for text in ("one", "short", "mse", "CCC of the validation films"))
    assert ">loss<" not in drawn
