"""What a run leaves to look at: its curves, its head, weights before and after surgery, and all of it as a page."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cltool.heads import Head
from cltool.learner import Learner
from cltool.places import PLACES
from cltool.recipe import Recipe
from cltool.report.curves import draw_curves, title
from cltool.report.runs import FinishedRun
from cltool.report.surgery import draw_surgery
from cltool.report.webpage.writing import save_page
from cltool.report.weights import draw_weights
from cltool.rundir import Metrics, RunDirectory


def draw_run(out: RunDirectory, metrics: Metrics, learner: Learner | None) -> None:
    """Draw a finished run into its directory, its page last; of a strategy plugin (`learner` is None) no weights."""
    draw_curves(metrics, [out.path / "curves.png", out.path / "curves.svg"])
    if learner is not None:
        _draw_head(out, metrics, learner)
    run = FinishedRun(out.path, metrics, Recipe.load(out.path / "recipe.yaml"))
    save_page([run], out.path / "report.html")


def _draw_head(out: RunDirectory, metrics: Metrics, learner: Learner) -> None:
    values = tuple(metrics.curve_by_output or ())
    borders = [values] if values else [task.outputs for task in metrics.tasks]
    draw_weights(Head.load(out.path / "head.safetensors"), borders, out.path / "weights.png")
    if learner.surgeries:
        draw_surgery(_stages(out, metrics, learner), [out.path / "surgery.png"], title(metrics))


def _stages(out: RunDirectory, metrics: Metrics, learner: Learner) -> list[tuple[str, Tensor]]:
    """Weights before and after each place's surgeries: those of all tasks' own heads, and of the merged one.

    A task's surgery is done again, on the head that was kept: a pure function of it.
    """
    stages: list[tuple[str, Tensor]] = []
    for place in PLACES:
        names = [str(operation.surgery) for operation in learner.surgeries if operation.on == place]
        if not names:
            continue
        after = f"after {', '.join(names)}"
        if place == "task":
            heads = out.task_heads()
            operated = [learner.operate("task", t.name, h)[0] for t, h in zip(metrics.tasks, heads, strict=True)]
            stages += [("tasks' own heads, fitted", _stacked(heads)), (after, _stacked(operated))]
        else:
            final = Head.load(out.path / "head.safetensors")
            stages += [("merged head", out.merged_head(operated=True).weight), (after, final.weight)]
    return stages


def _stacked(heads: Sequence[Head]) -> Tensor:
    """The class rows of several heads [R, D], one under the other."""
    return torch.cat([head.weight[[name in head.classes for name in head.names]] for head in heads])
