"""The contract of an unknown: a task's features → strangers for the unknown row to learn from."""

from __future__ import annotations

import torch
from torch import Tensor

from cltool.contract.clauses import Clause
from cltool.contract.examples import Samples, samples
from cltool.contract.trials import DETERMINISTIC, RUNS, UNTOUCHED, Make, Subject, Trial, each, try_all
from cltool.plugin import Configured
from cltool.statistics import Statistics


def subject(unknown: Configured) -> Subject:
    """Try it on a first task, on later ones, and on small ones."""

    def case(task: Samples, old: Statistics | None) -> Make:
        return lambda: {
            "features": task.features.clone(),
            "targets": task.targets.clone(),
            "old_statistics": old,
        }

    cases = {
        "the first task": case(samples("ab"), None),
        "a later task": case(samples("cd"), samples("ab").statistics),
        "a task of one class": case(samples("c"), samples("ab").statistics),
        "one sample per class": case(samples("cd", 1), samples("ab", 1).statistics),
    }
    return try_all(unknown, cases)


def _shape(trial: Trial) -> str | None:
    found, width = trial.result, trial.given["features"].shape[1]
    if not isinstance(found, Tensor):
        return f"a {type(found).__name__}"
    return None if found.ndim == 2 and found.shape[1] == width else f"{list(found.shape)}, where D is {width}"


def _finite(trial: Trial) -> str | None:
    return None if torch.isfinite(trial.result).all() else "numbers that are not"


def _dtype(trial: Trial) -> str | None:
    return None if trial.result.dtype == torch.float32 else f"{trial.result.dtype}"


CLAUSES = (
    RUNS,
    Clause("shape", "strangers [m, D], m may be 0", each(_shape)),
    Clause("finite", "finite numbers", each(_finite)),
    Clause("dtype", "float32, as the features", each(_dtype)),
    UNTOUCHED,
    DETERMINISTIC,
)
