"""How much repeats differ, held against the thesis' own table 4.2."""

from __future__ import annotations

import pytest

from cltool.affect.cells import Cell, FinishedCell, grouped
from cltool.affect.stability import stabilities

THESIS = {  # full network, sequence 256: MSE, CCC, Non-Inertial of five trainings
    "mse": [
        (0.209, 0.331, 0.105),
        (0.211, 0.346, 0.107),
        (0.207, 0.366, 0.104),
        (0.225, 0.337, 0.113),
        (0.199, 0.333, 0.100),
    ],
    "ccc": [
        (0.348, 0.309, 0.176),
        (0.364, 0.282, 0.191),
        (0.335, 0.321, 0.170),
        (0.415, 0.319, 0.213),
        (0.271, 0.348, 0.136),
    ],
    "non-inertial": [
        (0.202, 0.411, 0.102),
        (0.206, 0.355, 0.104),
        (0.204, 0.414, 0.103),
        (0.202, 0.415, 0.102),
        (0.209, 0.376, 0.105),
    ],
}


def cells(loss: str, rows: list[tuple[float, float, float]]) -> list[FinishedCell]:
    found = []
    for seed, (mse, ccc, inertial) in enumerate(rows):
        told = {"loss": inertial, "mse": mse, "ccc": 1 - ccc, "non-inertial": inertial, "ccc_mean": ccc}
        line = {"epoch": 1, "train": told, "validation": told, "seconds": 1.0, "best": True}
        found.append(FinishedCell.of(Cell("full", loss, 256, seed), 1, [line]))
    return found


def test_the_thesis_table_comes_out_as_its_robust_orderings() -> None:
    """../shared/thesis.md §4: sums of squared deviations of the MSE column, and mean CCC."""
    found = {one.group.loss: one for one in stabilities(grouped([c for k, r in THESIS.items() for c in cells(k, r)]))}
    assert found["non-inertial"].columns["mse"].sum == pytest.approx(0.0000352, abs=5e-8)
    assert found["mse"].columns["mse"].sum == pytest.approx(0.000357, abs=5e-7)
    means = {loss: one.columns["ccc_mean"].average for loss, one in found.items()}
    assert means == pytest.approx({"non-inertial": 0.394, "mse": 0.343, "ccc": 0.316}, abs=5e-4)


@pytest.mark.parametrize(
    ("loss", "own", "average", "total"),
    [
        ("mse", "mse", 0.210, 0.000375),
        ("ccc", "ccc_mean", 0.316, 0.002265),
        ("non-inertial", "non-inertial", 0.103, 9e-6),
    ],
)
def test_the_own_column_is_that_of_the_thesis(loss: str, own: str, average: float, total: float) -> None:
    """Its numbers are rounded to three digits, and its sums are of numbers that were not."""
    (one,) = stabilities(grouped(cells(loss, THESIS[loss])))
    assert one.own == own
    assert one.columns[own].average == pytest.approx(average, abs=6e-4)
    assert one.columns[own].sum == pytest.approx(total, rel=0.4)


def test_a_sum_of_losses_is_told_by_that_sum() -> None:
    (one,) = stabilities(grouped(cells("ccc+0.5*mse", THESIS["ccc"])))
    assert one.own == "loss"
    assert one.facts()["columns"]["loss"]["values"] == [row[2] for row in THESIS["ccc"]]


def test_one_training_is_no_repeat() -> None:
    assert stabilities(grouped(cells("mse", THESIS["mse"][:1]))) == []
