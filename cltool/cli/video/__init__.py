"""`cltool video`: films to features, valence and arousal of these, and what moves in films made visible."""

from __future__ import annotations

import typer

from cltool.cli.video import evaluate, extract, grid, magnify, predict, repeat, show, train

app = typer.Typer(
    help="Films: features of face, body, voice and pulse for every frame, valence and arousal learnt from them, and "
    "magnified motion and colour.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
app.command("extract", epilog=extract.EXAMPLES)(extract.extract)
app.command("show", epilog=show.EXAMPLES)(show.show)
app.command("predict", epilog=predict.EXAMPLES)(predict.predict)
app.command("magnify", epilog=magnify.EXAMPLES)(magnify.magnify)
app.command("train", epilog=train.EXAMPLES)(train.train)
app.command("evaluate", epilog=evaluate.EXAMPLES)(evaluate.evaluate)
app.command("grid", epilog=grid.EXAMPLES)(grid.grid)
app.command("repeat", epilog=repeat.EXAMPLES)(repeat.repeat)
