"""`python -m benchmarks prediction`: that it measures what it says, and that memory does not grow with a film."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cltool.video.encoding import film_writer

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_frames_are_timed_and_a_longer_film_takes_no_more_memory(trained_on: Callable, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    with film_writer(film, 64, 48, 25, 16_000) as writer:
        for number in range(50):
            writer.write(np.full((48, 64, 3), 50 + number, np.uint8))
            writer.hear(np.sin(np.arange(640) / 5).astype(np.float32) / 2)
    call = ["prediction", str(trained_on(film)), "--film", str(film), "--short", "4", "--long", "24", "--json"]
    called = subprocess.run(
        [sys.executable, "-m", "benchmarks", *call], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert called.returncode == 0, called.stderr
    found = json.loads(called.stdout)
    assert (found["pictures"], found["network"], found["film_s"]) == ("film.mp4", "audio:hidden=8", [4, 24])
    assert 0 < found["ms_per_frame"]["circle"] < found["ms_per_frame"]["overlay"]
    short, long = found["peak_mb"]
    assert long - short < 12
    assert found["growth"] == pytest.approx(long / short - 1)
