"""The contract of a surgery: one head → the same head with other numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from cltool.contract.clauses import Clause, NotChecked
from cltool.contract.examples import FLOATS, samples
from cltool.contract.heads import FILE, FINITE, head_of
from cltool.contract.trials import DETERMINISTIC, RUNS, UNTOUCHED, Make, Subject, Trial, each, try_all
from cltool.heads import UNKNOWN, Head
from cltool.places import PLACES
from cltool.plugin import Configured
from cltool.seeding import generator
from cltool.surgeries import Operation


def subject(surgery: Configured) -> Subject:
    """Try it on heads of all sizes and on weights without any spread."""
    abc = samples("abc").head()

    def with_weight(weight: Tensor, *names: str) -> Make:
        zero = torch.zeros(len(names))
        return lambda: {"head": Head(names, weight.clone(), zero.clone(), zero.clone(), "s")}

    noise = torch.randn(101, 64, generator=generator("weights"))
    cases: dict[str, Make] = {
        "a head of three classes": lambda: {"head": samples("abc").head()},
        "a head without `unknown`": lambda: {"head": samples("abc").head(unknown=False)},
        "a hundred classes": with_weight(0.1 * noise, *map(str, range(100)), UNKNOWN),
        "`unknown` alone": with_weight(noise[:1], UNKNOWN),
        "a single weight": with_weight(noise[:1, :1], "a"),
        "weights all alike": with_weight(torch.full((2, 5), 0.5), "a", "b"),
        "weights all zero": with_weight(torch.zeros(2, 5), "a", "b"),
        **{str(dtype): _as(abc, dtype) for dtype in FLOATS},
    }
    return try_all(surgery, cases)


def _as(head: Head, dtype: torch.dtype) -> Make:
    return lambda: {"head": replace(head, weight=head.weight.to(dtype), bias=head.bias.to(dtype))}


def _shape(trial: Trial) -> str | None:
    found, wanted = trial.result, trial.given["head"].weight.shape
    if not isinstance(found, Head):
        return f"a {type(found).__name__}"
    return None if found.weight.shape == wanted else f"weights {list(found.weight.shape)} instead of {list(wanted)}"


def _names(trial: Trial) -> str | None:
    found, wanted = head_of(trial).names, trial.given["head"].names
    return None if found == wanted else f"{', '.join(found)} instead of {', '.join(wanted)}"


def _rest(trial: Trial) -> str | None:
    found, given = head_of(trial), trial.given["head"]
    if found.space != given.space:
        return f"space {found.space!r}"
    return None if torch.equal(found.counts, given.counts) else "other counts"


def _dtype(trial: Trial) -> str | None:
    found, wanted = head_of(trial), trial.given["head"].weight.dtype
    bad = {found.weight.dtype, found.bias.dtype} - {wanted}
    return f"{bad.pop()} instead of {wanted}" if bad else None


def _device(subject: Subject) -> str | None:
    if not torch.cuda.is_available():
        raise NotChecked("there is no GPU here")
    head = samples("abc").head()
    given: dict[str, Any] = {"head": replace(head, weight=head.weight.cuda(), bias=head.bias.cuda())}
    found = subject.plugin(**given, rng=generator("contract", "device"))
    if not isinstance(found, Head):
        raise NotChecked("the result is no Head")
    return None if found.weight.is_cuda and found.bias.is_cuda else f"weights on {found.weight.device}"


def _place(subject: Subject) -> str | None:
    Operation.of(subject.plugin)
    return None


CLAUSES = (
    RUNS,
    Clause("shape", "a Head with weights of the same shape", each(_shape)),
    Clause("names", "the same rows in the same order", each(_names)),
    Clause("counts", "counts and feature space as they were", each(_rest)),
    FINITE,
    Clause("dtype", "that of the head", each(_dtype)),
    Clause("device", "that of the head", _device),
    UNTOUCHED,
    DETERMINISTIC,
    FILE,
    Clause("place", f"its own place, the fact `on`, is one of {', '.join(PLACES)}", _place),
)
