"""`python -m benchmarks losses`: that it measures what it says, not how fast anything is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def measured(*arguments: object) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-m", "benchmarks", "losses", *map(str, arguments)]
    return subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_every_loss_is_timed_both_ways_beside_mse() -> None:
    called = measured("--shape", "2x8x2", "--loss", "ccc", "--rounds", 3, "--calls", 2, "--threads", 1, "--json")
    assert called.returncode == 0, called.stderr
    found = json.loads(called.stdout)
    assert found["about"]["shape"] == "2x8x2"
    assert found["about"]["device"].endswith("1 threads")
    assert [row["loss"] for row in found["rows"]] == ["mse", "ccc"]
    for way in ("eager", "compiled"):
        assert found["rows"][0][way]["ratio"] == 1
        assert found["rows"][1][way]["us"] > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--shape", "64x512"), "give sequences, frames and dimensions"),
        (("--device", "tpu"), "give cpu, or cuda"),
        (("--loss", "cccc"), "did you mean 'ccc'?"),
    ],
)
def test_a_wrong_call_is_answered_in_one_line(arguments: tuple, told: str) -> None:
    called = measured(*arguments)
    assert called.returncode == 2
    assert told in " ".join(called.stderr.replace("│", " ").split())
