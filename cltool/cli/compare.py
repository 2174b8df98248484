"""`cltool compare`: strategies × seeds, side by side."""

from __future__ import annotations

import json
import os
import sys
from contextlib import closing
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
    paragraphs,
    parse_backbone,
    parse_classes,
    parse_seeds,
)
from cltool.errors import CallError

if TYPE_CHECKING:
    from cltool.cli.console import Screen
    from cltool.comparison.cells import Cell
    from cltool.comparison.engines import Engine, Where
    from cltool.comparison.outcome import Outcome
    from cltool.comparison.setups import Comparison
    from cltool.comparison.work import Failure

EPILOG = """Examples:

cltool compare --stream digits --strategy alpha --strategy concat+surgery=prune:quantile=0.1@merged --seeds 3

cltool compare --stream folder --data-root my-pictures --tasks 5 --strategy alpha --strategy qda --out cmp

cltool compare --resume cmp

cltool compare --resume cmp --engine ray --address 10.0.0.1:6379"""


def attach(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("compare", epilog=EPILOG, help=paragraphs(compare.__doc__))(compare)


WHAT, WHERE = "What to compare", "Where it runs"


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
    train: Annotated[
        str | None,
        typer.Option(
            metavar="head|all",
            help="What those strategies train that can do both: a head on the frozen features, or the whole network "
            "as their papers do. Short for train=… of each of them. Default: head.",
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
    jobs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="How many cells run at a time, each in a process of its own with its share of the cores; 1: in this "
            "one. Default: as many as there are cores.",
            rich_help_panel=WHERE,
        ),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(
            metavar="local|ray",
            help="Processes of this machine, or a Ray cluster. Default: local.",
            rich_help_panel=WHERE,
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Where the cluster's head node is. Default: a cluster of this machine, for this call.",
            rich_help_panel=WHERE,
        ),
    ] = None,
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
    """Compare strategies over several class orders: means, 95 % intervals, paired tests, curves, and one page of it.

    Every cell (stream, strategy, seed) is an ordinary run in DIR/cells. Features are read from the bank, and the
    joint reference is solved once for all strategies of a seed and lift, so that a cell costs about what its
    strategy costs. The table has means over seeds and the 95 % interval of the mean (Student's t); its seconds are
    the strategy's own: sums, heads, merges and scores.

    DIR holds report.html, tables, curves and comparison.json, which grows with every cell. After Ctrl-C they tell of
    what is finished, and `--resume` runs what is missing; it may be told another --jobs, --engine and --address.
    """
    given = {
        "streams": stream or None,
        "strategies": strategy or None,
        "seeds": parse_seeds(seeds) if seeds is not None else None,
        "train": train,
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
    if resume is None:
        for key, option in (("streams", "stream"), ("strategies", "strategy")):
            if key not in asked:
                kinds = names("stream") if option == "stream" else f"{names('merge')}, {names('strategy')}"
                raise CallError(f"--{option} is missing; there are: {kinds}")
    # torch reads it when it is loaded: threads that stay awake between two small steps cost a comparison on busy cores
    # four times its time, and sleeping ones next to nothing
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from cltool.comparison.engines import Where

    _compare(asked, out, resume, Where.of(jobs, engine, address), json_, debug)


def _compare(
    asked: dict[str, Any], out: Path | None, resume: Path | None, where: Where, as_json: bool, debug: bool
) -> None:
    from cltool.cli.console import Screen
    from cltool.comparison.recipes import ComparisonRecipe
    from cltool.comparison.setups import begin, open_comparison, prepare_comparison
    from cltool.files import check_free_folder

    when = datetime.now().strftime("%Y%m%d-%H%M%S")
    if resume is not None:
        recipe, root = open_comparison(resume), resume
    else:
        recipe = ComparisonRecipe.spelled(**{"seeds": list(range(5)), **asked})
        root = out or Path("runs") / f"compare-{next(iter(recipe.streams.values())).name}-{when}"
        check_free_folder(root)
    with Screen() as screen:
        comparison = prepare_comparison(recipe, screen, resumed=resume is not None)
        with closing(where.engine(comparison, root, screen)) as engine:
            if resume is None:
                begin(comparison, root)
            outcome, interrupted = _run(comparison, root, engine, screen, debug)
    _show(outcome, root, as_json)
    if interrupted:
        print(f"cltool: interrupted; {outcome.told}; cltool compare --resume {root} goes on", file=sys.stderr)
        sys.exit(130)  # not typer.Exit, of which `main` would make a line of its own
    if outcome.failed:
        told = f"{len(outcome.failed)} of {len(comparison.cells())} cells failed"
        print(f"cltool: {told}; cltool compare --resume {root} tries them again", file=sys.stderr)
        raise typer.Exit(1)


def _run(comparison: Comparison, root: Path, engine: Engine, screen: Screen, debug: bool) -> tuple[Outcome, bool]:
    """How far it came, and whether it was interrupted: all of it is on disk by then."""
    from cltool.cli.console import errors
    from cltool.cli.tables import rows_table
    from cltool.comparison.outcome import Outcome
    from cltool.comparison.running import run_comparison
    from cltool.files import alone
    from cltool.report.runs import grouped
    from cltool.report.tables import rows

    outcome = Outcome.found(comparison, root)

    def watch(now: Outcome) -> None:
        nonlocal outcome
        outcome = now
        if now.runs:
            screen.show(rows_table(rows(grouped(now.runs)), errors.width))

    def warn(cell: Cell, failure: Failure) -> None:
        screen.say(f"{cell.facts['path']} failed: {failure.message}")
        if debug:
            errors.print(failure.trace, markup=False, highlight=False)

    try:
        with alone(root / "comparison.yaml", f"another cltool compare is at work in {root}"):
            run_comparison(comparison, root, engine=engine, progress=screen, watch=watch, warn=warn)
    except KeyboardInterrupt:
        return outcome, True
    return outcome, False


def _show(outcome: Outcome, root: Path, as_json: bool) -> None:
    """Write the report and print the result: one JSON object, or the table and where it all lies."""
    from cltool.cli.tables import print_rows
    from cltool.report.runs import grouped
    from cltool.report.tables import caption, rows
    from cltool.report.written import write_report

    written = [path.name for path in write_report(outcome.runs, root)] if outcome.runs else []
    if as_json:
        sys.stdout.write(json.dumps(outcome.content(root), ensure_ascii=False) + "\n")
    elif written:
        groups = grouped(outcome.runs)
        print_rows(rows(groups), caption(groups))
        files = ", ".join(["comparison.json", *written])
        print(f"{root}/: {files}, {len(outcome.runs)} runs in cells/")
