"""`cltool video show`: what a store holds of a film, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cltool.cli.arguments import Debug
from cltool.errors import CallError

EXAMPLES = "Example: cltool video show features talk -o talk.png"


def show(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="What `cltool video extract` has filled.")],
    film: Annotated[str | None, typer.Argument(help="A film of it, by its name there. Default: the first.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="The picture, .png, .jpg, .svg or .pdf. Default: FILM.png in the store, drawn anew.",
        ),
    ] = None,
    frames: Annotated[int, typer.Option(min=1, max=12, help="Frames shown, evenly over the film.")] = 5,
    force: Annotated[bool, typer.Option("--force", help="Draw over a picture that is there.")] = False,
    debug: Debug = False,
) -> None:
    """Draw what was found in a film: points on its frames, sound and features over time, labels, and what is masked.

    The film itself is read for the frames; where it is gone, the points are drawn on an empty ground.
    """
    from cltool.cli.console import Screen, results
    from cltool.report.figures import check_picture
    from cltool.report.films import draw_film
    from cltool.video.store import FeatureStore

    found = FeatureStore(store)
    if not found:
        raise CallError(f"{store} holds no film yet; go on with cltool video extract --resume {store}")
    name = film or next(iter(found))
    stored = found[name]
    path = out or store / f"{name}.png"
    check_picture(path, force=out is None or force)
    with Screen() as screen:
        draw_film(stored, path, frames, screen)
    results.print(f"{path}", highlight=False, soft_wrap=True, markup=False)
