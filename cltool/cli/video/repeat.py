"""`cltool video repeat`: the same training several times, by what it lowers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cltool.cli.arguments import METHOD, OUTPUT, Debug, names
from cltool.cli.video.grids import LOSSES, OneDevice, launch, with_training_options
from cltool.cli.video.train import TRAINING, Store

EXAMPLES = (
    "Example, the thesis' table 4.2: cltool video repeat features --network full --sequence 256 --preset orgil-rnn "
    "--split 90/10 --repeats 5 --out repeats. After an interruption: cltool video repeat --resume repeats"
)


@with_training_options
def repeat(
    store: Store = None,
    network: Annotated[
        str | None,
        typer.Option(metavar="NAME[:k=v,…]", help=f"The network: {names('network')}.", rich_help_panel=METHOD),
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
        int | None,
        typer.Option(metavar="FRAMES", help="Length of a window. Default: the preset's.", rich_help_panel=METHOD),
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option(min=2, help="Trainings of each loss, seeds from --seed on. Default: 5.", rich_help_panel=TRAINING),
    ] = None,
    device: OneDevice = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for all trainings and results; must be new or empty. Default: trainings/repeat-TIME.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Take up repeats that were interrupted: only what is missing is trained.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    json_: Annotated[
        bool,
        typer.Option("--json", help="Print repeat.json on standard output and nothing else.", rich_help_panel=OUTPUT),
    ] = False,
    debug: Debug = False,
    *,
    settings: dict[str, Any],
) -> None:
    """Repeat a training with several seeds for each loss: how much do its losses and concordance differ?

    Every repeat is an ordinary training in DIR/trainings, of which the best epoch counts. DIR holds repeat.json,
    table.md with squared differences from the mean (the thesis' table 4.2) of a training's own loss, and of MSE, CCC
    and Non-Inertial, which all have in common, repeats.png and training.png. A seed decides the split by lot, the
    network's first weights and the order.
    """
    varied = {
        "networks": None if network is None else [network],
        "losses": loss,
        "sequences": None if sequence is None else [sequence],
    }
    settings |= {"store": store, "device": device}
    launch("repeat", varied, settings, repeats, out=out, resume=resume, as_json=json_, debug=debug)
