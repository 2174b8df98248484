"""Valence and arousal of a film, and the circle drawn beside it: how long a frame takes, and does memory grow?

The same film, once short and once long, has a process of its own each. Told are the milliseconds a frame that the long
one takes for its features with what the network says of them, for the circle alone, and for the overlay film with
reading, circle and writing; and the highest memory of both processes, Python and libraries included.

The film is one of your own, repeated, or scikit-image's astronaut, as in `python -m benchmarks extraction`.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.extraction import write
from benchmarks.processes import in_a_process, peak_mb

DRAWN = 200  # circles drawn to be timed
STAGES = {"predict_s": "features and prediction", "overlay_s": "overlay film", "circle_s": "of it, the circle"}


def measure(
    model: Annotated[Path, typer.Argument(metavar="TRAINING", help="As in cltool video predict --model.")],
    film: Annotated[Path | None, typer.Option(help="A film to repeat. Default: a drifting portrait.")] = None,
    short: Annotated[float, typer.Option(min=1, help="Seconds of the short film.")] = 60,
    long: Annotated[float, typer.Option(min=1, help="Seconds of the long film.")] = 600,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Milliseconds a frame by stage, and peak memory of a short film beside a long one.

    As it stands it takes some minutes.
    """
    asked = {"film": str(film.absolute()) if film else None, "model": str(model.absolute())}
    measured = [in_a_process("benchmarks.prediction", {**asked, "seconds": seconds}) for seconds in (short, long)]
    last = measured[-1]
    result = {
        "schema": 1,
        "pictures": film.name if film else "synthetic: a drifting portrait, noise",
        "network": last["network"],
        "film_s": [one["film_s"] for one in measured],
        "peak_mb": [one["peak_mb"] for one in measured],
        "growth": last["peak_mb"] / measured[0]["peak_mb"] - 1,
        "ms_per_frame": {key.removesuffix("_s"): 1000 * last[key] / last["frames"] for key in STAGES},
    }
    if as_json:
        print(json.dumps(result))
    else:
        _show(result)


def predict_once(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Predict so many seconds of film into files, and tell how long it took and how much memory."""
    from cltool.affect.predicting import prepare_prediction
    from cltool.affect.prediction_files import predict_into_files

    with tempfile.TemporaryDirectory(prefix="cltool-benchmark-") as folder:
        path, out = Path(folder, "film.mp4"), Path(folder, "out")
        write(path, Path(asked["film"]) if asked["film"] else None, asked["seconds"])
        setup = prepare_prediction(path, Path(asked["model"]), out)
        begun = time.perf_counter()
        found, _ = predict_into_files(setup, overlay=False)
        told = {"predict_s": time.perf_counter() - begun, "overlay_s": _overlay(setup, found, out / "overlay.mp4")}
        peak, frames = peak_mb(), len(found.times)
        circle_s = _circle(found) * frames
        about = {"network": setup.network.card.network, "frames": frames, "film_s": frames / found.rate}
        return {**about, **told, "circle_s": circle_s, "peak_mb": peak}


def _overlay(setup: Any, found: Any, path: Path) -> float:
    """Seconds that the overlay film takes."""
    from cltool.report.overlays import write_overlay

    begun = time.perf_counter()
    write_overlay(setup.film.pictures, setup.facts, path, found.times, found.values, found.values[::-1])
    return time.perf_counter() - begun


def _circle(found: Any) -> float:
    """Seconds that one circle takes, once what stands still is there."""
    from cltool.report.emotion_circle import EmotionCircle
    from cltool.report.overlays import LOWEST, moments

    circle = EmotionCircle(LOWEST, annotated=True)
    shown = list(moments(found.times[:DRAWN], found.values[:DRAWN], found.values[:DRAWN][::-1], found.rate))
    circle.draw(shown[0])
    begun = time.perf_counter()
    for moment in shown:
        circle.draw(moment)
    return (time.perf_counter() - begun) / len(shown)


def _show(result: Mapping[str, Any]) -> None:
    console = Console()
    console.print(f"{result['pictures']}; {result['network']}", highlight=False, markup=False)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("stage")
    table.add_column("ms per frame", justify="right")
    for key, stage in STAGES.items():
        table.add_row(stage, f"{result['ms_per_frame'][key.removesuffix('_s')]:.2f}")
    console.print(table)
    for seconds, peak in zip(result["film_s"], result["peak_mb"], strict=True):
        console.print(f"{seconds:g} s of film: {peak:.0f} MB at most", highlight=False)
    console.print(f"growth {result['growth']:+.1%}", highlight=False)


if __name__ == "__main__":
    print(json.dumps(predict_once(json.loads(sys.argv[1]))))
