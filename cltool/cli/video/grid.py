"""`cltool video grid`: networks × losses × sequences × seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cltool.cli.arguments import METHOD, OUTPUT, Debug, names
from cltool.cli.video.grids import LOSSES, OneDevice, launch, with_training_options
from cltool.cli.video.train import TRAINING, Store

EXAMPLES = (
    "Example, the thesis' tables 1 and 3: cltool video grid features --network full --network audio --sequence 128 "
    "--sequence 256 --preset orgil-rnn --split 90/10 --out grid. After an interruption: cltool video grid --resume grid"
)


@with_training_options
def grid(
    store: Store = None,
    network: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:k=v,…]",
            help=f"A network: {names('network')}. Give it once for each.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    loss: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:k=v,…][+W*NAME…]",
            help=f"What is lowered, once for each: {names('loss')}, or a weighted sum. Default: {', '.join(LOSSES)}.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    sequence: Annotated[
        list[int] | None,
        typer.Option(
            metavar="FRAMES",
            help="Length of a window, once for each. Default: that of the preset.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option(min=1, help="Trainings of each kind, seeds from --seed on. Default: 1.", rich_help_panel=TRAINING),
    ] = None,
    device: OneDevice = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for all trainings and results; must be new or empty. Default: trainings/grid-TIME.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Take up a grid that was interrupted: only what is missing is trained.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    json_: Annotated[
        bool,
        typer.Option("--json", help="Print grid.json on standard output and nothing else.", rich_help_panel=OUTPUT),
    ] = False,
    debug: Debug = False,
    *,
    settings: dict[str, Any],
) -> None:
    """Train networks × losses × sequences × repeats, and set them side by side.

    Every cell is an ordinary training in DIR/trainings, of which the best epoch counts, as in the training's own
    journal. DIR holds grid.json, table.md (losses and concordance, epochs and time, as the thesis' tables 1 to 3 and
    4.3) and pictures: parameters.png, sequences.png, repeats.png where there are several, and training.png. A seed
    decides the split by lot, the network's first weights and the order.
    """
    varied = {"networks": network, "losses": loss, "sequences": sequence}
    settings |= {"store": store, "device": device}
    launch("grid", varied, settings, repeats, out=out, resume=resume, as_json=json_, debug=debug)
