"""`cltool video magnify`: a film in which small changes of colour, or small motions, are large."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cltool.cli.arguments import METHOD, OUTPUT, Debug, Json
from cltool.errors import CallError, nearest

if TYPE_CHECKING:
    from cltool.video.magnification import Done, Settings

EXAMPLES = (
    "Examples. The pulse in a face: cltool video magnify face.mp4 -o pulse.mp4. Its small motions, beside the film as "
    "it was: cltool video magnify face.mp4 -o moves.mp4 --method motion --side-by-side. A guitar's low E string at 600 "
    "frames per second: cltool video magnify guitar.mp4 -o e.mp4 --method motion --low 72 --high 92 --alpha 50 "
    "--cutoff 40 --chroma 0. Where noise becomes grain, take a smaller --alpha, a larger --cutoff, or for colour more "
    "--levels."
)


def magnify(
    source: Annotated[
        Path, typer.Argument(metavar="FILM", help="A film, or a folder of numbered pictures (00001.jpg is the first).")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The .mp4 to write; sound is kept.", rich_help_panel=OUTPUT)],
    method: Annotated[
        str,
        typer.Option(
            metavar="colour|motion",
            help="Colour: slow changes of large areas, such as the blood's in a face. Motion: whatever moves a little.",
            rich_help_panel=METHOD,
        ),
    ] = "colour",
    filter_: Annotated[
        str | None,
        typer.Option(
            "--filter",
            metavar="ideal|butterworth",
            help="How the band is taken out. Ideal: exactly, ten seconds of film at a time. Butterworth: as frames "
            "come, with softer edges and some lag; little memory, also for very large pictures. Default: ideal.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option(
            help="What is found in the band is added so many times: a change becomes 1 + alpha times as large. "
            "Default: 5.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    low: Annotated[
        float | None,
        typer.Option(help="Low end of the band in Hz; a pulse of 60 is 1 Hz. Default: 0.8.", rich_help_panel=METHOD),
    ] = None,
    high: Annotated[
        float | None,
        typer.Option(
            help="High end in Hz, below half the frames per second. Default: 3 for colour, 5 for motion.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    cutoff: Annotated[
        float | None,
        typer.Option(
            help="Motion: details shorter than this wavelength, in pixels, are magnified less, since they would tear. "
            "Default: 16, true for motions up to a third of a pixel at alpha 5.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    chroma: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Share of alpha that acts on colours beside brightness; 0: brightness alone. Default: 1 for colour, "
            "0.1 for motion.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    levels: Annotated[
        int | None,
        typer.Option(
            help="How often the picture is halved. Colour: more of them average over larger areas; default 4. Motion: "
            "fewer of them leave large, soft things as they are; default all.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    reference_compat: Annotated[
        bool,
        typer.Option(
            "--reference-compat",
            help="Ideal filter as the authors' MATLAB program has it, which adds half as much: 3.5 times at alpha 5.",
            rich_help_panel=METHOD,
        ),
    ] = False,
    rate: Annotated[
        float | None,
        typer.Option(help="Frames per second of numbered pictures. Default: 30.", rich_help_panel=METHOD),
    ] = None,
    side_by_side: Annotated[
        bool,
        typer.Option(
            "--side-by-side", help="The film as it was on the left, magnified on the right.", rich_help_panel=OUTPUT
        ),
    ] = False,
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw ten frames within two seconds too, into a .png, .jpg, .svg or .pdf: as filmed, the difference, "
            "magnified.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over what is there.", rich_help_panel=OUTPUT)] = False,
    json_: Json = False,
    debug: Debug = False,
) -> None:
    """Magnify small changes of colour or small motions in a film (Eulerian video magnification, Wu et al. 2012).

    Every place of the picture is followed over time. What changes there between --low and --high times a second is
    added to the film --alpha times; everything else stays as it is. The film should be steady: what moves a lot tears
    or leaves shadows. Defaults are the thesis' for faces.

    The film may be of any length; memory does not grow with it. With the ideal filter, large pictures take some
    gigabytes of disk beside OUT while it runs.
    """
    from cltool.cli.console import Screen
    from cltool.report.figures import check_picture
    from cltool.video.magnification import magnify_film

    asked = {
        "filter": filter_,
        "low": low,
        "high": high,
        "alpha": alpha,
        "cutoff": cutoff,
        "chroma": chroma,
        "levels": levels,
    }
    settings = _settings(method, reference_compat, {key: value for key, value in asked.items() if value is not None})
    if picture is not None:
        check_picture(picture, force)
    with Screen() as screen:
        done = magnify_film(
            source,
            out,
            settings,
            rate=rate,
            side_by_side=side_by_side,
            show=picture is not None,
            force=force,
            progress=screen,
        )
        if picture is not None and done.shown:
            from cltool.report.magnification import draw_magnification

            draw_magnification(done.shown, picture, f"{source.name}: {_told(settings)}{_marked(done)}")
    _show(source, done, settings, side_by_side, picture, json_)


def _settings(method: str, reference_compat: bool, asked: dict[str, Any]) -> Settings:
    """A method's defaults, and what was asked for instead."""
    from dataclasses import replace

    from cltool.video.magnification import DEFAULTS

    found = DEFAULTS.get(method)  # type: ignore[call-overload]
    if found is None:
        raise CallError(f"--method {method}: {nearest(method, DEFAULTS)}")
    return replace(found, reference_compat=reference_compat, **asked)


def _told(settings: Settings) -> str:
    compat = " as in the authors' program" if settings.reference_compat else ""
    band = f"{settings.low:g} to {settings.high:g} Hz"
    return f"{settings.method}, {settings.filter}{compat} {band}, alpha {settings.alpha:g}"


def _marked(done: Done) -> str:
    return ", synthetic" if done.synthetic else ""


def _show(
    source: Path, done: Done, settings: Settings, side_by_side: bool, picture: Path | None, as_json: bool
) -> None:
    """What was done, on standard output: a line, or one JSON object."""
    from dataclasses import asdict

    if as_json:
        levels = settings.depth(done.width, done.height)
        found = {
            "schema": 1,
            "film": str(source),
            "out": str(done.out),
            "frames": done.frames,
            "rate": done.rate,
            "seconds": done.seconds,
            "settings": {**asdict(settings), "levels": levels},
            "side_by_side": side_by_side,
            "synthetic": done.synthetic,
            "picture": str(picture) if picture else None,
        }
        sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
        return
    from cltool.cli.console import results

    film = f"{done.frames} frames, {done.seconds:.1f} s at {done.rate:g} per second"
    drawn = f", drawn in {picture}" if picture else ""
    results.print(
        f"{done.out}: {film}; {_told(settings)}{_marked(done)}{drawn}", highlight=False, soft_wrap=True, markup=False
    )
