"""`cltool video`: films to features, and what moves in them made visible."""

from __future__ import annotations

import typer

from cltool.cli.video import extract, magnify, show

app = typer.Typer(
    help="Films: features of face, body, voice and pulse for every frame, and magnified motion and colour.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
app.command("extract", epilog=extract.EXAMPLES)(extract.extract)
app.command("show", epilog=show.EXAMPLES)(show.show)
app.command("magnify", epilog=magnify.EXAMPLES)(magnify.magnify)
