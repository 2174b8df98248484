"""What the puppet shows: its face over valence and arousal, as a picture and as MediaPipe's blendshapes read it.

The head is held still and only one value moves at a time, the other at 0. A film's own frames move the head, speak and
blink besides.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from cltool.video.modalities import Picture
    from cltool_plugins.puppet.stage import Stage

SHAPES = {"valence": ("mouthSmile",), "arousal": ("browInnerUp", "browOuterUp", "eyeWide", "jawOpen")}
GRID = (-1.0, -0.5, 0.0, 0.5, 1.0)


def measure(
    steps: Annotated[int, typer.Option(min=3, help="Values between -1 and 1 in the table.")] = 9,
    picture: Annotated[Path | None, typer.Option(help="Draw valence by arousal into this .png or .jpg.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Blendshapes of the puppet's face by valence and arousal.

    Takes seconds. The face landmarker wants its model: set CLTOOL_FACE_MODEL, or it is fetched.
    """
    from cltool.errors import CallError
    from cltool.progress import Silent
    from cltool_plugins.modalities.models import FACE, model_file
    from cltool_plugins.puppet.portrait import astronaut
    from cltool_plugins.puppet.stage import Stage

    try:
        model = model_file(FACE, None, Silent())
    except CallError as error:
        raise typer.BadParameter(str(error)) from None
    stage = Stage(astronaut().framed(360))
    if picture is not None:
        draw(stage, picture)
    values = [-1 + 2 * step / (steps - 1) for step in range(steps)]
    asked = [(moved, shape) for moved, own in SHAPES.items() for shape in own]
    rows = {f"{shape} by {moved}": seen(model, stage, values, moved, shape) for moved, shape in asked}
    if as_json:
        print(json.dumps({"schema": 1, "pictures": "synthetic: va-puppet", "values": values, "blendshapes": rows}))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("blendshape")
    for value in values:
        table.add_column(f"{value:+.2f}", justify="right")
    for name, found in rows.items():
        table.add_row(name, *(f"{score:.2f}" for score in found))
    Console().print(table)


def shown(stage: Stage, valence: float, arousal: float) -> Picture:
    """The puppet's face at rest, but for these two."""
    import numpy as np

    one, still = np.ones(1), np.zeros(1)
    expression = stage.expressions(valence * one, arousal * one, still, still)[0]
    bearing = np.zeros(8, np.float32)
    gains = np.ones((stage.size, stage.size, 3), np.float32)
    return stage.picture(bearing, expression, stage.pose(bearing, expression), gains, 0.0)


def seen(model: Path, stage: Stage, values: Sequence[float], moved: str, shape: str) -> list[float]:
    """A blendshape's score, of left and right the mean, while valence or arousal takes these values."""
    from cltool_plugins.modalities.mesh import face_landmarker

    landmarker = face_landmarker(model, blendshapes=True)
    found = []
    for number, value in enumerate(values):
        picture = shown(stage, *((value, 0.0) if moved == "valence" else (0.0, value)))
        for again in range(4):  # in video mode a face is smoothed over the frames before
            told = landmarker(picture, 0.04 * (4 * number + again))
        scores = [one.score for one in told.face_blendshapes[0] if one.category_name.startswith(shape)]
        found.append(sum(scores) / len(scores))
    landmarker.close()
    return found


def draw(stage: Stage, path: Path) -> None:
    """A face for each pair of valence and arousal."""
    from cltool.report.figures import new_figure, save_figure

    figure = new_figure(6.4, 6.56)
    margins: dict[str, Any] = {"left": 0.06, "right": 0.99, "bottom": 0.05, "top": 0.96, "wspace": 0.03, "hspace": 0.03}
    grid = figure.subplots(len(GRID), len(GRID), gridspec_kw=margins)
    figure.suptitle("va-puppet (synthetic)", fontsize=10, y=0.99)
    face = (
        slice(round(0.05 * stage.size), round(0.62 * stage.size)),
        slice(round(0.22 * stage.size), round(0.8 * stage.size)),
    )
    for axes_row, arousal in zip(grid, reversed(GRID), strict=True):
        for axes, valence in zip(axes_row, GRID, strict=True):
            axes.imshow(shown(stage, valence, arousal)[face])
            axes.set(xticks=[], yticks=[])
        axes_row[0].set_ylabel(f"arousal {arousal:+.1f}", fontsize=8)
    for axes, valence in zip(grid[-1], GRID, strict=True):
        axes.set_xlabel(f"valence {valence:+.1f}", fontsize=8)
    save_figure(figure, [path])
