"""Measurements in processes of their own, so that memory and threads are theirs alone."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer


def in_a_process(module: str, asked: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What a benchmark's module, run as a program with what is asked as JSON, prints as JSON.

    Raises typer.BadParameter with the last line of what went wrong.
    """
    called = subprocess.run(
        [sys.executable, "-m", module, json.dumps(asked)],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if called.returncode:
        raise typer.BadParameter(called.stderr.strip().splitlines()[-1])
    found: dict[str, Any] = json.loads(called.stdout)
    return found


def peak_mb() -> float:
    """Megabytes this process has had at most; Linux counts those of its parent into ru_maxrss, but not here."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
