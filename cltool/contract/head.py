"""The contract of a head: features and targets → weight and bias of a linear classifier."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from cltool.contract.clauses import Clause
from cltool.contract.examples import samples, value_samples
from cltool.contract.trials import DETERMINISTIC, RUNS, UNTOUCHED, Make, Subject, Trial, each, try_all
from cltool.plugin import Configured


def subject(head: Configured) -> Subject:
    """Try it on well-separated classes, few samples, soft targets and features that do not move."""
    abc = samples("abc")

    def case(features: Tensor, targets: Tensor) -> Make:
        return lambda: {"features": features.clone(), "targets": targets.clone()}

    with_unknown = torch.cat([abc.targets, torch.zeros(len(abc.targets), 1)], 1)
    still = abc.features.clone()
    still[:, 0] = 7.0
    law = value_samples("first")
    few = samples("ab", 1, width=9)
    cases = {
        SEPARATED: case(abc.features, abc.targets),
        "a row without a sample, as `unknown` has": case(abc.features, with_unknown),
        "soft targets": case(abc.features, 0.8 * abc.targets + 0.2 / 3),
        "one sample per class, fewer than features": case(few.features, few.targets),
        "a feature that does not move": case(still, abc.targets),
        **({VALUES: case(law.features, law.targets)} if head.plugin.facts.get("values") else {}),
        "a single class": case(*(lambda one: (one.features, one.targets))(samples("a"))),
    }
    return try_all(head, cases)


SEPARATED = "well-separated classes"
VALUES = "values that follow a linear law"


def _shape(trial: Trial) -> str | None:
    found, (rows, width) = trial.result, _sizes(trial)
    if not (isinstance(found, tuple) and len(found) == 2 and all(isinstance(part, Tensor) for part in found)):
        return f"{type(found).__name__}"
    shapes = [list(part.shape) for part in found]
    return None if shapes == [[rows, width], [rows]] else f"{shapes} instead of [{rows}, {width}], [{rows}]"


def _sizes(trial: Trial) -> tuple[int, int]:
    return trial.given["targets"].shape[1], trial.given["features"].shape[1]


def _finite(trial: Trial) -> str | None:
    return None if all(torch.isfinite(part).all() for part in trial.result) else "numbers that are not"


def _dtype(trial: Trial) -> str | None:
    bad = {part.dtype for part in trial.result} - {torch.float32}
    return f"{bad.pop()}" if bad else None


def _values(trial: Trial) -> str | None:
    if trial.case != VALUES:
        return None
    weight, bias = trial.result
    targets = trial.given["targets"]
    wrong = (trial.given["features"] @ weight.T + bias - targets).square().mean(0) / targets.var(0, correction=0)
    return None if (wrong < 1).all() else f"{float(wrong.max()):.0%} of a value's variance is wrong"


def _learns(trial: Trial) -> str | None:
    if trial.case != SEPARATED:
        return None
    weight, bias = trial.result
    given: Any = trial.given
    right = (given["features"] @ weight.T + bias).argmax(1) == given["targets"].argmax(1)
    share = float(right.double().mean())
    return None if share > 0.9 else f"{share:.0%} of the training samples right"


CLAUSES = (
    RUNS,
    Clause("shape", "(weight [R, D], bias [R])", each(_shape)),
    Clause("finite", "finite numbers", each(_finite)),
    Clause("dtype", "float32, as the features", each(_dtype)),
    Clause("learns", "over 90 % of well-separated training samples right", each(_learns)),
    Clause("values", "where it says that it is fit for values, nearer to them than their mean", each(_values)),
    UNTOUCHED,
    DETERMINISTIC,
)
