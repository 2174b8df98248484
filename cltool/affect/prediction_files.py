"""What a prediction leaves: a CSV file, curves, and a film with the circle of emotions."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from cltool.affect.predicting import CSV, CURVES, OVERLAY, FilmPrediction, PredictionSetup, predict_film
from cltool.errors import CallError
from cltool.files import replacing
from cltool.progress import Progress, Silent
from cltool.report.affect_curves import draw_affect_curves
from cltool.report.overlays import write_overlay
from cltool.video.films import OUTPUTS

HEADER = ("frame", "time", *OUTPUTS, "face_found", "confidence")


def predict_into_files(
    setup: PredictionSetup, overlay: bool = True, progress: Progress | None = None
) -> tuple[FilmPrediction, Mapping[str, Path]]:
    """Predict a film and write `predictions.csv`, `curves.png` and, with `overlay`, `overlay.mp4` into `setup.out`.

    Gives the prediction, and the files by what they are. Each is whole or not there. Raises CallError as `predict_film`
    does, and where the folder cannot be made.
    """
    progress, film = progress or Silent(), setup.film
    files = {"predictions": setup.out / CSV, "curves": setup.out / CURVES}
    with folder_for(setup.out):
        found = predict_film(setup, progress)
        if not found.seen.any():
            progress.say(f"{film.pictures}: nothing that the model reads was found in any frame")
        write_predictions(found, files["predictions"])
        made = ", synthetic film" if film.synthetic else ""
        title = f"{film.name}, {setup.network.card.network}{made}"
        draw_affect_curves(found.times, found.values, files["curves"], title, found.annotated)
        if overlay:
            files["overlay"] = setup.out / OVERLAY
            moving = (found.times, found.values, found.annotated)
            write_overlay(film.pictures, setup.facts, files["overlay"], *moving, progress)
    return found, files


def write_predictions(prediction: FilmPrediction, path: Path) -> None:
    """Write a CSV file with a row per frame, counted from 0; what is not known is empty."""
    faces = prediction.face_found
    with replacing(path) as scratch, scratch.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(HEADER)
        for frame, seen in enumerate(prediction.seen):
            values = [f"{value:.6f}" for value in prediction.values[frame]] if seen else [""] * len(OUTPUTS)
            face = "" if faces is None else int(faces[frame])
            rows.writerow(
                [frame, f"{prediction.times[frame]:.6f}", *values, face, f"{prediction.confidence[frame]:.4f}"]
            )


@contextmanager
def folder_for(out: Path) -> Iterator[None]:
    """Make a folder for what the block writes; where that ends with an error and has left nothing, it goes away again.

    Raises CallError where it cannot be made.
    """
    made = [folder for folder in (out, *out.absolute().parents) if not folder.exists()]
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CallError(f"cannot write --out {out}: {error.strerror}") from None
    try:
        yield
    except BaseException:
        with suppress(OSError):  # it holds a finished file
            for folder in made:
                folder.rmdir()
        raise
