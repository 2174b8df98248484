"""Comparisons as CSV, with numbers as they are: a row per strategy, a row per run."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from typing import Any

from cltool.report.numbers import NUMBERS
from cltool.report.runs import FinishedRun, Group, by_setting, grouped, in_order

SHARED = ("stream", "backbone", "strategy", "task_aware", "keeps_all", "score")  # as in metrics.json


def table_csv(runs: Sequence[FinishedRun]) -> str:
    """A row per strategy: `NUMBER`, its mean, and `NUMBER_deviation`, `_low`, `_high` (95 %); empty where unknown."""
    parts = ("", "_deviation", "_low", "_high")
    headings = [*SHARED, "runs", *(f"{key}{part}" for key in NUMBERS for part in parts)]
    groups = [group for members in by_setting(runs).values() for group in in_order(grouped(members))]
    return _csv([headings, *map(_strategy, groups)])


def _strategy(group: Group) -> list[Any]:
    metrics = group.runs[0].metrics
    row = [*(getattr(metrics, key) for key in SHARED), len(group.runs)]
    for of in NUMBERS.values():
        found = group.spread(of)
        row += [found.mean, found.deviation, found.low, found.high] if found else [None] * 4
    return row


def cells_csv(runs: Sequence[FinishedRun]) -> str:
    """A row per run, with its seed and its folder."""
    headings = [*SHARED, "seed", "path", *NUMBERS]
    rows = [
        [*(getattr(m, key) for key in SHARED), m.seed, run.path.as_posix(), *(of(m) for of in NUMBERS.values())]
        for run, m in ((run, run.metrics) for run in runs)
    ]
    return _csv([headings, *rows])


def _csv(rows: Sequence[Sequence[Any]]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
