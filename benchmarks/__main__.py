"""`python -m benchmarks`: a command per benchmark."""

from __future__ import annotations

import typer

from benchmarks import (
    affect,
    avalanche,
    comparison,
    extraction,
    losses,
    magnification,
    merges,
    prediction,
    puppet,
    surgery,
    universal,
)

app = typer.Typer(
    name="python -m benchmarks",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.command("affect")(affect.measure)
app.command("avalanche")(avalanche.compare)
app.command("comparison")(comparison.measure)
app.command("extraction")(extraction.measure)
app.command("losses")(losses.measure)
app.command("magnification")(magnification.measure)
app.command("merges")(merges.compare)
app.command("prediction")(prediction.measure)
app.command("puppet")(puppet.measure)
app.command("surgery")(surgery.sweep)
app.command("universal")(universal.measure)


@app.callback()
def main() -> None:
    """Benchmarks of cltool: speed beside the same work done another way, and sweeps for the tables in docs/."""


if __name__ == "__main__":
    app()
