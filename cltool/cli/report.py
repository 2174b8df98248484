"""`cltool report`: finished runs side by side."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cltool.errors import CallError

if TYPE_CHECKING:
    from cltool.report.runs import FinishedRun, Group


def attach(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("report", epilog="Example: cltool report runs/* --out comparison")(report)


def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN…", help="Run directories of finished runs.")],
    against: Annotated[
        str | None,
        typer.Option(
            metavar="OPTION",
            help="Draw accuracy and zero weights against an option of the runs' surgery or merge, e.g. margin.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for table.md and the pictures; must be new or empty. Default: only the table."),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    debug: Annotated[bool, typer.Option(help="Show the traceback of an error.")] = False,
) -> None:
    """Compare finished runs: a table of strategies over seeds, and their curves as a picture.

    The table has each strategy's mean final accuracy ± its deviation over seeds (ddof 1), the 95 % interval of the
    mean (Student's t), and the joint references; the curves' bands are such intervals. Seconds are those of sums,
    heads and merges. Runs that are not there yet are made by `cltool compare`.
    """
    from cltool.report.runs import FinishedRun, grouped
    from cltool.report.tables import caption, rows

    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CallError(f"--out {out} is not empty; take another")
    finished = [FinishedRun.load(path) for path in runs]
    if against and all(run.option(against) is None for run in finished):
        raise CallError(f"--against {against}: none of these runs has a number as an option of that name")
    groups = grouped(finished)
    table = rows(groups)
    if out is not None:
        _write(out, finished, table, against)
    if json_:
        sys.stdout.write(json.dumps({"rows": table}, ensure_ascii=False) + "\n")
    else:
        from cltool.cli.tables import print_rows

        print_rows(table, caption(groups))
        if out is not None:
            print(f"{out}/: {', '.join(sorted(path.name for path in out.iterdir()))}")


def _write(out: Path, finished: list[FinishedRun], table: list[dict[str, Any]], against: str | None) -> None:
    from cltool.files import save_text
    from cltool.report.comparison import draw_against, draw_comparison
    from cltool.report.runs import grouped
    from cltool.report.tables import caption, markdown

    groups: list[Group] = grouped(finished)
    draw_comparison(groups, [out / "curves.png", out / "curves.svg"])
    if against:
        draw_against(against, grouped(finished, against), [out / f"{against}.png", out / f"{against}.svg"])
    save_text(out / "table.md", markdown(table, caption(groups)))
