"""The table of strategies on terminals of several widths."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from cltool.cli.tables import rows_table
from cltool.report.tables import FORMATS, Row

NAMES = ("lda", "ridge+lift=relu:dim=4000", "avalanche:icarl:memory=2000", "avalanche:packnet (task-aware)")


def row(name: str) -> Row:
    """A synthetic row, of large numbers."""
    numbers = dict.fromkeys(FORMATS, 0.123) | {
        "bytes_kept": 87_654_321,
        "samples_kept": 2000,
        "parameters_grown": 53_210,
    }
    shared = {"score": "accuracy", "runs": 5, "final": 0.812, "deviation": 0.012, "low": 0.8, "high": 0.83}
    return {"strategy": name, **shared, **numbers, "sparsity": None, "cosine_distance": None, "seconds": 1234.56}


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_every_line_fits_and_what_matters_most_is_there(width: int) -> None:
    text = StringIO()
    Console(file=text, width=width).print(rows_table([row(name) for name in NAMES], width))
    lines = text.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert "…" in text.getvalue()  # of intervals
    assert text.getvalue().count("…") == len(NAMES)  # and of nothing that was cut off
    assert text.getvalue().count("0.812") == len(NAMES)


def test_at_80_columns_stand_scores_and_costs_and_at_200_all() -> None:
    told = {}
    for width in (80, 120, 200):
        headings = rows_table([row(name) for name in NAMES], width).columns
        told[width] = [str(column.header).replace("\n", " ").replace("- ", "") for column in headings]
    small = ["strategy", "final accuracy", "95 % interval", "forgetting", "gap to joint", "bytes kept", "params grown"]
    assert told[80] == [*small, "seconds"]
    assert {*small, "samples kept", "runs"} <= {*told[120]}
    assert told[200] == [
        "strategy",
        "runs",
        "final accuracy",
        "95 % interval",
        *(h for h, _ in list(FORMATS.values())[:8]),
    ]
