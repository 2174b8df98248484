"""What came out of a grid's cells, and numbers over those that differ by seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cltool.affect.cells import Cell, FinishedCell, grouped, read_journal, write_journal
from cltool.errors import CallError


def epoch(number: int, best: bool, ccc: float | None = 0.5, mse: float = 0.1) -> dict:
    part = {"loss": mse, "mse": mse, "ccc": 0.5, "ccc_valence": 0.6, "ccc_arousal": 0.4, "ccc_mean": ccc}
    return {"epoch": number, "train": part, "validation": part, "seconds": 2.0, "best": best}


def finished(seed: int = 0, ccc: float | None = 0.5, loss: str = "ccc") -> FinishedCell:
    journal = [epoch(1, True, 0.1), epoch(2, True, ccc), epoch(3, False, 0.2)]
    return FinishedCell.of(Cell("audio", loss, 64, seed), 560_386, journal)


def test_a_cells_numbers_are_those_of_the_epoch_that_was_kept() -> None:
    one = finished(ccc=0.45)
    assert (one.epoch, one.epochs, one.seconds, one.seconds_per_epoch) == (2, 3, 6.0, 2.0)
    assert one.validation["ccc_mean"] == 0.45
    assert one.cell == Cell("audio", "ccc", 64, 0)
    assert one.path == "trainings/audio/ccc/64/0"


def test_no_two_cells_share_a_place() -> None:
    spelled = ("ccc+0.5*mse", "ccc:per_sequence=true", "ccc+0.5*MSE", "non-inertial:variant=main,dt=0.5")
    places = {Cell(f"audio:hidden={n}", loss, 64, 0).place.lower() for n in (8, 16) for loss in spelled}
    assert len(places) == 8


def test_cells_that_differ_by_seed_are_one_group() -> None:
    first, second = grouped([finished(0, 0.4), finished(1, 0.6), finished(0, loss="mse")])
    assert [cell.seed for cell in first.cells] == [0, 1]
    spread = first.validation("ccc_mean")
    assert spread is not None
    assert (spread.mean, spread.n) == (pytest.approx(0.5), 2)
    assert spread.deviation == pytest.approx(0.1 * 2**0.5)
    assert (second.loss, len(second.cells)) == ("mse", 1)
    assert first.measures == ("mse", "ccc", "ccc_mean", "ccc_valence", "ccc_arousal")
    assert first.facts()["ccc_mean"]["n"] == 2
    assert first.facts()["seeds"] == [0, 1]


def test_a_number_that_a_cell_lacks_has_no_mean() -> None:
    (group,) = grouped([finished(0, 0.4), finished(1, None)])
    assert group.validation("ccc_mean") is None
    assert group.facts()["ccc_mean"] is None


def test_the_journal_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_journal(tmp_path) == []
    told = [finished(0), finished(1, None)]
    write_journal(tmp_path, told)
    assert read_journal(tmp_path) == told


def test_a_damaged_journal_is_named_with_its_line(tmp_path: Path) -> None:
    write_journal(tmp_path, [finished(0), finished(1)])
    path = tmp_path / "journal.jsonl"
    path.write_text(path.read_text().replace('"seed": 1', '"seed": "one"'))
    with pytest.raises(CallError, match=r"journal.jsonl, line 2: seed: "):
        read_journal(tmp_path)
