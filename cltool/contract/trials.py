"""Trying a plugin on cases: called twice on equal inputs, under different global randomness."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cltool.contract.clauses import Clause, NotChecked, first, told
from cltool.plugin import Configured
from cltool.seeding import generator

Make = Callable[[], dict[str, Any]]  # makes a case's inputs anew, the same at every call
Judge = Callable[["Trial"], str | None]


@dataclass(frozen=True)
class Trial:
    """One case: what was given, and what came of two calls, or the exception."""

    case: str
    given: Mapping[str, Any]
    untouched: bool
    result: Any = None
    again: Any = None
    error: BaseException | None = None


@dataclass(frozen=True)
class Subject:
    """A plugin with its trials: what the clauses of a kind look at."""

    plugin: Configured
    trials: Sequence[Trial]


def try_all(plugin: Configured, cases: Mapping[str, Make]) -> Subject:
    """The plugin with a trial of every case."""
    return Subject(plugin, [_try(plugin, case, make) for case, make in cases.items()])


def _try(plugin: Configured, case: str, make: Make) -> Trial:
    given, pristine = make(), digest(make())
    try:
        with global_randomness(1):
            result = plugin(**given, rng=generator("contract", case))
        untouched = digest(given) == pristine
        with global_randomness(2):
            again = plugin(**make(), rng=generator("contract", case))
    except (Exception, SystemExit) as error:
        return Trial(case, given, digest(given) == pristine, error=error)
    return Trial(case, given, untouched, result, again)


@contextmanager
def global_randomness(seed: int) -> Iterator[None]:
    """Seed Python's, numpy's and torch's global generators for a while; what they were comes back."""
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


def digest(value: Any) -> str:
    """A hash of every number in tensors, modules, dataclasses, mappings and sequences.

    >>> digest([torch.zeros(2)]) == digest([torch.zeros(2)]), digest(torch.zeros(2)) == digest(torch.zeros(3))
    (True, False)
    """
    sha = hashlib.sha256()
    for piece in _pieces(value):
        sha.update(piece)
    return sha.hexdigest()


def _pieces(value: Any) -> Iterator[bytes]:
    if isinstance(value, Tensor):
        yield f"{value.dtype} {list(value.shape)}".encode()
        flat = torch.empty(value.numel(), dtype=value.dtype).copy_(value.detach().flatten())
        yield flat.view(torch.uint8).numpy().tobytes()
    elif isinstance(value, nn.Module):
        yield from _pieces(dict(value.state_dict()))
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _pieces(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield str(key).encode()
            yield from _pieces(part)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for part in value:
            yield from _pieces(part)
    else:
        yield repr(value).encode()


def each(judge: Judge) -> Callable[[Subject], str | None]:
    """A clause's test from a judge of one trial; trials that raised are the clause `runs`' business."""

    def test(subject: Subject) -> str | None:
        done = [trial for trial in subject.trials if trial.error is None]
        if not done:
            raise NotChecked("no call returned")
        found = [(trial.case, judge(trial)) for trial in done]
        return first([f"{came}, for {case}" for case, came in found if came])

    return test


def _runs(subject: Subject) -> str | None:
    return first([f"{told(trial.error)}, for {trial.case}" for trial in subject.trials if trial.error])


def _untouched(subject: Subject) -> str | None:
    return first([f"an input changed, for {trial.case}" for trial in subject.trials if not trial.untouched])


def _deterministic(trial: Trial) -> str | None:
    if digest(trial.result) == digest(trial.again):
        return None
    return "two results; draw from the input `rng: Generator`, not from a global generator"


RUNS = Clause("runs", "a result for every case", _runs)
UNTOUCHED = Clause("inputs", "left as they were given", _untouched)
DETERMINISTIC = Clause("deterministic", "the same inputs give the same result", each(_deterministic))
