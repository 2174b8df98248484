"""Extracting features from film: faster than it plays, in memory that does not grow with it?

The same film, once short and once long, has a process of its own each. Told are the milliseconds a frame that every
stage takes in the long one, how many times faster than the film all of them together are, and the highest memory of
both processes, Python and libraries included.

The film is one of your own, its frames and sound from the first to the last and again, so that it never becomes too
long to store; or scikit-image's astronaut, who drifts to and fro, with noise to hear, which is marked as synthetic.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.processes import in_a_process, peak_mb

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WIDTH, HEIGHT, RATE, SOUND_RATE = 360, 288, 25, 22_050


def measure(
    film: Annotated[Path | None, typer.Option(help="A film to repeat. Default: a drifting portrait.")] = None,
    modality: Annotated[list[str] | None, typer.Option(help="As in cltool video extract.")] = None,
    backbone: Annotated[str, typer.Option(help="As in cltool video extract.")] = "resnet50:weights=none",
    short: Annotated[float, typer.Option(min=1, help="Seconds of the short film.")] = 10,
    long: Annotated[float, typer.Option(min=1, help="Seconds of the long film.")] = 600,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Milliseconds a frame by stage, and peak memory of a short film beside a long one.

    As it stands it takes some minutes. Face mesh wants its model: set CLTOOL_FACE_MODEL, or it is fetched.
    """
    modalities = modality or ["mesh:blendshapes=true", "landmarks", "mel"]
    asked = {"film": str(film.absolute()) if film else None, "modalities": modalities, "backbone": backbone}
    measured = [in_a_process("benchmarks.extraction", {**asked, "seconds": seconds}) for seconds in (short, long)]
    result = {
        "schema": 1,
        "pictures": film.name if film else "synthetic: a drifting portrait, noise",
        "modalities": modalities,
        "film_s": [one["film_s"] for one in measured],
        "peak_mb": [one["peak_mb"] for one in measured],
        "growth": measured[1]["peak_mb"] / measured[0]["peak_mb"] - 1,
        "stored_mb": [one["stored_mb"] for one in measured],
        "ms_per_frame": {n: 1000 * s / measured[1]["frames"] for n, s in measured[1]["seconds"].items()},
        "times_real_time": measured[1]["film_s"] / sum(measured[1]["seconds"].values()),
    }
    if as_json:
        print(json.dumps(result))
    else:
        _show(result)


def extract_once(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Extract so many seconds of film, and tell how long it took and how much memory."""
    from cltool.video.extraction import extract
    from cltool.video.recipes import ExtractionRecipe
    from cltool.video.setups import prepare

    with tempfile.TemporaryDirectory(prefix="cltool-benchmark-") as folder:
        path = Path(folder, "film.mp4")
        write(path, Path(asked["film"]) if asked["film"] else None, asked["seconds"])
        chosen = {"inputs": [str(path)], "modalities": asked["modalities"], "backbone": asked["backbone"]}
        store = extract(prepare(ExtractionRecipe.of(chosen)), Path(folder, "store"))
        entry = store.index.films["film"]
        told = {"frames": entry.frames, "film_s": entry.frames / entry.rate, "seconds": entry.seconds}
        stored = (Path(folder, "store") / entry.file).stat().st_size / 2**20
        return {**told, "peak_mb": peak_mb(), "stored_mb": stored}


def write(path: Path, film: Path | None, seconds: float) -> None:
    """Write a film that repeats another, or the portrait, for so long."""
    from cltool.video.decoding import probe
    from cltool.video.encoding import film_writer

    facts = probe(film) if film else None
    width, height, rate = (facts.width, facts.height, facts.rate) if facts else (WIDTH, HEIGHT, RATE)
    pictures, sound = _again(_pictures, film), _again(_sound, film)
    with film_writer(path, width, height, rate, SOUND_RATE) as writer:
        heard = 0
        for number, picture in enumerate(islice(pictures, round(seconds * rate)), 1):
            writer.write(picture)
            while heard < number * SOUND_RATE / rate:
                block = next(sound)
                writer.hear(block)
                heard += len(block)


def _again(made: Callable[[Path | None], Iterator[Any]], film: Path | None) -> Iterator[Any]:
    """What is made of a film, made anew every time it has come to its end: nothing of it is held."""
    while True:
        yield from made(film)


def _pictures(film: Path | None) -> Iterator[NDArray[np.uint8]]:
    import numpy as np
    from skimage.data import astronaut

    from cltool.video.decoding import read_frames

    if film is not None:
        yield from (frame.picture for frame in read_frames(film) if frame.picture is not None)
        return
    portrait = np.asarray(astronaut(), np.uint8)
    for shift in (*range(0, 60), *range(60, 0, -1)):
        yield np.ascontiguousarray(portrait[:HEIGHT, 40 + shift : 40 + shift + WIDTH])


def _sound(film: Path | None) -> Iterator[NDArray[np.float32]]:
    import numpy as np

    from cltool.video.decoding import read_sound

    silent = True
    for block in read_sound(film, SOUND_RATE) if film else ():
        yield block
        silent = False
    if silent:
        yield np.random.default_rng(0).normal(0, 0.1, SOUND_RATE).astype(np.float32)


def _show(result: Mapping[str, Any]) -> None:
    console = Console()
    console.print(f"{result['pictures']}; {', '.join(result['modalities'])}", highlight=False, markup=False)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("stage")
    table.add_column("ms per frame", justify="right")
    for stage, spent in result["ms_per_frame"].items():
        table.add_row(stage, f"{spent:.2f}")
    table.add_row("all", f"{sum(result['ms_per_frame'].values()):.2f}")
    console.print(table)
    console.print(f"{result['times_real_time']:.1f} × real time", highlight=False)
    for seconds, peak, stored in zip(result["film_s"], result["peak_mb"], result["stored_mb"], strict=True):
        console.print(f"{seconds:g} s of film: {peak:.0f} MB at most, {stored:.1f} MB stored", highlight=False)
    console.print(f"growth {result['growth']:+.1%}", highlight=False)


if __name__ == "__main__":
    print(json.dumps(extract_once(json.loads(sys.argv[1]))))
