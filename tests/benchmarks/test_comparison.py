"""`python -m benchmarks comparison`: that it measures what it says, not how fast anything is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_same_cells_are_timed_one_by_one_and_side_by_side() -> None:
    arguments = ("--strategy", "ncm", "--backbone", "random:features=12", "--seeds", "2", "--rounds", "1", "--json")
    call = [sys.executable, "-m", "benchmarks", "comparison", *arguments]
    called = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)
    assert called.returncode == 0, called.stderr
    found = json.loads(called.stdout)
    assert (found["about"]["cells"], found["about"]["jobs"]) == (2, 2)
    assert found["ratio"] == pytest.approx(found["seconds"]["1"] / found["seconds"]["2"])
