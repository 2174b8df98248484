"""The journal of a universal network's training, read by what does not write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from cltool.training import journals


class _Part(BaseModel):
    loss: float
    accuracy: float


class _Line(BaseModel):
    """What has to be told of an epoch; there may be more."""

    epoch: int
    train: _Part
    validation: _Part
    drawn: dict[str, int]
    seconds: float
    best: bool


def read_journal(directory: Path) -> list[dict[str, Any]]:
    """The finished epochs of a training; none where there is no journal. Raises CallError where it is damaged."""
    return journals.read_journal(directory, _Line)
