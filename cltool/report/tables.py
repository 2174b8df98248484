"""Strategies side by side as a table: rows of numbers, and the same as text."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from cltool.report.runs import Group, in_common, joint_curve, references
from cltool.rundir import Metrics

Row = dict[str, Any]


def sparsity(metrics: Metrics) -> float | None:
    """Share of zero weights that the run's last surgery left; None where it had none."""
    return metrics.surgery_effects[-1].of_final_head["sparsity"] if metrics.surgery_effects else None


def _cosine_distance(metrics: Metrics) -> float | None:
    return metrics.surgery_effects[-1].of_final_head["cosine_distance"] if metrics.surgery_effects else None


def rows(groups: Sequence[Group]) -> list[Row]:
    """A row of numbers per group, and one per joint reference: the final score and its interval, and means."""
    return [*map(_row, groups), *map(_reference_row, references(groups))]


def _row(group: Group) -> Row:
    final = group.spread(lambda m: m.accuracy_final)
    assert final is not None
    return {
        "strategy": group.title,
        "score": group.score,
        "runs": final.n,
        "final": final.mean,
        "deviation": final.deviation,
        "low": final.low,
        "high": final.high,
        "each": [run.metrics.accuracy_final for run in group.runs],
        "average": group.mean(lambda m: m.accuracy_average_incremental),
        "forgetting": group.mean(lambda m: m.forgetting_chaudhry),
        "gap_to_joint": group.mean(lambda m: m.gap_to_joint[-1] if m.gap_to_joint else None),
        "unknown_auroc": group.mean(lambda m: m.unknown.mean_auroc if m.unknown else None),
        "bytes_kept": group.mean(lambda m: m.cost.bytes_kept),
        "seconds": group.mean(lambda m: m.cost.strategy_s),
        "sparsity": group.mean(sparsity),
        "cosine_distance": group.mean(_cosine_distance),
    }


def _reference_row(group: Group) -> Row:
    """Of a joint reference, which learns everything at once, there is less to tell."""
    final = group.spread(lambda m: joint_curve(m)[-1])
    assert final is not None
    nothing = dict.fromkeys((*list(FORMATS)[1:], *OF_SURGERY))
    return {
        "strategy": group.label,
        "score": group.score,
        "runs": final.n,
        "final": final.mean,
        "deviation": final.deviation,
        "low": final.low,
        "high": final.high,
        "each": [joint_curve(run.metrics)[-1] for run in group.runs],
        "average": group.mean(lambda m: fmean(joint_curve(m))),
        **nothing,
    }


FORMATS = {
    "average": ("average", "{:.3f}"),
    "forgetting": ("forgetting", "{:.3f}"),
    "gap_to_joint": ("gap to joint", "{:.3f}"),
    "unknown_auroc": ("unknown AUROC", "{:.3f}"),
    "bytes_kept": ("bytes kept", "{:,.0f}"),
    "seconds": ("seconds", "{:.2f}"),
}
OF_SURGERY = {"sparsity": ("zero weights", "{:.1%}"), "cosine_distance": ("cosine distance", "{:.3f}")}


def texts(table: Sequence[Row], narrow: bool = False) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of rows; what surgery did only where there was one.

    `narrow` leaves out what a small terminal has no room for: how many runs, deviations, averages over tasks, and what
    `unknown` rejects.
    """
    operated = any(row["sparsity"] is not None for row in table)
    formats = {**FORMATS, **(OF_SURGERY if operated else {})}
    if narrow:
        formats = {key: format_ for key, format_ in formats.items() if key not in ("average", "unknown_auroc")}
    scores = {row["score"] for row in table}
    final = f"final {scores.pop() if len(scores) == 1 else 'score'}"
    headings = ["strategy", *([] if narrow else ["runs"]), final, "95 % interval"]
    cells = []
    for row in table:
        spread = f" ± {row['deviation']:.3f}" if row["runs"] > 1 and not narrow else ""
        interval = "" if row["low"] is None else f"{row['low']:.3f} … {row['high']:.3f}"
        first = [row["strategy"], *([] if narrow else [str(row["runs"])]), f"{row['final']:.3f}{spread}", interval]
        numbers = [_text(row[key], shape) for key, (_, shape) in formats.items()]
        cells.append([*first, *numbers])
    return [*headings, *(heading for heading, _ in formats.values())], cells


def _text(value: float | None, shape: str) -> str:
    return "" if value is None else shape.format(value)


def markdown(table: Sequence[Row], caption: str = "") -> str:
    """The rows as a Markdown table, under a line that says what they are about."""
    headings, cells = texts(table)
    lines = [f"| {' | '.join(line)} |" for line in (headings, *cells)]
    lines.insert(1, "|" + "---|" * len(headings))
    return "\n".join([*([caption, ""] if caption else []), *lines]) + "\n"


def score_of(groups: Sequence[Group]) -> str:
    """What the groups are scored by: accuracy, CCC, or where they differ a score."""
    return in_common(lambda group: group.score, groups, "score")


def caption(groups: Sequence[Group]) -> str:
    """What the groups are about, a universal backbone's protocol included; all of it where they differ."""
    return "; ".join(dict.fromkeys(group.about for group in groups))
