"""Magnifying film: faster than it plays, in memory that does not grow with it?

Every method with every filter, at the thesis' settings, has two films in a process of its own each: a short one and a
long one. A process keeps to one core and one thread. Told are the seconds that a second of the long film takes, by
the clock and of the processor (less, where others want the core too), how many times faster than the film that is by
the clock, and the highest memory of both processes, Python and libraries included.

Time is that of `magnify` alone, from picture to picture: reading and writing film files is other people's work. The
pictures are noise, which is marked as synthetic, or a film's own, from the first to the last and again.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import cycle, islice, product
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.processes import in_a_process, peak_mb

PROGRAM = "benchmarks.magnification"
NOISES = 16  # pictures of noise that are shown in turn
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def measure(
    film: Annotated[Path | None, typer.Option(help="A film to take the pictures of. Default: noise.")] = None,
    size: Annotated[str, typer.Option(metavar="W×H", help="Of noise, in pixels.")] = "360x288",
    rate: Annotated[float, typer.Option(min=1, help="Frames per second of noise.")] = 25,
    short: Annotated[float, typer.Option(min=1, help="Seconds of the short film.")] = 10,
    long: Annotated[float, typer.Option(min=1, help="Seconds of the long film.")] = 600,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Seconds for a second of film on one core, and peak memory of a short film beside a long one.

    As it stands it takes some minutes.
    """
    given = {"film": str(film) if film else None, "size": _size(size), "rate": rate}
    rows = [
        compared(
            in_a_process(PROGRAM, {**given, "method": m, "filter": f, "seconds": s}, THREADS) for s in (short, long)
        )
        for m, f in product(("colour", "motion"), ("ideal", "butterworth"))
    ]
    result = {"pictures": film.name if film else "synthetic: seeded noise", "rows": rows}
    if as_json:
        print(json.dumps({"schema": 1, **result}))
    else:
        _show(result)


def _size(text: str) -> list[int]:
    """Width and height.

    >>> _size("360x288")
    [360, 288]
    """
    sides = text.lower().replace("×", "x").split("x")
    if len(sides) != 2 or not all(side.isdecimal() for side in sides):
        raise typer.BadParameter(f"--size {text}: give width and height, such as 360x288")
    return [int(side) for side in sides]


def compared(measured: Any) -> dict[str, Any]:
    """A row of the table, of what the processes of a short and of a long film told."""
    short, long = measured
    return {
        "method": long["method"],
        "filter": long["filter"],
        "size": long["size"],
        "film_s": [short["film_s"], long["film_s"]],
        "s_per_film_s": long["seconds"] / long["film_s"],
        "processor_s_per_film_s": long["processor_s"] / long["film_s"],
        "times_real_time": long["film_s"] / long["seconds"],
        "peak_mb": [short["peak_mb"], long["peak_mb"]],
        "growth": long["peak_mb"] / short["peak_mb"] - 1,
    }


def magnify_once(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Magnify so many seconds of film, and tell how long it took and how much memory."""
    import cv2

    from cltool.video.magnification import DEFAULTS, magnify

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    pictures, rate = _pictures(asked)
    settings = replace(DEFAULTS[asked["method"]], filter=asked["filter"])
    frames = round(asked["seconds"] * rate)
    start, processor = time.perf_counter(), time.process_time()
    count = sum(1 for _ in magnify(islice(cycle(pictures), frames), settings, rate))
    seconds, processor_s = time.perf_counter() - start, time.process_time() - processor
    assert count == frames
    height, width, _ = pictures[0].shape
    told = {"method": asked["method"], "filter": asked["filter"], "size": f"{width}×{height}"}
    took = {"film_s": frames / rate, "seconds": seconds, "processor_s": processor_s}
    return {**told, **took, "peak_mb": peak_mb()}


def _pictures(asked: Mapping[str, Any]) -> tuple[Sequence[Any], float]:
    """The pictures to show again and again, and how many a second."""
    import numpy as np

    from cltool.video.decoding import probe, read_frames

    if asked["film"]:
        path = Path(asked["film"])
        return [f.picture for f in read_frames(path) if f.picture is not None], probe(path).rate
    width, height = asked["size"]
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (height, width, 3), np.uint8) for _ in range(NOISES)], asked["rate"]


def _show(result: Mapping[str, Any]) -> None:
    rows = result["rows"]
    table = Table(box=None, header_style="bold", pad_edge=False)
    peaks = [f"MB at {seconds:g} s" for seconds in rows[0]["film_s"]]
    for heading in ("method", "filter", "s per s of film", "processor", "× real time", *peaks, "growth"):
        name = heading in ("method", "filter")
        table.add_column(heading, justify="left" if name else "right", no_wrap=name)
    for row in rows:
        table.add_row(
            row["method"],
            row["filter"],
            f"{row['s_per_film_s']:.3f}",
            f"{row['processor_s_per_film_s']:.3f}",
            f"{row['times_real_time']:.1f}",
            *(f"{peak:.0f}" for peak in row["peak_mb"]),
            f"{row['growth']:+.1%}",
        )
    console = Console()
    console.print(f"{result['pictures']}, {rows[0]['size']}, one core", highlight=False, markup=False)
    console.print(table)


if __name__ == "__main__":
    print(json.dumps(magnify_once(json.loads(sys.argv[1]))))
