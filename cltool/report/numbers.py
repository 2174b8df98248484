"""The numbers by which runs are held beside each other, each under the name it has wherever it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cltool.rundir import Metrics

NUMBERS: Mapping[str, Callable[[Metrics], float | None]] = {
    "accuracy_final": lambda m: m.accuracy_final,
    "accuracy_average_incremental": lambda m: m.accuracy_average_incremental,
    "forgetting_chaudhry": lambda m: m.forgetting_chaudhry,
    "gap_to_joint": lambda m: m.gap_to_joint[-1] if m.gap_to_joint else None,
    "joint_final": lambda m: m.joint.curve[-1] if m.joint else None,
    "unknown_auroc": lambda m: m.unknown.mean_auroc if m.unknown else None,
    "bytes_kept": lambda m: m.cost.bytes_kept,
    "samples_kept": lambda m: m.cost.samples_kept,
    "parameters_grown": lambda m: m.cost.parameters_grown,
    "fit_s": lambda m: m.cost.fit_s,
    "merge_s": lambda m: m.cost.merge_s,
    "seconds": lambda m: m.cost.strategy_s,
}
