"""`cltool compare`: strategies × seeds, side by side."""

from __future__ import annotations

import json
import sys
import traceback
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cltool.cli.arguments import (
    DATA,
    OUTPUT,
    ClassesPerTask,
    DataRoot,
    Debug,
    Device,
    Holdout,
    Joint,
    Network,
    PluginFiles,
    Tasks,
    Universal,
    names,
    parse_backbone,
    parse_classes,
    parse_seeds,
)
from cltool.errors import CallError

if TYPE_CHECKING:
    from cltool.comparison import Cell, Outcome

EPILOG = """Examples:

cltool compare --stream digits --strategy alpha --strategy concat+surgery=prune:quantile=0.1@merged --seeds 3

cltool compare --stream folder --data-root my-pictures --tasks 5 --strategy alpha --strategy qda --out cmp

cltool compare --resume cmp"""


def attach(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("compare", epilog=EPILOG)(compare)


WHAT = "What to compare"


def compare(
    stream: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:k=v,…]",
            help=f"Stream of tasks: {names('stream')}. May be given again.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    strategy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MERGE[:k=v,…][+PART=…]",
            help=f"A merge ({names('merge')}), and joined by + whatever is not a run's default: lift=, head=, "
            "unknown=, surgery= (this one again, if wanted); or a strategy that learns by itself "
            f"({names('strategy')}); or a recipe.yaml, whose way to learn is taken. Give it once for each strategy.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            metavar="N | S,S,…",
            help="How many seeds (0 … N−1), or which. A seed shuffles the classes and draws the heads. Default: 5.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    data_root: DataRoot = None,
    tasks: Tasks = None,
    classes_per_task: ClassesPerTask = None,
    class_order: Annotated[
        str | None,
        typer.Option(
            metavar="given|random",
            help="Order in which classes come: shuffled by each seed, or the owner's. Default: random.",
            rich_help_panel=DATA,
        ),
    ] = None,
    holdout: Holdout = None,
    backbone: Network = None,
    universal: Universal = None,
    joint: Joint = None,
    device: Device = None,
    plugin: PluginFiles = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for all runs and results; must be new or empty. Default: runs/compare-STREAM-TIME.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Take up a comparison that was interrupted: only what is missing is run.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    json_: Annotated[
        bool,
        typer.Option(
            "--json", help="Print comparison.json on standard output and nothing else.", rich_help_panel=OUTPUT
        ),
    ] = False,
    debug: Debug = False,
) -> None:
    """Compare strategies over several class orders: means, 95 % intervals, curves.

    Every cell (stream, strategy, seed) is an ordinary run in DIR/cells. Features are read from the bank, and the
    joint reference is solved once for all strategies of a seed and lift, so that a cell costs about what its
    strategy costs. DIR holds comparison.json, table.md and curves; `--resume` runs what is missing. The table
    has means over seeds and the 95 % interval of the mean (Student's t); its seconds are the
    strategy's own: sums, heads, merges and scores.
    """
    given = {
        "streams": stream or None,
        "strategies": strategy or None,
        "seeds": parse_seeds(seeds) if seeds is not None else None,
        "data_root": str(data_root.absolute()) if data_root else None,
        "tasks": tasks,
        "classes_per_task": parse_classes(classes_per_task),
        "class_order": class_order,
        "holdout": holdout,
        "backbone": parse_backbone(backbone, universal),
        "joint": joint,
        "device": device,
        "plugins": [str(path.absolute()) for path in plugin] if plugin else None,
    }
    asked = {key: value for key, value in given.items() if value is not None}
    if resume is not None and (asked or out):
        first = {"streams": "stream", "strategies": "strategy", "plugins": "plugin"}
        key = next(iter(asked), "out")
        raise CallError(f"--resume takes all else from {resume}; leave out --{first.get(key, key).replace('_', '-')}")
    _compare(asked, out, resume, json_, debug)


def _compare(asked: dict[str, Any], out: Path | None, resume: Path | None, as_json: bool, debug: bool) -> None:
    if resume is None:
        for key, option in (("streams", "stream"), ("strategies", "strategy")):
            if key not in asked:
                kinds = names("stream") if option == "stream" else f"{names('merge')}, {names('strategy')}"
                raise CallError(f"--{option} is missing; there are: {kinds}")
    from cltool.cli.console import Screen, errors
    from cltool.cli.tables import rows_table
    from cltool.comparison import ComparisonRecipe, begin, open_comparison, prepare_comparison, run_comparison
    from cltool.files import check_free_folder
    from cltool.report.runs import grouped
    from cltool.report.tables import rows

    when = datetime.now().strftime("%Y%m%d-%H%M%S")
    if resume is not None:
        recipe, root = open_comparison(resume), resume
    else:
        recipe = ComparisonRecipe.spelled(**{"seeds": list(range(5)), **asked})
        root = out or Path("runs") / f"compare-{next(iter(recipe.streams.values())).name}-{when}"
        check_free_folder(root)

    def watch(outcome: Outcome) -> None:
        if outcome.runs:
            screen.show(rows_table(rows(grouped(outcome.runs)), errors.width))

    def warn(cell: Cell, error: Exception) -> None:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        screen.say(f"{cell.facts['path']} failed: {what}")
        if debug:
            errors.print("".join(traceback.format_exception(error)), markup=False, highlight=False)

    with Screen() as screen:
        comparison = prepare_comparison(recipe, screen, resumed=resume is not None)
        if resume is None:
            begin(comparison, root)
        outcome = run_comparison(comparison, root, progress=screen, watch=watch, warn=warn)
    _show(outcome, root, as_json)
    if outcome.failed:
        told = f"{len(outcome.failed)} of {len(comparison.cells())} cells failed"
        print(f"cltool: {told}; cltool compare --resume {root} tries them again", file=sys.stderr)
        raise typer.Exit(1)


def _show(outcome: Outcome, root: Path, as_json: bool) -> None:
    """Draw and print the result: one JSON object, or the table and where it all lies."""
    from cltool.cli.tables import print_rows
    from cltool.files import save_text
    from cltool.report.comparison import draw_comparison
    from cltool.report.runs import grouped
    from cltool.report.tables import caption, markdown, rows

    groups = grouped(outcome.runs)
    if groups:
        draw_comparison(groups, [root / "curves.png", root / "curves.svg"])
        save_text(root / "table.md", markdown(rows(groups), caption(groups)))
    if as_json:
        sys.stdout.write(json.dumps(outcome.content(root), ensure_ascii=False) + "\n")
    elif groups:
        print_rows(rows(groups), caption(groups))
        print(f"{root}/: comparison.json, table.md, curves.png, {len(outcome.runs)} runs in cells/")
