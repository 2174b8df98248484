"""The contract of a lift: a fixed map of features, made from their width."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cltool.contract.clauses import Clause
from cltool.contract.trials import RUNS, Subject, Trial, digest, each, try_all
from cltool.plugin import Configured
from cltool.seeding import generator


def subject(lift: Configured) -> Subject:
    """Try it on a narrow and on a wider backbone."""
    return try_all(lift, {"one feature": lambda: {"width": 1}, "sixteen features": lambda: {"width": 16}})


def _features(trial: Trial) -> Tensor:
    return torch.randn(7, trial.given["width"], generator=generator("features"))


def _module(trial: Trial) -> str | None:
    return None if isinstance(trial.result, nn.Module) else f"a {type(trial.result).__name__}"


@torch.no_grad()
def _shape(trial: Trial) -> str | None:
    found = trial.result(_features(trial))
    return None if found.ndim == 2 and len(found) == 7 else f"{list(found.shape)} of features [7, D]"


@torch.no_grad()
def _finite(trial: Trial) -> str | None:
    found = trial.result(_features(trial))
    if found.dtype != torch.float32:
        return f"{found.dtype}"
    return None if torch.isfinite(found).all() else "numbers that are not"


@torch.no_grad()
def _fixed(trial: Trial) -> str | None:
    before, first = digest(trial.result), trial.result(_features(trial))
    again = trial.result(_features(trial))
    return None if torch.equal(first, again) and digest(trial.result) == before else "another one after it was used"


@torch.no_grad()
def _rows(trial: Trial) -> str | None:
    whole, single = trial.result(_features(trial)), trial.result(_features(trial)[:1])
    return None if torch.allclose(whole[:1], single, atol=1e-5) else "a row that depends on its neighbours"


@torch.no_grad()
def _deterministic(trial: Trial) -> str | None:
    if not torch.equal(trial.result(_features(trial)), trial.again(_features(trial))):
        return "another map at the second time; draw from a generator of a fixed seed, such as an option's"
    return None if digest(trial.result) == digest(trial.again) else "other weights at the second time"


CLAUSES = (
    RUNS,
    Clause("module", "a torch.nn.Module", each(_module)),
    Clause("shape", "features [n, D] → [n, D']", each(_shape)),
    Clause("finite", "float32, finite numbers", each(_finite)),
    Clause("fixed", "the same map at every use", each(_fixed)),
    Clause("rows", "a picture's numbers depend on that picture alone", each(_rows)),
    Clause("deterministic", "made twice, the same map", each(_deterministic)),
)
