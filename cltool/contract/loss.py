"""The contract of a loss: prediction, target, mask → a number to lower."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from cltool.contract.clauses import Clause
from cltool.contract.trials import (
    DETERMINISTIC,
    RUNS,
    UNTOUCHED,
    Make,
    Subject,
    Trial,
    digest,
    each,
    global_randomness,
    try_all,
)
from cltool.plugin import Configured
from cltool.seeding import generator

MASKED = "masked frames that hold no numbers"
PLAIN = "two sequences of ten frames"


def _random(*shape: int, name: str) -> Tensor:
    return torch.rand(*shape, generator=generator("loss", name)) * 2 - 1


def subject(loss: Configured) -> Subject:
    """Try it where losses break: at equality, at zero, on constants, single frames, and masks."""
    x, y = _random(2, 10, 2, name="x"), _random(2, 10, 2, name="y")
    valid = torch.ones(2, 10, dtype=torch.bool)
    some = valid.clone()
    some[0, 3:5] = some[1, 9:] = False
    hole = torch.where(some[..., None], 0.0, torch.nan)

    def case(prediction: Tensor, target: Tensor, mask: Tensor) -> Make:
        return lambda: {"prediction": prediction.clone(), "target": target.clone(), "mask": mask.clone()}

    cases = {
        PLAIN: case(x, y, valid),
        "a perfect prediction": case(y, y, valid),
        "zeros": case(torch.zeros_like(x), torch.zeros_like(y), valid),
        "a constant prediction": case(torch.full_like(x, 0.3), y, valid),
        "a single frame": case(x[:, :1], y[:, :1], valid[:, :1]),
        MASKED: case(x + hole, y + hole, some),
        "nothing but masked frames": case(x, y, ~valid),
    }
    return try_all(loss, cases)


def _shape(trial: Trial) -> str | None:
    found = trial.result
    if not isinstance(found, Tensor):
        return f"a {type(found).__name__}"
    return None if found.ndim == 0 and torch.isfinite(found) else f"{found}"


def _gradient(subject: Subject) -> str | None:
    def judge(trial: Trial) -> str | None:
        given: dict[str, Any] = {**trial.given}
        given["prediction"] = given["prediction"].clone().requires_grad_()
        subject.plugin(**given, rng=generator("contract", trial.case)).backward()
        gradient = given["prediction"].grad
        return None if gradient is not None and torch.isfinite(gradient).all() else "a gradient that is not"

    return each(judge)(subject)


def _mask(subject: Subject) -> str | None:
    """What stands in masked frames, numbers or not, may not move the loss."""

    def judge(trial: Trial) -> str | None:
        if trial.case != MASKED:
            return None
        given = {**trial.given, "prediction": trial.given["prediction"].nan_to_num(5.0)}
        given["target"] = given["target"].nan_to_num(-5.0)
        with global_randomness(1):
            other = subject.plugin(**given, rng=generator("contract", trial.case))
        return None if digest(other) == digest(trial.result) else f"{float(trial.result)} and {float(other)}"

    return each(judge)(subject)


def _lower(subject: Subject) -> str | None:
    """A perfect prediction must not cost more than a random one."""
    loss = {trial.case: trial.result for trial in subject.trials if trial.error is None}
    if PLAIN not in loss or "a perfect prediction" not in loss:
        return "no value"
    perfect, plain = float(loss["a perfect prediction"]), float(loss[PLAIN])
    return None if perfect < plain else f"{perfect} for a perfect prediction, {plain} for a random one"


CLAUSES = (
    RUNS,
    Clause("shape", "one finite number", each(_shape)),
    Clause("gradient", "finite, everywhere", _gradient),
    Clause("mask", "what masked frames hold does not matter", _mask),
    Clause("lower", "lower for a perfect prediction than for a random one", _lower),
    UNTOUCHED,
    DETERMINISTIC,
)
