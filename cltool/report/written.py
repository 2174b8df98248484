"""All that a comparison's result is written as: tables, sheets, pictures and the page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cltool.files import save_text
from cltool.report.comparison import draw_comparison
from cltool.report.runs import FinishedRun, grouped
from cltool.report.sheets import cells_csv, table_csv
from cltool.report.tables import caption, markdown, rows
from cltool.report.tradeoffs import draw_tradeoffs
from cltool.report.webpage.writing import save_page


def write_report(runs: Sequence[FinishedRun], out: Path) -> list[Path]:
    """Write table.md, table.csv, cells.csv, curves, trade-offs and report.html into a folder; gives their paths.

    `runs`: at least one, of any streams and strategies. Files of an earlier call are replaced. Raises CallError for
    a run that is given twice, and where a file cannot be written.
    """
    groups = grouped(runs)
    texts = {
        "table.md": markdown(rows(groups), caption(groups)),
        "table.csv": table_csv(runs),
        "cells.csv": cells_csv(runs),
    }
    for name, text in texts.items():
        save_text(out / name, text)
    pictures = {"curves": draw_comparison, "tradeoffs": draw_tradeoffs}
    paths = {stem: [out / f"{stem}.png", out / f"{stem}.svg"] for stem in pictures}
    for stem, draw in pictures.items():
        draw(runs, paths[stem])
    save_page(runs, out / "report.html")
    return [*(out / name for name in texts), *(path for both in paths.values() for path in both), out / "report.html"]
