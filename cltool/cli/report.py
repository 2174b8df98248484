"""`cltool report`: finished runs side by side."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from cltool.errors import CallError
from cltool.files import check_free_folder


def attach(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("report", epilog="Example: cltool report runs/* comparison --out report")(report)


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN…", help="Directories of finished runs; one of a comparison stands for its runs."),
    ],
    against: Annotated[
        str | None,
        typer.Option(
            metavar="OPTION",
            help="Draw accuracy and zero weights against an option of the runs' surgery or merge, e.g. margin.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for report.html, tables and pictures; must be new or empty. Default: only the table."
        ),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    debug: Annotated[bool, typer.Option(help="Show the traceback of an error.")] = False,
) -> None:
    """Compare finished runs: a table of strategies over seeds, curves, costs, and all of it as one page.

    The table has each strategy's mean final accuracy ± its deviation over seeds (ddof 1), the 95 % interval of the
    mean (Student's t), and the joint references; the curves' bands are such intervals. Seconds are those of sums,
    heads, merges and scores. Strategies that are told the task of a test picture, or that keep all data, stand below
    the others. report.html also has paired tests between strategies, accuracy matrices, classes, weights and recipes;
    it is one file and needs no network. Runs that are not there yet are made by `cltool compare`.
    """
    from cltool.report.runs import finished_runs, grouped
    from cltool.report.tables import caption, rows

    if out is not None:
        check_free_folder(out, resumable=False)
    finished = finished_runs(runs)
    if against and all(run.option(against) is None for run in finished):
        raise CallError(f"--against {against}: none of these runs has a number as an option of that name")
    groups = grouped(finished)
    table = rows(groups)
    if out is not None:
        from cltool.report.comparison import draw_against
        from cltool.report.written import write_report

        write_report(finished, out)
        if against:
            draw_against(against, grouped(finished, against), [out / f"{against}.png", out / f"{against}.svg"])
    if json_:
        sys.stdout.write(json.dumps({"rows": table}, ensure_ascii=False) + "\n")
    else:
        from cltool.cli.tables import print_rows

        print_rows(table, caption(groups))
        if out is not None:
            print(f"{out}/: {', '.join(sorted(path.name for path in out.iterdir()))}")
