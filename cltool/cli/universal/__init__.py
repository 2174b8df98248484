"""`cltool universal`: train whole networks to be frozen under heads, and look at what they learnt."""

from __future__ import annotations

import typer

from cltool.cli.universal import evaluate, train

app = typer.Typer(
    help="Universal backbones: train any classifier on a stream's pictures, and see what it learnt.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
app.command("train", epilog=train.EXAMPLES)(train.train)
app.command("evaluate", epilog=evaluate.EXAMPLES)(evaluate.evaluate)
