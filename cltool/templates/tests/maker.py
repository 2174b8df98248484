"""The maker's films and their labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cltool.contract import check
from cltool.progress import Silent
from cltool.templates.maker import mine
from cltool.video.decoding import read_frames


def test_mine_keeps_the_contract() -> None:
    check(mine)


def test_mine_shows_what_the_labels_say(tmp_path: Path) -> None:
    mine(tmp_path, videos=2, seconds=1, seed=3, progress=Silent())
    for name in ("000", "001"):
        table = np.loadtxt(tmp_path / f"{name}.csv", delimiter=",", skiprows=1)
        shown = [
            frame.picture.mean((0, 1)) for frame in read_frames(tmp_path / f"{name}.mp4") if frame.picture is not None
        ]
        np.testing.assert_allclose(np.array(shown)[:, :2] / 127 - 1, table, atol=0.05)
