"""A sweep over surgeries: what each does to accuracy, on tasks' heads and on the merged head."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

MARGINS = ("0.02", "0.04", "0.06", "0.08", "0.1", "0.15", "0.2", "0.3", "0.5")
PLAIN = (
    "",
    "prune@task",
    "prune@merged",
    "prune:relative=0.2@task",
    "prune:relative=0.2@merged",
    "prune:quantile=0.1@task",
    "prune:quantile=0.1@merged",
    "clahe@task",
    "clahe@merged",
    "clahe:bits=8@merged",
    "equalize@task",
    "equalize@merged",
)


def sweep(
    out: Annotated[Path, typer.Option(help="Folder for the runs; those that are finished there are not done again.")],
    stream: Annotated[str, typer.Option(help="As in cltool run.")] = "digits",
    data_root: Annotated[Path | None, typer.Option(help="As in cltool run.")] = None,
    backbone: Annotated[str | None, typer.Option(help="As in cltool run.")] = None,
    classes_per_task: Annotated[int | None, typer.Option(help="As in cltool run.")] = None,
    tasks: Annotated[int | None, typer.Option(help="As in cltool run.")] = None,
    orders: Annotated[int, typer.Option(help="Random class orders.")] = 5,
) -> None:
    """Run concat with every surgery at both places (OUT/table), and pruning by every margin (OUT/margins).

    `cltool report` shows what is there; see docs/surgery.md.
    """
    base = {
        "stream": stream,
        "merge": "concat",
        "class_order": "random",
        "data_root": str(data_root.absolute()) if data_root else None,
        "backbone": backbone,
        "classes_per_task": classes_per_task,
        "tasks": tasks,
    }
    swept = ("", *(f"prune:margin={margin}@{place}" for margin in MARGINS for place in ("task", "merged")))
    parts = (("table", PLAIN), ("margins", swept))
    cells = [(part, surgery, seed) for part, surgeries in parts for surgery in surgeries for seed in range(orders)]
    for number, (part, surgery, seed) in enumerate(cells):
        accuracy = _cell(out / part / f"{surgery or 'none'}-{seed}", {**base, "seed": seed}, surgery)
        print(f"{number + 1} of {len(cells)}: {surgery or 'no surgery'}, order {seed}: {accuracy:.4f}", flush=True)


def _cell(path: Path, recipe: dict, surgery: str) -> float:
    """Final accuracy of one run, made if it is not there."""
    from cltool.recipe import Recipe
    from cltool.report.runs import FinishedRun
    from cltool.run import prepare, run
    from cltool.rundir import RunDirectory

    if not (path / "metrics.json").is_file():
        asked = {**recipe, "surgery": [surgery] if surgery else [], "joint": not surgery}
        run(prepare(Recipe.of(asked)), RunDirectory(path))
    return FinishedRun.load(path).metrics.accuracy_final
