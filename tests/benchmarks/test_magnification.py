"""`python -m benchmarks magnification`: that it measures what it says, not how fast anything is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def measured(*arguments: object) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-m", "benchmarks", "magnification", *map(str, arguments)]
    return subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_all_four_are_timed_and_what_was_measured_is_said() -> None:
    called = measured("--size", "48x32", "--rate", 12, "--short", 2, "--long", 4, "--json")
    assert called.returncode == 0, called.stderr
    found = json.loads(called.stdout)
    assert found["pictures"].startswith("synthetic")
    ways = [(row["method"], row["filter"]) for row in found["rows"]]
    assert ways == [(m, f) for m in ("colour", "motion") for f in ("ideal", "butterworth")]
    for row in found["rows"]:
        assert row["size"] == "48×32"
        assert row["film_s"] == [2, 4]
        assert row["s_per_film_s"] * row["times_real_time"] == pytest.approx(1)
        assert 0 < row["processor_s_per_film_s"] < row["s_per_film_s"] * 1.1
        assert row["growth"] == pytest.approx(row["peak_mb"][1] / row["peak_mb"][0] - 1)
        assert 20 < row["peak_mb"][0] < 2000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "told"), [(("--size", "48"), "give width and height"), (("--rate", 5), "high 3 Hz needs more than 6")]
)
def test_a_wrong_call_is_told_in_a_line(arguments: tuple, told: str) -> None:
    called = measured(*arguments)
    assert called.returncode == 2
    assert "Traceback" not in called.stderr
    assert told in " ".join(called.stderr.replace("│", " ").split())
