"""`cltool video predict`: valence and arousal of every frame of a film."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cltool.cli.arguments import DATA, METHOD, OUTPUT, Debug, Device, Json, PluginFiles

if TYPE_CHECKING:
    from cltool.affect.predicting import FilmPrediction, PredictionSetup

EXAMPLES = (
    "Examples: cltool video predict talk.mp4 --model trainings/mesh. Beside an annotation: cltool video predict "
    "talk.mp4 --model trainings/mesh --labels talk.txt --smooth 0.5 --out talk-mesh. Numbers and curves alone: "
    "cltool video predict talk.mp4 --model trainings/mesh --no-overlay"
)


def predict(
    film: Annotated[
        Path, typer.Argument(metavar="FILM", help="A film, or a folder of numbered pictures (00001.jpg …).")
    ],
    model: Annotated[
        Path,
        typer.Option(
            metavar="TRAINING",
            help="What `cltool video train` has left: its folder, or the best.safetensors in it.",
            rich_help_panel=METHOD,
        ),
    ],
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The film's annotation, drawn and scored beside the prediction: a text file with `valence,arousal` in "
            "its first line and a line per frame, as Aff-Wild2's; −5 or nothing marks a missing label.",
            rich_help_panel=DATA,
        ),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(metavar="FPS", help="Frames per second of numbered pictures. Default: 30.", rich_help_panel=DATA),
    ] = None,
    modality: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME:files=FOLDER",
            help="Where other programs' files lie for something that the model reads, as body:files=openpose.",
            rich_help_panel=DATA,
        ),
    ] = None,
    smooth: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            help="Average over time by a centred Gaussian of this standard deviation. Default: 0, no average.",
            show_default=False,
            rich_help_panel=METHOD,
        ),
    ] = 0.0,
    backbone: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:k=v,…]",
            help="Frozen network for pictures of faces, where its weights lie elsewhere. Default: the training's.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    face_model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="MediaPipe's face_landmarker.task. Default: $CLTOOL_FACE_MODEL, else fetched once.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    pose_model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="MediaPipe's pose_landmarker.task. Default: $CLTOOL_POSE_MODEL.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    device: Device = None,
    plugin: PluginFiles = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FOLDER",
            help="Folder for predictions.csv, curves.png and overlay.mp4. Default: ./FILM-affect.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    overlay: Annotated[
        bool,
        typer.Option(
            "--overlay/--no-overlay",
            help="Write the film with the circle of emotions beside it. Default: yes.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = True,
    force: Annotated[
        bool, typer.Option("--force", help="Write into a folder that is not empty.", rich_help_panel=OUTPUT)
    ] = False,
    json_: Json = False,
    debug: Debug = False,
) -> None:
    """Predict valence and arousal of every frame of a film by a trained network.

    The film's features are made as those of the training were; where they would be other ones, it says so and stops.
    predictions.csv has a row per frame, empty where nothing was seen. curves.png shows both over time. overlay.mp4 is
    the film, its sound kept, beside Russell's circle of emotion words, on which the prediction moves, and the
    annotation if it is given. Memory does not grow with the film's length.
    """
    from cltool.affect.like_training import Places
    from cltool.affect.predicting import prepare_prediction
    from cltool.affect.prediction_files import predict_into_files
    from cltool.cli.console import Screen

    places = Places(modality or (), backbone, face_model, pose_model, rate, device or "auto", plugin or ())
    name = film.absolute().name if film.is_dir() else film.stem
    with Screen() as screen:
        setup = prepare_prediction(
            film,
            model,
            out or Path(f"{name}-affect"),
            places=places,
            smooth=smooth,
            labels=labels,
            force=force,
            progress=screen,
        )
        found, files = predict_into_files(setup, overlay, screen)
    _show(film, model, setup, found, files, json_)


def _show(
    film: Path,
    model: Path,
    setup: PredictionSetup,
    found: FilmPrediction,
    files: Mapping[str, Path],
    as_json: bool,
) -> None:
    """What was done, on standard output: some lines, or one JSON object."""
    if as_json:
        told = facts(film, model, setup, found, files)
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
        return
    from cltool.cli.console import results

    seen, scores = int(found.seen.sum()), found.concordance
    lasts = f"{len(found.times):,} frames, {len(found.times) / found.rate:.1f} s at {found.rate:g} per second"
    made = ", synthetic" if setup.film.synthetic else ""
    lines = [f"{film}: {lasts}{made}; {seen / len(found.times):.0%} of the frames seen"]
    if scores is not None:
        lines += [f"CCC  valence {scores['ccc_valence']:.3f}  arousal {scores['ccc_arousal']:.3f}"]
    lines += [str(path) for path in files.values()]
    for line in lines:
        results.print(line, highlight=False, soft_wrap=True, markup=False)


def facts(
    film: Path, model: Path, setup: PredictionSetup, found: FilmPrediction, files: Mapping[str, Path]
) -> dict[str, Any]:
    """What --json prints. `synthetic`: whether the film, and whether films that the model has learnt from, are so."""
    card, faces = setup.network.card, found.face_found
    return {
        "schema": 1,
        "film": str(film),
        "model": str(model),
        "network": card.network,
        "out": str(setup.out),
        "files": {what: str(path) for what, path in files.items()},
        "frames": len(found.times),
        "rate": found.rate,
        "seen": int(found.seen.sum()),
        "faces": None if faces is None else int(faces.sum()),
        "smooth": setup.smooth,
        "scores": found.concordance,
        "synthetic": {"film": setup.film.synthetic, "model": card.synthetic},
    }
