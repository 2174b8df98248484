"""Pictures of a grid: which there are, and that they show the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cltool.affect.cells import Cell, FinishedCell
from cltool.report.affect_grids import draw_curves, draw_grid, draw_parameters, draw_repeats, draw_sequences

LOSSES = ("mse", "ccc", "non-inertial")


def journal(height: float) -> list[dict]:
    def part(epoch: int) -> dict:
        low = height + 1 / epoch
        return {"loss": low, "mse": low, "ccc": low, "non-inertial": low, "ccc_mean": 1 - low}

    return [{"epoch": n, "train": part(n), "validation": part(n), "seconds": 1.0, "best": n < 3} for n in range(1, 5)]


def grid(
    networks: Sequence[str] = ("audio",), sequences: Sequence[int] = (64,), seeds: Sequence[int] = (0,)
) -> dict[Cell, list[dict]]:
    cells = [Cell(n, loss, s, seed) for n in networks for loss in LOSSES for s in sequences for seed in seeds]
    return {cell: journal(0.1 * number) for number, cell in enumerate(cells)}


def finished(journals: dict[Cell, list[dict]]) -> list[FinishedCell]:
    return [FinishedCell.of(cell, 1000 * len(cell.network), lines) for cell, lines in journals.items()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("varied", "drawn"),
    [
        ({}, {"training.png"}),
        ({"networks": ("audio", "full")}, {"training.png", "parameters.png"}),
        ({"sequences": (64, 128)}, {"training.png", "sequences.png"}),
        ({"seeds": (0, 1)}, {"training.png", "repeats.png"}),
    ],
)
def test_what_a_grid_can_show_is_drawn(tmp_path: Path, varied: dict, drawn: set[str]) -> None:
    journals = grid(**varied)
    paths = draw_grid(finished(journals), journals, "store", tmp_path)
    assert {path.name for path in paths} == drawn == {path.name for path in tmp_path.iterdir()}


@pytest.mark.slow
def test_networks_with_sequences_of_their_own_are_all_drawn_and_not_by_sequence(tmp_path: Path) -> None:
    journals = {**grid(("full",), (128,)), **grid(("mesh",), (64,))}
    paths = draw_grid(finished(journals), journals, "store", tmp_path)
    assert {path.name for path in paths} == {"training.png", "parameters.png"}
    draw_curves(journals, tmp_path / "picture.svg", r"a$\q$b")
    shown = words(tmp_path / "picture.svg")
    assert all(word in shown for word in ("full, 128 frames", "mesh, 64 frames", r"a$\q$b"))


def words(path: Path) -> str:
    return " ".join(ElementTree.parse(path).getroot().itertext())


@pytest.mark.slow
def test_pictures_name_losses_networks_and_data(tmp_path: Path) -> None:
    journals = grid(("audio", "full"), (64, 128), (0, 1))
    cells, path = finished(journals), tmp_path / "picture.svg"
    draw_parameters(cells, path, "features, synthetic")
    assert all(word in words(path) for word in (*LOSSES, "audio", "full", "0.005 M", "features, synthetic", "CCC"))
    draw_sequences(cells, path, "features")
    assert all(word in words(path) for word in ("64", "128", "sequence, frames", "MSE"))
    draw_repeats(cells, path, "features")
    assert all(word in words(path) for word in ("audio, 64 frames", "full, 128 frames", "repeat"))
    draw_curves(journals, path, "features")
    assert all(word in words(path) for word in ("1 − CCC", "Non-Inertial", "validation", "training", "full, 64 frames"))


def test_a_cell_without_a_number_leaves_a_gap(tmp_path: Path) -> None:
    journals = grid(seeds=(0, 1))
    for line in journals[Cell("audio", "ccc", 64, 1)]:
        line["validation"]["ccc_mean"] = None
        line["validation"]["mse"] = None
    assert len(draw_grid(finished(journals), journals, "store", tmp_path)) == 2
