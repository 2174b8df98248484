"""`cltool data make`: a data set that anyone can make, marked as synthetic."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from cltool.catalogue import discover
from cltool.cli.arguments import names

EXAMPLES = "Example: cltool data make va-puppet --videos 12 --seconds 6 --out puppets"


def make(
    maker: Annotated[
        str, typer.Argument(metavar="NAME[:k=v,…]", help=f"What to make: {names('maker')}.", show_default=False)
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where; must be new or empty. Default: ./NAME.")
    ] = None,
    videos: Annotated[int, typer.Option(min=1, help="How many films.")] = 12,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long each is.")] = 6.0,
    seed: Annotated[int, typer.Option(help="Another seed makes other films.")] = 0,
    plugin: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A Python file with plugins, for this call.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
    debug: Annotated[bool, typer.Option(help="Show the traceback of an error.")] = False,
) -> None:
    """Make annotated films without any data at hand, to try everything on. They are marked as synthetic.

    The same seed makes the same films. What is made is whole, or not there: a call that is broken off leaves FOLDER as
    it was.
    """
    from cltool.cli.console import Screen
    from cltool.plugin import Spec
    from cltool.video.making import make as made_by

    catalogue = discover(plugin or [])
    configured = catalogue.configure("maker", Spec.parse(maker))
    out = out or Path(configured.plugin.name)
    try:
        with Screen() as screen:
            made = made_by(configured, out, videos, seconds, seed, screen)
    except KeyboardInterrupt:
        print(f"cltool: interrupted; {out} is as it was", file=sys.stderr)
        sys.exit(130)  # not typer.Exit, of which `main` would make a line of its own
    reader = configured.plugin.name if ("corpus", configured.plugin.name) in catalogue.entries else "CORPUS"
    steps = [
        f"cltool data check {reader} --data-root {out}",
        f"cltool video extract --corpus {reader} --data-root {out} --out STORE",
    ]
    if json_:
        facts = {"maker": str(configured), "out": str(out), "videos": videos, "seconds": seconds, "seed": seed}
        sys.stdout.write(json.dumps({**facts, "files": made.files, "bytes": made.size, "next": steps}) + "\n")
        return
    print(f"{out}: {videos} synthetic films of {seconds:g} s, {made.files:,} files, {made.size / 1e6:.1f} MB")
    for step in steps:
        print(f"next: {step}")
