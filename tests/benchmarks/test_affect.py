"""`python -m benchmarks affect`: that it measures what it says, not how fast anything is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.affect.conftest import write_store

ROOT = Path(__file__).parents[2]


def measured(*arguments: object) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-m", "benchmarks", "affect", *map(str, arguments)]
    return subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_training_is_timed_beside_the_bare_network(tmp_path: Path) -> None:
    store = write_store(tmp_path / "store")
    small = ("--network", "pose:hidden=8", "--sequence", 20, "--batch", 4, "--epochs", 3, "--device", "cpu")
    called = measured(store, *small, "--json")
    assert called.returncode == 0, called.stderr
    found = json.loads(called.stdout)
    assert (found["about"]["sequence"], found["about"]["batch"]) == (20, 4)
    told = found["networks"]["pose:hidden=8"]
    assert told["ratio"] == pytest.approx(told["loop_steps_per_s"] / told["bare_steps_per_s"])
    assert 0 <= told["data_wait"] < 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nowhere",), "nowhere is no feature store"),
        (("STORE", "--network", "pose", "--sequence", 900), "--sequence 900"),
    ],
)
def test_a_wrong_call_is_answered_in_one_line(arguments: tuple, told: str, tmp_path: Path) -> None:
    store = write_store(tmp_path / "store")
    called = measured(*(store if word == "STORE" else word for word in arguments))
    assert called.returncode == 2
    assert told in " ".join(called.stderr.replace("│", " ").split())
