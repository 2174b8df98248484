"""What `cltool video grid` and `cltool video repeat` share: a training's options, and grids at work on the screen."""

from __future__ import annotations

import inspect
import json
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cltool.cli.video.train import TRAINING, given, recipe_from, train
from cltool.errors import CallError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from cltool.affect.cells import Cell
    from cltool.affect.grid_runs import Outcome
    from cltool.affect.grids import GridRecipe, Kind

LOSSES = ("mse", "ccc", "non-inertial")  # the thesis' three
REPEATS = {"grid": 1, "repeat": 5}
VARIED = {"networks": "network", "losses": "loss", "sequences": "sequence"}  # keys, and the options that fill them

OneDevice = Annotated[
    str | None,
    typer.Option(metavar="auto|cpu|cuda", help="Where to train. Default: auto.", rich_help_panel=TRAINING),
]


def with_training_options(command: Callable[..., None]) -> Callable[..., None]:
    """A command that also takes every option of `cltool video train` that it has not itself, as `settings`."""
    own = dict(inspect.signature(command, eval_str=True).parameters)
    settings = own.pop("settings").name
    every = inspect.signature(train, eval_str=True).parameters
    added = {name: parameter for name, parameter in every.items() if name not in own}

    @wraps(command)
    def called(**arguments: Any) -> None:
        command(**{n: arguments[n] for n in own}, **{settings: {n: arguments[n] for n in added}})

    parameters = [*own.values(), *added.values()]
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called


def launch(
    kind: Kind,
    varied: Mapping[str, Sequence[Any] | None],
    settings: dict[str, Any],
    repeats: int | None,
    *,
    out: Path | None,
    resume: Path | None,
    as_json: bool,
    debug: bool,
) -> None:
    """Begin a grid or take one up, and show it.

    `varied`: networks, losses and sequences, None where they were not given; `settings`: a training's options.
    """
    asked = given(**{"plugins" if key == "plugin" else key: value for key, value in settings.items()})
    if resume is not None:
        told = {**{VARIED[key]: value for key, value in varied.items()}, "repeats": repeats, "out": out}
        if beside := [key for key, value in {**asked, **told}.items() if value is not None]:
            first = {"store": "STORE", "plugins": "--plugin"}.get(beside[0], f"--{beside[0].replace('_', '-')}")
            raise CallError(f"--resume takes all else from {resume}; leave out {first}")
        _run(kind, None, resume, True, as_json, debug)
    else:
        recipe = grid_recipe(kind, varied, asked, repeats or REPEATS[kind])
        when = datetime.now().strftime("%Y%m%d-%H%M%S")
        _run(kind, recipe, out or Path("trainings") / f"{kind}-{when}", False, as_json, debug)


def grid_recipe(
    kind: Kind, varied: Mapping[str, Sequence[Any] | None], asked: dict[str, Any], repeats: int
) -> GridRecipe:
    """The recipe of a grid: every network under its own settings, and so many seeds, from the one asked for on."""
    from cltool.affect.grids import GridRecipe

    first = asked.pop("seed", 0)
    lengths = varied["sequences"]
    networks: dict[str, dict[str, Any]] = {}
    for network in varied["networks"] or [None]:
        wanted = {**asked, **({"network": network} if network else {}), **({"sequence": lengths[0]} if lengths else {})}
        recipe = recipe_from(wanted)
        spelled = network or str(recipe.network.spec)
        if spelled in networks:
            raise CallError(f"--network {spelled} is given twice; leave one out")
        networks[spelled] = recipe.model_dump(mode="json", exclude={"schema_", "cltool", "network", "loss", "seed"})
    losses = list(varied["losses"] or LOSSES)
    seeds = list(range(first, first + repeats))
    content = {"kind": kind, "networks": networks, "losses": losses, "sequences": lengths or None, "seeds": seeds}
    return GridRecipe.of(content, "this call")


def _run(kind: Kind, recipe: GridRecipe | None, root: Path, resume: bool, as_json: bool, debug: bool) -> None:
    from cltool.affect.grid_runs import run_grid
    from cltool.affect.grids import begin, open_grid, prepare_grid
    from cltool.cli.console import Screen, errors
    from cltool.files import check_free_folder

    if not resume:
        check_free_folder(root)

    def warn(cell: Cell, error: Exception) -> None:
        screen.say(f"{cell.place} failed: {' '.join(f'{type(error).__name__}: {error}'.split())}")
        if debug:
            errors.print("".join(traceback.format_exception(error)), markup=False, highlight=False)

    with Screen() as screen:
        grid = prepare_grid(recipe or open_grid(root, kind), screen)
        if not resume:
            begin(grid, root)
        outcome = run_grid(grid, root, progress=screen, watch=lambda far: screen.show(_picture(far)), warn=warn)
    _show(outcome, root, as_json)
    if outcome.failed:
        told = f"{len(outcome.failed)} of {len(grid.recipe.cells())} trainings failed"
        print(f"cltool: {told}; cltool video {kind} --resume {root} tries them again", file=sys.stderr)
        raise typer.Exit(1)


def _picture(outcome: Outcome) -> RenderableType:
    """What is finished, and the epoch that was finished last."""
    from rich.console import Group
    from rich.text import Text

    from cltool.cli.console import errors
    from cltool.cli.tables import WIDE, texts_table
    from cltool.report.affect_tables import losses

    table = texts_table(losses(outcome.groups, narrow=errors.width < WIDE), names=2)
    parts: list[RenderableType] = [table] if outcome.done else []
    if outcome.epoch is not None:
        cell, facts = outcome.epoch
        held = facts["validation"]
        told = f"loss {held['loss']:.4f}, CCC {held['ccc_valence']:.3f} and {held['ccc_arousal']:.3f}"
        parts.append(Text(f"{cell}: epoch {facts['epoch']}, {told}", style="dim"))
    return Group(*parts)


def _show(outcome: Outcome, root: Path, as_json: bool) -> None:
    """Draw and print the result: one JSON object, or the tables and where it all lies."""
    from cltool.affect.stability import stabilities
    from cltool.cli.console import results
    from cltool.cli.tables import WIDE, texts_table
    from cltool.report.affect_grids import draw_outcome
    from cltool.report.affect_tables import in_common, losses

    drawn = draw_outcome(outcome, root)
    if as_json:
        sys.stdout.write(json.dumps(outcome.content(), ensure_ascii=False) + "\n")
    elif outcome.done:
        results.print(outcome.grid.about, style="bold", highlight=False, markup=False)
        results.print(texts_table(losses(outcome.groups, narrow=results.width < WIDE), names=2))
        if found := stabilities(outcome.groups):
            results.print(texts_table(in_common(found, narrow=results.width < WIDE), names=2))
        files = ", ".join([f"{outcome.grid.recipe.kind}.json", *(path.name for path in drawn)])
        told = f"{root}: {files}, {len(outcome.done)} trainings in trainings/"
        results.print(told, highlight=False, soft_wrap=True, markup=False)
