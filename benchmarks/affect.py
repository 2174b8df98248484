"""Valence–arousal training: does the loop keep pace with the bare network, and does it ever wait for features?

Every other epoch's steps are made again on one batch that stays on the device: scaling, network, loss, backward and
optimiser alone, without windows, masks, watched losses and journal. Told is the ratio of the two paces.
"""

from __future__ import annotations

import json
import platform
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from cltool.affect.setups import AffectSetup

WAIT = 0.01  # of the time, at most, that training may wait for features on a GPU


def measure(
    store: Annotated[Path, typer.Argument(help="A feature store with labels.")],
    network: Annotated[list[str] | None, typer.Option(help="As in cltool video train. Default: full, mesh.")] = None,
    loss: Annotated[str, typer.Option(help="As in cltool video train.")] = "non-inertial",
    sequence: Annotated[int, typer.Option(help="As in cltool video train.")] = 128,
    batch: Annotated[int, typer.Option(help="As in cltool video train.")] = 16,
    precision: Annotated[str, typer.Option(help="As in cltool video train.")] = "float32",
    device: Annotated[str, typer.Option(help="As in cltool video train.")] = "auto",
    epochs: Annotated[int, typer.Option(min=2, help="Turns; the first is not counted.")] = 6,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Steps a second of training beside those of the bare network, and the share of time spent waiting for features."""
    import torch

    from cltool.affect.recipes import AffectRecipe
    from cltool.affect.setups import prepare
    from cltool.errors import CallError

    asked = {"store": str(store), "loss": loss, "sequence": sequence, "batch": batch, "precision": precision}
    asked |= {"device": device, "epochs": epochs, "order": "windows"}
    try:
        setups = {name: prepare(AffectRecipe.of({**asked, "network": name})) for name in network or ["full", "mesh"]}
    except CallError as error:
        raise typer.BadParameter(str(error)) from None
    found = {name: paces(setup) for name, setup in setups.items()}
    on_gpu = any(setup.device == "cuda" for setup in setups.values())
    where = torch.cuda.get_device_name() if on_gpu else f"{platform.machine()} CPU"
    about = {"device": where, "torch": torch.__version__, "threads": torch.get_num_threads(), **asked}
    result: dict[str, Any] = {"schema": 1, "about": about, "networks": found}
    if as_json:
        print(json.dumps(result))
    else:
        _show(result)


def paces(setup: AffectSetup) -> dict[str, float]:
    """Steps a second of the loop and of the bare network, taken in turns, and their medians' ratio."""
    from cltool.affect.training import train
    from cltool.affect.windows import epoch_batches

    steps = len(epoch_batches([len(film) for film in setup.train], setup.recipe, 1))
    step, loops, bares, waits = bare_step(setup), list[float](), list[float](), list[float]()

    def after_epoch(facts: Mapping[str, Any]) -> None:
        loops.append(steps / facts["learning_s"])
        waits.append(facts["data_wait"])
        started = time.perf_counter()
        for _ in range(steps):
            step()
        _finished(setup.device)
        bares.append(steps / (time.perf_counter() - started))

    with tempfile.TemporaryDirectory(prefix="cltool-benchmark-") as folder:
        train(setup, Path(folder, "training"), watch=after_epoch)
    loop, bare = median(loops[1:]), median(bares[1:])
    found = {"loop_steps_per_s": loop, "bare_steps_per_s": bare, "ratio": loop / bare}
    return {**found, "data_wait": median(waits[1:]), "aim_data_wait": WAIT}


def bare_step(setup: AffectSetup) -> Callable[[], None]:
    """One step on a full batch that stays on the device."""
    import torch

    from cltool.affect.batches import read_batch
    from cltool.affect.scaling import ScaledNetwork, scaling_of
    from cltool.affect.windows import epoch_batches
    from cltool.progress import Silent
    from cltool.training.optimisation import optimizer_of

    recipe, device = setup.recipe, torch.device(setup.device)
    scaling = scaling_of(setup.train, recipe.scale, Silent())
    network = ScaledNetwork(setup.network(widths=dict(setup.reads)), scaling).to(device).train()
    optimizer, precision = optimizer_of(recipe, network.parameters()), getattr(torch, recipe.precision)
    first = epoch_batches([len(film) for film in setup.train], recipe, 1)[0]
    batch = read_batch(setup.train, first, recipe.sequence).on(device)

    def step() -> None:
        with torch.autocast(device.type, precision, enabled=precision is not torch.float32):
            output, _ = network(batch.rows, batch.valid)
        setup.objective(output.float(), batch.labels, batch.counted).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def _finished(device: str) -> None:
    import torch

    if device == "cuda":
        torch.cuda.synchronize()


def _show(result: Mapping[str, Mapping[str, Any]]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("network", "steps/s", "bare", "ratio", "waited"):
        table.add_column(heading, justify="left" if heading == "network" else "right")
    for name, row in result["networks"].items():
        steps = (f"{row[key]:.2f}" for key in ("loop_steps_per_s", "bare_steps_per_s", "ratio"))
        table.add_row(name, *steps, f"{row['data_wait']:.2%}")
    console = Console()
    told = "; ".join(f"{key} {value}" for key, value in result["about"].items())
    console.print(told, highlight=False, soft_wrap=True, markup=False)
    console.print(table)
