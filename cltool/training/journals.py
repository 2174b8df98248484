"""A training's journal: a line of JSON per finished epoch, and the same numbers as TensorBoard shows them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from cltool.errors import CallError
from cltool.files import save_text

Facts = Mapping[str, Any]


def write_journal(directory: Path, journal: Sequence[Facts]) -> None:
    """Write journal.jsonl, whole or not at all."""
    lines = (json.dumps(facts, ensure_ascii=False) + "\n" for facts in journal)
    save_text(directory / "journal.jsonl", "".join(lines))


def read_journal(directory: Path, needed: type[BaseModel]) -> list[dict[str, Any]]:
    """The finished epochs of a training; none where there is no journal. `needed`: what a line has to tell.

    A last line that a kill cut short does not count. Raises CallError, which names file and line, for any other that
    is no JSON or lacks a key.
    """
    path = directory / "journal.jsonl"
    if not path.is_file():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    return [_read(line, needed, f"{path}, line {number}") for number, line in enumerate(lines, 1)]


def _read(line: bytes, needed: type[BaseModel], where: str) -> dict[str, Any]:
    way_out = "repair the journal, or move it away"
    try:
        told: dict[str, Any] = json.loads(line)
        needed.model_validate(told)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise CallError(f"{where}{', ' if key else ''}{key}: {first['msg']}; {way_out}") from None
    except ValueError as error:
        raise CallError(f"{where} is no JSON: {error}; {way_out}") from None
    return told


@contextmanager
def tensorboard(directory: Path, journal: Sequence[Facts]) -> Iterator[TensorBoard]:
    """TensorBoard's files, written anew from a journal and then line by line, so that no epoch stands twice."""
    from torch.utils.tensorboard import SummaryWriter

    shutil.rmtree(directory / "tensorboard", ignore_errors=True)
    with SummaryWriter(str(directory / "tensorboard")) as writer:
        board = TensorBoard(writer)
        for facts in journal:
            board.add(facts)
        yield board


@dataclass(frozen=True)
class TensorBoard:
    """TensorBoard's writer, told epochs."""

    writer: Any

    def add(self, facts: Facts) -> None:
        """Write an epoch's numbers."""
        for part in ("train", "validation"):
            for key, value in facts[part].items():
                self.writer.add_scalar(f"{key}/{part}", value, facts["epoch"])
        for key in ("learning_rate", "seconds", "data_wait"):
            self.writer.add_scalar(key, facts[key], facts["epoch"])
        self.writer.flush()
