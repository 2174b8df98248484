"""The program as a user calls it, in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Called:
    code: int
    out: str
    err: str


@pytest.fixture
def cltool(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Called]:
    """Call `cltool ARGUMENTS…`; gives exit code, standard output and standard error."""
    from cltool.cli import main

    def call(*arguments: object) -> Called:
        monkeypatch.setattr(sys, "argv", ["cltool", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        told = capsys.readouterr()
        return Called(int(stopped.value.code or 0), told.out, told.err)

    return call
