"""A comparison one cell after another, and the same one with several at a time: how much sooner is it done?

Both run the same cells, in turns, with features that are in the bank already. Either has all cores: this process with a
thread for each, or processes that share them, whose start is part of the time.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from rich.console import Console

STRATEGIES = ("concat", "alpha", "lda", "qda")


def measure(
    stream: Annotated[str, typer.Option(help="As in cltool compare.")] = "digits",
    data_root: Annotated[Path | None, typer.Option(help="As in cltool compare.")] = None,
    backbone: Annotated[str | None, typer.Option(help="As in cltool compare.")] = None,
    strategy: Annotated[list[str] | None, typer.Option(help="As in cltool compare.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many.")] = 5,
    jobs: Annotated[int, typer.Option(min=2, help="How many cells at a time.")] = 2,
    rounds: Annotated[int, typer.Option(min=1, help="How often each; the median is told.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Seconds of a comparison with --jobs 1 and with --jobs N, and their ratio."""
    root = str(data_root.absolute()) if data_root else None
    asked = {"stream": stream, "data_root": root, "backbone": backbone, "strategies": strategy or STRATEGIES}
    compare_once({**asked, "seeds": [0]}, 1)  # features go to the bank
    shared = {**asked, "seeds": list(range(seeds))}
    spent: dict[int, list[float]] = {1: [], jobs: []}
    told: dict[str, Any] = {}
    for _ in range(rounds):
        for count, seconds in spent.items():
            told = compare_once(shared, count)
            seconds.append(told["seconds"])
    one, several = median(spent[1]), median(spent[jobs])
    result = {
        "schema": 1,
        "about": {"stream": stream, "cells": told["cells"], "cores": told["cores"], "jobs": jobs, "rounds": rounds},
        "seconds": {"1": one, str(jobs): several},
        "ratio": one / several,
    }
    if as_json:
        print(json.dumps(result))
        return
    console = Console()
    console.print(f"{stream}, {told['cells']} cells, {told['cores']} cores", highlight=False, markup=False)
    console.print(f"--jobs 1: {one:.1f} s; --jobs {jobs}: {several:.1f} s; ratio {one / several:.2f}", highlight=False)


def compare_once(asked: Mapping[str, Any], jobs: int) -> dict[str, Any]:
    """Run the cells, so many at a time, and tell how long it took."""
    from cltool.comparison.engines import Where
    from cltool.comparison.processes import cores
    from cltool.comparison.recipes import ComparisonRecipe
    from cltool.comparison.running import run_comparison
    from cltool.comparison.setups import begin, prepare_comparison
    from cltool.progress import Silent

    shared = {key: asked[key] for key in ("data_root", "backbone", "seeds")}
    recipe = ComparisonRecipe.spelled([asked["stream"]], asked["strategies"], **shared)
    with tempfile.TemporaryDirectory(prefix="cltool-benchmark-") as folder:
        root = Path(folder)
        comparison = prepare_comparison(recipe)
        begin(comparison, root)
        began = time.perf_counter()
        engine = Where(jobs).engine(comparison, root, Silent())
        outcome = run_comparison(comparison, root, engine=engine)
        seconds = time.perf_counter() - began
    if outcome.failed:
        raise ValueError(next(iter(outcome.failed.values())))
    return {"cells": len(outcome.finished), "cores": cores(), "seconds": seconds}
