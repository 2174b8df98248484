"""What holds of every head that a plugin gives back."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from cltool.contract.clauses import Clause, NotChecked
from cltool.contract.trials import Trial, digest, each
from cltool.heads import Head


def head_of(trial: Trial) -> Head:
    """The trial's result; raises NotChecked where it is no head, which the clause `shape` tells."""
    if not isinstance(trial.result, Head):
        raise NotChecked("the result is no Head")
    return trial.result


def _finite(trial: Trial) -> str | None:
    found = head_of(trial)
    bad = ~(torch.isfinite(found.weight).all(1) & torch.isfinite(found.bias))
    return f"row {found.names[int(bad.nonzero()[0])]!r} is not" if bad.any() else None


def _file(trial: Trial) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "head.safetensors"
        head_of(trial).save(path)
        return None if digest(Head.load(path)) == digest(head_of(trial)) else "another head"


FINITE = Clause("finite", "weights and biases that are finite numbers", each(_finite))
FILE = Clause("file", "the same head after saving and loading", each(_file))
