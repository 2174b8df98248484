"""`cltool data`: annotated films looked through or made, and what is kept on this machine."""

from __future__ import annotations

import typer

from cltool.cli.data import bank, check, make

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    epilog="Start with a data set that anyone can make: cltool data make va-puppet --out puppets, then cltool data "
    "check va-puppet --data-root puppets",
)


@app.callback()
def _group() -> None:
    """Look through annotated films, make some, and look after the feature bank.

    Research data such as Aff-Wild2 come from their owners on a signed licence and are never downloaded: unpack them
    as they are, and `check` says what is there and what is missing. Without any, `make` draws films with a face, a
    voice and labels, marked as synthetic. Next is cltool video extract, which turns films into numbers.
    """


app.command("make", epilog=make.EXAMPLES)(make.make)
app.command("check", epilog=check.EXAMPLES)(check.check)
app.command("bank")(bank.bank)
