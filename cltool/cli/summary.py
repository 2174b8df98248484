"""A finished run on the terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from rich.table import Table

from cltool.cli.console import curve_lines, results, step_table
from cltool.report.curves import title, unit_name
from cltool.rundir import Cost, Metrics, SurgeryFacts

FILES = ("metrics.json", "curves.png", "weights.png", "surgery.png", "head.safetensors")  # what a person looks at


def print_summary(metrics: Metrics, path: Path) -> None:
    """Print the table of tasks, the curve, the named metrics and the run's files."""
    steps = [json.loads(line) for line in (path / "journal.jsonl").read_text(encoding="utf-8").splitlines()]
    classes = list(accumulate(len(task.outputs) for task in metrics.tasks))
    results.print(title(metrics), style="bold", highlight=False)
    if metrics.note:
        results.print(metrics.note, style="dim", highlight=False)
    results.print(step_table(steps))
    results.print()
    joint, units = metrics.joint.curve if metrics.joint else None, unit_name(metrics)
    results.print(curve_lines(classes, metrics.curve, joint, units), end="")
    results.print(
        f"final {metrics.accuracy_final:.3f}, average {metrics.accuracy_average_incremental:.3f}, "
        f"forgetting {metrics.forgetting_chaudhry:.3f}, backward transfer {metrics.bwt_gem:+.3f}"
        + (f", {len(metrics.left_out)} of the {units} left out" if metrics.left_out else ""),
        highlight=False,
    )
    results.print(f"{_sizes(metrics.cost)}; {_seconds(metrics.cost)}", highlight=False)
    if metrics.surgery_effects:
        results.print(effects_table(metrics.surgery_effects))
    drawn = [name for name in FILES if (path / name).is_file()]
    results.print(f"{path}/: {', '.join(drawn)}", highlight=False, soft_wrap=True)


def _sizes(cost: Cost) -> str:
    """Weights and bytes, as far as the method tells."""
    told = []
    if cost.parameters_total is not None and cost.parameters_per_task:
        told.append(f"{cost.parameters_total:,} parameters, {cost.parameters_per_task[-1]:,} more with the last task")
    kept = "an untold number of" if cost.bytes_kept is None else f"{cost.bytes_kept:,}"
    return "; ".join([*told, f"{kept} bytes kept of earlier tasks"])


def _seconds(cost: Cost) -> str:
    return f"{cost.extract_s:.1f} s features, {cost.learning_s:.1f} s heads and merges, {cost.joint_s:.1f} s joint"


def effects_table(effects: Sequence[SurgeryFacts]) -> Table:
    """A row per surgery: what it did to the last merged head, or to the tasks' heads on average; last ranges."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("surgery", no_wrap=True)
    for heading in ("zero weights", "cosine distance", "range before", "range after"):
        table.add_column(heading, justify="right")
    for effect in effects:
        before, after = effect.range_before[-1], effect.range_after[-1]
        table.add_row(
            f"{effect.surgery} (no-op)" if effect.no_op else effect.surgery,
            f"{effect.of_final_head['sparsity']:.1%}",
            f"{effect.of_final_head['cosine_distance']:.3f}",
            f"{before[0]:.3f} … {before[1]:.3f}",
            f"{after[0]:.3f} … {after[1]:.3f}",
        )
    return table
