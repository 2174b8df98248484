"""The tables of a grid, as the thesis has them."""

from __future__ import annotations

from cltool.affect.cells import Cell, FinishedCell, grouped
from cltool.affect.stability import stabilities
from cltool.report.affect_tables import losses, page, repeats


def cell(loss: str = "mse", seed: int = 0, sequence: int = 128, mse: float = 0.1, **more: float | None) -> FinishedCell:
    scores = {"ccc_valence": 0.5, "ccc_arousal": 0.3, "ccc_mean": 0.4}
    told = {"loss": mse, "mse": mse, "ccc": 0.6, "non-inertial": 0.12, **scores, **more}
    journal = [
        {"epoch": 1, "train": told, "validation": told, "seconds": 3.0, "best": True},
        {"epoch": 2, "train": told, "validation": told, "seconds": 1.0, "best": False},
    ]
    return FinishedCell.of(Cell("full", loss, sequence, seed), 1_234_567, journal)


def rows(text: str) -> list[list[str]]:
    return [[c.strip() for c in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def test_the_thesis_columns_in_its_order_and_what_else_was_watched_behind() -> None:
    headings, lines = losses(grouped([cell(huber=0.05)]))
    names = ["network", "training loss", "sequence", "MSE", "CCC", "Non-Inertial", "CCC_V", "CCC_A", "huber"]
    assert headings == names
    assert lines == [["full", "mse", "128", "0.1000", "0.400", "0.1200", "0.500", "0.300", "0.0500"]]


def test_repeats_give_mean_and_deviation() -> None:
    _, (line,) = losses(grouped([cell(mse=0.1), cell(mse=0.3, seed=1)]))
    assert line[3:5] == ["2", "0.2000 ± 0.1414"]
    assert losses(grouped([cell(mse=0.1), cell(mse=0.3, seed=1)]), narrow=True)[1][0][3] == "0.2000"


def test_a_number_that_is_missing_is_a_dash() -> None:
    _, (line,) = losses(grouped([cell(ccc_mean=None)]))
    assert line[4] == "–"


def test_the_page_says_what_differs_from_the_thesis_and_what_it_took() -> None:
    text = page(grouped([cell(), cell(sequence=256)]), "Grid", "store: 2 films, synthetic")
    assert "MSE_v + MSE_a" in text
    assert "synthetic" in text
    assert ["full", "mse", "256", "1,234,567", "2", "1", "2", "0.400", "0.500", "0.300"] in rows(text)
    assert "## Repeats" not in text


def test_repeats_have_their_own_table_with_its_sum_in_the_last_line() -> None:
    found = stabilities(grouped([cell(mse=value, seed=seed) for seed, value in enumerate((0.1, 0.2, 0.3))]))
    headings, lines = repeats(found)
    assert headings[-3:] == ["average", "squared difference", "sum"]
    assert [line[-3:] for line in lines] == [
        ["0.2000", "0.0100000", ""],
        ["0.2000", "0.0000000", ""],
        ["0.2000", "0.0100000", "0.0200000"],
    ]
    assert "## Repeats" in page(grouped([cell(), cell(seed=1)]), "Repeats", "store")
