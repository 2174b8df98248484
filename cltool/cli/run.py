"""`cltool run`: the main job."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cltool.catalogue import discover
from cltool.cli.arguments import (
    DATA,
    METHOD,
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
    parse_order,
)
from cltool.errors import CallError
from cltool.strategies import METHOD as METHOD_KEYS
from cltool.strategies import parse

if TYPE_CHECKING:
    from cltool.rundir import Metrics


def attach(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        "run",
        epilog="Example: cltool run --stream emnist --universal all --merge alpha. "
        "Several strategies over several class orders: cltool compare --help",
    )(run)


def run(
    context: typer.Context,
    recipe: Annotated[
        Path | None,
        typer.Argument(help="A recipe.yaml of an earlier run to repeat; options given beside it win."),
    ] = None,
    stream: Annotated[
        str | None,
        typer.Option(metavar="NAME[:k=v,…]", help=f"Stream of tasks: {names('stream')}.", rich_help_panel=DATA),
    ] = None,
    data_root: DataRoot = None,
    tasks: Tasks = None,
    classes_per_task: ClassesPerTask = None,
    class_order: Annotated[
        str | None,
        typer.Option(
            metavar="given|random|FILE",
            help="Order in which classes come: the owner's, shuffled by --seed, or a file with a name per line.",
            rich_help_panel=DATA,
        ),
    ] = None,
    holdout: Holdout = None,
    backbone: Network = None,
    universal: Universal = None,
    head: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:k=v,…]",
            help=f"How a task's head is fitted: {names('head')}. Default: softmax.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    unknown: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:k=v,…]",
            help=f"What the unknown row learns from: {names('unknown')}. Default: none.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    merge: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:k=v,…]",
            help=f"How heads are merged: {names('merge')}; e.g. alpha:alpha=0.7. Default: alpha.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:k=v,…] | MERGE+…",
            help=f"A whole strategy instead of --merge and what belongs to it: one that learns by itself "
            f"({names('strategy')}), or a merge with its parts, e.g. concat+lift=relu:dim=4000+surgery=prune@task.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    surgery: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:k=v,…][@task|@merged]",
            help=f"Operate on weights: {names('surgery')}; on each task's head before merging, or on the merged head "
            "that is scored. May be given again; they act in the given order. `none` takes a recipe's away.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    lift: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:k=v,…]",
            help=f"A fixed map of the features, under all heads: {names('lift')}; e.g. relu:dim=4000. Default: none, "
            "which takes a recipe's away.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Seed of class order and head fitting. Default: 0.", rich_help_panel=METHOD),
    ] = None,
    joint: Joint = None,
    device: Device = None,
    plugin: PluginFiles = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Run directory; must be new or empty. Default: runs/STREAM-MERGE-TIME.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="Take up a run that was interrupted, after its last finished task.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    json_: Annotated[
        bool,
        typer.Option("--json", help="Print metrics.json on standard output and nothing else.", rich_help_panel=OUTPUT),
    ] = False,
    debug: Debug = False,
) -> None:
    """Learn a stream of tasks with a frozen backbone and merged heads, and score every step.

    A stream of tasks flows through a frozen backbone into one small linear head per task; heads are merged
    by operating on their weights. A merge that asks for statistics alone has no heads fitted for it. The run
    directory holds recipe, journal, heads, metrics.json, curves and weight picture; `--resume` takes an
    interrupted run up again.
    """
    given = {
        "stream": stream,
        "data_root": str(data_root.absolute()) if data_root else None,
        "tasks": tasks,
        "classes_per_task": parse_classes(classes_per_task),
        "class_order": parse_order(class_order),
        "holdout": holdout,
        "backbone": parse_backbone(backbone, universal),
        "head": head,
        "unknown": unknown,
        "merge": merge,
        "strategy": strategy,
        "surgery": [] if surgery == ["none"] else surgery or None,
        "lift": lift,
        "seed": seed,
        "joint": joint,
        "device": device,
        "plugins": [str(path.absolute()) for path in plugin] if plugin else None,
    }
    asked = {key: value for key, value in given.items() if value is not None}
    if resume is not None:
        if asked or recipe or out:
            first = next(iter(asked), "recipe" if recipe else "out")
            raise CallError(f"--resume takes its recipe from {resume}; leave out {first.replace('_', '-')}")
        _show(*_resume(resume), json_)
    else:
        _show(*_start(asked, recipe, out), json_)


def _start(asked: dict[str, Any], recipe: Path | None, out: Path | None) -> tuple[Metrics, Path]:
    from cltool.cli.console import Screen
    from cltool.recipe import Recipe
    from cltool.run import prepare
    from cltool.run import run as run_recipe
    from cltool.rundir import RunDirectory

    base = Recipe.load(recipe).model_dump(by_alias=True) if recipe else {}
    if not recipe and "stream" not in asked:
        raise CallError(f"--stream is missing; there are: {names('stream')}")
    asked["plugins"] = [*base.get("plugins", ()), *asked.get("plugins", ())]
    if asked.get("lift") == "none":
        asked["lift"] = None
    wanted = Recipe.of(_combined(base, asked), "this call")
    when = datetime.now().strftime("%Y%m%d-%H%M%S")
    method = (wanted.strategy or wanted.merge).name
    directory = RunDirectory(out or Path("runs") / f"{wanted.stream.name}-{method}-{when}")
    directory.check_free()
    with Screen() as screen:
        setup = prepare(wanted, screen)
        return run_recipe(setup, directory, progress=screen, watch=screen.step), directory.path


def _combined(base: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """A recipe's keys and those asked for, which win; another way to learn takes the place of the recipe's."""
    merging = [key for key in METHOD_KEYS if asked.get(key) and key != "strategy"]
    if "strategy" not in asked:
        return {**base, **asked, **({"strategy": None} if merging else {})}
    if merging:
        raise CallError(f"--strategy says how to learn as a whole; leave out --{merging[0]}")
    chosen = parse(asked["strategy"], discover([Path(file) for file in asked["plugins"]]))
    files = [*asked["plugins"], *chosen.pop("plugins", ())]
    kept = {key: value for key, value in {**base, **asked}.items() if key not in METHOD_KEYS}
    return {**kept, **chosen, "plugins": files}


def _resume(path: Path) -> tuple[Metrics, Path]:
    from cltool.cli.console import Screen
    from cltool.run import prepare
    from cltool.run import run as run_recipe
    from cltool.rundir import RunDirectory

    directory, recipe = RunDirectory.open(path)
    with Screen() as screen:
        setup = prepare(recipe, screen)
        return run_recipe(setup, directory, resume=True, progress=screen, watch=screen.step), path


def _show(metrics: Metrics, path: Path, as_json: bool) -> None:
    """The result on standard output: one JSON object, or the table, the curve and where it all lies."""
    if as_json:
        sys.stdout.write(json.dumps(metrics.model_dump(mode="json", by_alias=True), ensure_ascii=False) + "\n")
        return
    from cltool.cli.summary import print_summary

    print_summary(metrics, path)
