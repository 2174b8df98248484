"""What the page's pictures are drawn from: curves, costs, matrices and classes of each strategy, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from cltool.report.published import TASK_INCREMENTAL
from cltool.report.runs import Group, joint_curve, references
from cltool.report.styles import Style, styled
from cltool.report.tradeoffs import COSTS, front, ours
from cltool.rundir import Metrics

Facts = dict[str, Any]


def facts(groups: Sequence[Group]) -> Facts:
    """All of one setting that the page's script reads; a name stays a name, the script escapes it where it must."""
    return {
        "score": groups[0].score,
        "units": groups[0].units,
        "strategies": [_strategy(group, style) for group, style in styled(groups)],
        "front": {name: [group.title for group in front(groups, of)] for name, of in COSTS.items()},
        "joint": [{"label": group.label, "curve": group.curve(joint_curve)} for group in references(groups)],
        "published": [asdict(one) for one in TASK_INCREMENTAL],
        "ours": ours([groups]),
    }


def _strategy(group: Group, style: Style) -> Facts:
    return {
        "label": group.title,
        "ranked": group.ranked,
        "leading": style.leading,
        "colour": style.number,
        "mark": style.mark[1],
        "dash": style.dash[1],
        "curve": group.curve(lambda m: m.curve),
        "final": asdict(group.final),
        "costs": {name: group.mean(of) for name, of in COSTS.items()},
        "seeds": [_seed(run.metrics) for run in group.runs],
        "classes": classes(group),
    }


def _seed(metrics: Metrics) -> Facts:
    return {
        "seed": metrics.seed,
        "tasks": [", ".join(task.outputs) for task in metrics.tasks],
        "matrix": metrics.matrix,
        "aware": metrics.matrix_task_aware,
    }


def classes(group: Group) -> list[tuple[str, float, float]]:
    """Each class, its accuracy right after it was learned and at the end: means over the runs that tell.

    The greatest loss comes first.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for run in group.runs:
        for name, values in (run.metrics.by_class or {}).items():
            known = [value for value in values if value is not None]
            if known:
                found.setdefault(name, []).append((known[0], known[-1]))
    told = [(name, fmean(a for a, _ in both), fmean(b for _, b in both)) for name, both in found.items()]
    return sorted(told, key=lambda one: (one[2] - one[1], one[0]))
