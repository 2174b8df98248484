"""`cltool video evaluate`: what trained networks are worth on films."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cltool.cli.arguments import DATA, METHOD, OUTPUT, Debug
from cltool.errors import CallError

if TYPE_CHECKING:
    from cltool.affect.evaluation import Evaluation

EXAMPLES = (
    "Example: cltool video evaluate trainings/full. Several side by side: cltool video evaluate trainings/* --out "
    "table. On other films than its own: cltool video evaluate trainings/full --store features-test"
)


def evaluate(
    models: Annotated[
        list[Path],
        typer.Argument(
            metavar="MODEL…", help="What `cltool video train` has left, or its best.safetensors; one or several."
        ),
    ],
    store: Annotated[
        Path | None,
        typer.Option(
            metavar="STORE", help="Features of other films. Default: those it was trained on.", rich_help_panel=DATA
        ),
    ] = None,
    films: Annotated[
        str | None,
        typer.Option(
            metavar="validation|train|all|NAME,…",
            help="Which of its films. Default: the training's validation films; all labelled ones with --store.",
            rich_help_panel=DATA,
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(metavar="auto|cpu|cuda", help="Where the network runs. Default: auto.", rich_help_panel=METHOD),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for tables and pictures; must be new or empty. Default: MODEL/evaluation, or ./evaluation for "
            "several or for a file; made anew for the same trainings.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    json_: Annotated[
        bool,
        typer.Option(
            "--json", help="Print evaluation.json on standard output and nothing else.", rich_help_panel=OUTPUT
        ),
    ] = False,
    debug: Debug = False,
) -> None:
    """Try trained networks on films: concordance of valence and arousal, and losses.

    The field's own protocol: all valid frames of all films in one row, one coefficient (CCC) per dimension, population
    variances. The same for every film by itself. The folder holds evaluation.json, table.md and for each network a
    picture of what it predicts against the annotation, for its best, middle and worst film.
    """
    from cltool.affect import evaluation
    from cltool.cli.console import Screen
    from cltool.report.affect_evaluations import facts, write
    from cltool.setups import device_of
    from cltool.training.evaluations import evaluation_folder

    if device not in (None, "auto", "cpu", "cuda"):
        raise CallError(f"--device {device}: give auto, cpu or cuda")
    folder = evaluation_folder(models, out)
    with Screen() as screen:
        candidates = evaluation.prepare(models, store, films, device_of(device or "auto"))
        found = [evaluation.evaluate(candidate, screen) for candidate in candidates]
        write(found, folder)
    if json_:
        sys.stdout.write(json.dumps(facts(found), ensure_ascii=False) + "\n")
    else:
        _show(found, folder)


def _show(found: Sequence[Evaluation], folder: Path) -> None:
    """The tables, and what was written."""
    from cltool.cli.console import results
    from cltool.cli.tables import WIDE, texts_table
    from cltool.report.affect_evaluations import film_by_film, heading, side_by_side

    if len(found) > 1:
        results.print(texts_table(side_by_side(found, narrow=results.width < WIDE), names=3))
    for one in found:
        results.print(f"\n{heading(one)}", style="bold", highlight=False, markup=False)
        results.print(texts_table(film_by_film(one), names=2))
    files = ", ".join(sorted(path.name for path in folder.iterdir()))
    results.print(f"\n{folder}: {files}", highlight=False, soft_wrap=True, markup=False)
