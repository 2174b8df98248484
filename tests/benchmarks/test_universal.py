"""`python -m benchmarks universal`: that it measures what it says, not how fast anything is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SMALL = ("--backbone", "random:features=8", "--size", "8", "--pictures-per-class", "20", "--turns", "1")


def measured(*arguments: str) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-m", "benchmarks", "universal", "--device", "cpu", *SMALL, *arguments]
    return subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_both_pairs_are_timed_and_what_was_measured_is_said() -> None:
    called = measured("--batch", "16", "--json")
    assert called.returncode == 0, called.stderr
    found = json.loads(called.stdout)
    about, training, extraction = found["about"], found["training"], found["extraction"]
    assert about["device"].startswith("CPU")
    assert (about["stream"], about["size"], about["pictures"], about["classes"]) == ("digits", 8, 200, 10)
    assert (training["batch"], extraction["batch"]) == (16, 32)
    assert 0 <= training["data_wait"] <= 1
    for part, own, bare in (
        (training, "loop_steps_per_s", "bare_steps_per_s"),
        (extraction, "bank_pictures_per_s", "bare_pictures_per_s"),
    ):
        assert part[own] > 0
        assert part["ratio"] == pytest.approx(part[own] / part[bare])


@pytest.mark.slow
def test_a_wrong_call_is_told_in_a_line() -> None:
    called = measured("--precision", "float16")
    assert called.returncode == 2
    assert "Traceback" not in called.stderr
    assert "needs a GPU" in " ".join(called.stderr.replace("│", " ").split())
