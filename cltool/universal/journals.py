"""A training's journal, read by what does not write it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from cltool.errors import CallError


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
    """The finished epochs of a training; none where there is no journal.

    A last line that a kill cut short does not count. Raises CallError, which names file and line, for any other that
    is no JSON or lacks a key.
    """
    path = directory / "journal.jsonl"
    if not path.is_file():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    return [_read(line, f"{path}, line {number}") for number, line in enumerate(lines, 1)]


def _read(line: bytes, where: str) -> dict[str, Any]:
    way_out = "repair the journal, or move it away"
    try:
        told: dict[str, Any] = json.loads(line)
        _Line.model_validate(told)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise CallError(f"{where}{', ' if key else ''}{key}: {first['msg']}; {way_out}") from None
    except ValueError as error:
        raise CallError(f"{where} is no JSON: {error}; {way_out}") from None
    return told
