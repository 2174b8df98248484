"""What comparison.json tells of finished runs: every number over seeds, curves, and the joint references."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cltool.report.numbers import NUMBERS
from cltool.report.pairs import Pair, paired
from cltool.report.runs import FinishedRun, Group, grouped, joint_curve, references
from cltool.rundir import Metrics


def summary(runs: Sequence[FinishedRun], root: Path) -> dict[str, Any]:
    """`streams`, `strategies`, `paired` and `joint` of comparison.json; paths are those below `root`."""
    groups = grouped(runs)
    return {
        "streams": list({group.about: _stream(group) for group in groups}.values()),
        "strategies": [_strategy(group, root) for group in groups],
        "paired": [_paired(pair) for pair in paired(runs)],
        "joint": [_joint(group) for group in references(groups)],
    }


def _stream(group: Group) -> dict[str, Any]:
    metrics = group.runs[0].metrics
    return {key: getattr(metrics, key) for key in ("stream", "score", "backbone", "universal", "note", "holdout")}


def _strategy(group: Group, root: Path) -> dict[str, Any]:
    metrics = group.runs[0].metrics
    spelled = ("stream", "strategy", "merge", "lift", "head", "unknown_from", "surgery", "task_aware", "keeps_all")
    return {
        **{key: getattr(metrics, key) for key in spelled},
        "no_ops": group.no_ops,
        "cells": [_cell(run, root) for run in group.runs],
        **{key: _spread(group, of) for key, of in NUMBERS.items()},
        "curve": group.curve(lambda m: m.curve),
    }


def _cell(run: FinishedRun, root: Path) -> dict[str, Any]:
    metrics = run.metrics
    numbers = {key: of(metrics) for key, of in NUMBERS.items()}
    return {"seed": metrics.seed, "path": run.path.relative_to(root).as_posix(), **numbers}


def _spread(group: Group, of: Callable[[Metrics], float | None]) -> dict[str, Any] | None:
    found = group.spread(of)
    return asdict(found) if found else None


def _paired(pair: Pair) -> dict[str, Any]:
    return {"stream": pair.a.runs[0].metrics.stream, "a": pair.a.label, "b": pair.b.label, **pair.numbers}


def _joint(group: Group) -> dict[str, Any]:
    metrics = group.runs[0].metrics
    return {
        "stream": metrics.stream,
        "strategy": f"joint+lift={metrics.lift}" if metrics.lift else "joint",
        "lift": metrics.lift,
        "seeds": [run.metrics.seed for run in group.runs],
        "accuracy_final": _spread(group, lambda m: joint_curve(m)[-1]),
        "curve": group.curve(joint_curve),
    }
