"""Strategies or trainings side by side, on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from cltool.cli.console import results
from cltool.report.tables import Row, texts

WIDE = 120  # columns of a terminal that all numbers fit into


def rows_table(table: Sequence[Row], width: int) -> Table:
    """A line per strategy and per joint reference, for a terminal of so many columns."""
    headings, cells = texts(table, narrow=width < WIDE)
    shown = Table(box=None, header_style="bold", pad_edge=False, collapse_padding=True)
    shown.add_column(headings[0], overflow="fold", min_width=16)
    for heading in headings[1:]:
        stacked = "\n".join(heading.rsplit(" ", 1)) if width < WIDE else heading
        shown.add_column(stacked, justify="right", no_wrap=True)
    for line in cells:
        shown.add_row(*line)
    return shown


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
