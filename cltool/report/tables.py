"""Strategies side by side as a table: rows of numbers, and the same as text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from statistics import fmean
from typing import Any

from cltool.report.numbers import NUMBERS
from cltool.report.runs import Group, in_common, in_order, joint_curve, references
from cltool.rundir import Metrics

Row = dict[str, Any]
SAME_NAME = ("gap_to_joint", "unknown_auroc", "bytes_kept", "samples_kept", "parameters_grown", "seconds")
Texts = tuple[list[str], list[list[str]]]  # headings and lines


def sparsity(metrics: Metrics) -> float | None:
    """Share of zero weights that the run's last surgery left; None where it had none."""
    return metrics.surgery_effects[-1].of_final_head["sparsity"] if metrics.surgery_effects else None


def _cosine_distance(metrics: Metrics) -> float | None:
    return metrics.surgery_effects[-1].of_final_head["cosine_distance"] if metrics.surgery_effects else None


def rows(groups: Sequence[Group]) -> list[Row]:
    """A row of numbers per group and joint reference: the final score and its interval, and means.

    The highest final score comes first; below these stand strategies that are not ranked with them, then references.
    """
    return [*map(_row, in_order(groups)), *map(_reference_row, references(groups))]


def _row(group: Group) -> Row:
    return {
        **_spread_of(group, lambda m: m.accuracy_final),
        "strategy": group.title,
        "ranked": group.ranked,
        "reference": False,
        "average": group.mean(NUMBERS["accuracy_average_incremental"]),
        "forgetting": group.mean(NUMBERS["forgetting_chaudhry"]),
        **{key: group.mean(NUMBERS[key]) for key in SAME_NAME},
        "sparsity": group.mean(sparsity),
        "cosine_distance": group.mean(_cosine_distance),
    }


def _reference_row(group: Group) -> Row:
    """Of a joint reference, which learns everything at once, there is less to tell."""
    return {
        **dict.fromkeys(FORMATS),
        **_spread_of(group, lambda m: joint_curve(m)[-1]),
        "strategy": group.label,
        "ranked": False,
        "reference": True,
        "average": group.mean(lambda m: fmean(joint_curve(m))),
    }


def _spread_of(group: Group, of: Callable[[Metrics], float]) -> Row:
    final = group.spread(of)
    assert final is not None
    return {
        "score": group.score,
        "runs": final.n,
        "final": final.mean,
        "deviation": final.deviation,
        "low": final.low,
        "high": final.high,
        "each": [of(run.metrics) for run in group.runs],
    }


# of a number: its heading, and how it is written
FORMATS = {
    "average": ("average", "{:.3f}"),
    "forgetting": ("forgetting", "{:.3f}"),
    "gap_to_joint": ("gap to joint", "{:.3f}"),
    "unknown_auroc": ("unknown AUROC", "{:.3f}"),
    "bytes_kept": ("bytes kept", "{:,.0f}"),
    "samples_kept": ("samples kept", "{:,.0f}"),
    "parameters_grown": ("parameters grown", "{:,.0f}"),
    "seconds": ("seconds", "{:.2f}"),
    "sparsity": ("zero weights", "{:.1%}"),
    "cosine_distance": ("cosine distance", "{:.3f}"),
}
LARGE = ("bytes_kept", "samples_kept", "parameters_grown")  # are told in thousands where there is little room


def told(table: Sequence[Row]) -> list[str]:
    """Which numbers beside the final score some row has."""
    return [key for key in FORMATS if any(row[key] is not None for row in table)]


def texts(
    table: Sequence[Row], without: Collection[str] = (), short: bool = False
) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of rows; columns in which no row has a number are left out.

    `without` leaves out others, `runs` and `deviation` among them; `short` tells large numbers as 1.2 M.
    """
    formats = {key: FORMATS[key][1] for key in told(table) if key not in without}
    counts = "runs" not in without
    scores = {row["score"] for row in table}
    final = f"final {scores.pop() if len(scores) == 1 else 'score'}"
    headings = ["strategy", *(["runs"] if counts else []), final, "95 % interval"]
    cells = []
    for row in table:
        spread = f" ± {row['deviation']:.3f}" if row["runs"] > 1 and "deviation" not in without else ""
        interval = "" if row["low"] is None else f"{row['low']:.3f} … {row['high']:.3f}"
        first = [row["strategy"], *([str(row["runs"])] if counts else []), f"{row['final']:.3f}{spread}", interval]
        numbers = [_text(row[key], shape, short and key in LARGE) for key, shape in formats.items()]
        cells.append([*first, *numbers])
    return [*headings, *(FORMATS[key][0] for key in formats)], cells


def _text(value: float | None, shape: str, short: bool) -> str:
    return "" if value is None else rounded(value) if short else shape.format(value)


def rounded(value: float) -> str:
    """A count of three digits and its thousands.

    >>> rounded(12), rounded(4160), rounded(123_456), rounded(87_654_321)
    ('12', '4.16 k', '123 k', '87.7 M')
    """
    if value < 1000:
        return f"{value:.0f}"
    letters = ((1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T"))
    thousands, letter = next(pair for pair in letters if value < pair[0] * 999.5)
    return f"{value / thousands:.3g} {letter}"


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
