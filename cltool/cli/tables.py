"""Strategies or trainings side by side, on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from cltool.cli.console import results
from cltool.report.tables import Row, Texts, texts

WIDE = 120  # columns of a terminal that most tables fit into
# what a small terminal has no room for, the least of it first
LESSER = (
    "average",
    "unknown_auroc",
    "runs",
    "samples_kept",
    "deviation",
    "cosine_distance",
    "sparsity",
    "parameters_grown",
    "seconds",
)
NAME = 16  # columns that a strategy's name has at the least; a longer one is folded


def rows_table(table: Sequence[Row], width: int) -> Table:
    """A line per strategy and per joint reference, for a terminal of so many columns."""
    headings, cells = _fitting(table, width)
    shown = Table(box=None, header_style="bold", pad_edge=False, collapse_padding=True)
    shown.add_column(headings[0], overflow="fold", min_width=NAME)
    for heading in headings[1:]:
        shown.add_column(heading, justify="right", no_wrap=True)
    for line in cells:
        shown.add_row(*line)
    return shown


def _fitting(table: Sequence[Row], width: int) -> Texts:
    """All columns if they fit; else headings are stacked, numbers shortened, and lesser columns left out."""
    tries = [texts(table), *(_stacked(texts(table, LESSER[:out], short=True)) for out in range(len(LESSER) + 1))]
    return next((found for found in tries if _width(found) <= width), tries[-1])


def _stacked(found: Texts) -> Texts:
    headings, cells = found
    short = [heading.replace("forgetting", "forget- ting").replace("parameters", "params") for heading in headings]
    return ["\n".join(heading.rsplit(" ", 1)) for heading in short], cells


def _width(found: Texts) -> int:
    headings, cells = found
    columns = zip(headings, *cells, strict=True)
    widths = [max(len(text) for cell in column for text in cell.split("\n")) for column in columns]
    return NAME + sum(width + 1 for width in widths[1:])


def print_rows(table: Sequence[Row], caption: str) -> None:
    """The table on standard output, under what it is about."""
    results.print(caption, style="bold", highlight=False)
    results.print(rows_table(table, results.width))


def texts_table(texts: tuple[Sequence[str], Sequence[Sequence[str]]], names: int = 1) -> Table:
    """Headings and lines of which the first so many columns are names, which may be folded, and the others numbers."""
    headings, lines = texts
    shown = Table(box=None, header_style="bold", pad_edge=False, collapse_padding=True)
    for place, heading in enumerate(headings):
        stacked = "\n".join(heading.replace("-", "- ").split())
        if place < names:
            shown.add_column(stacked, overflow="fold", min_width=min(8, len(heading)))
        else:
            shown.add_column(stacked, justify="right", no_wrap=True)
    for line in lines:
        shown.add_row(*line)
    return shown
