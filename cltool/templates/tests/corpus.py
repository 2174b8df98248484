"""The corpus' labels, on a film of three frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cltool.contract import check
from cltool.templates.corpus import mine
from cltool.video.encoding import film_writer


def write_film(folder: Path) -> None:
    with film_writer(folder / "smile.mp4", width=32, height=32, rate=25) as film:
        for shade in (0, 100, 200):
            film.write(np.full((32, 32, 3), shade, np.uint8))
    (folder / "smile.csv").write_text("valence,arousal\n0.5,-0.25\n-5,-5\n0,1\n")


def test_mine_keeps_the_contract(tmp_path: Path) -> None:
    write_film(tmp_path)
    check(mine, data_root=tmp_path)


def test_mine_reads_a_label_per_frame(tmp_path: Path) -> None:
    write_film(tmp_path)
    (film,) = mine(tmp_path).films
    assert film.name == "smile"
    assert film.labels is not None
    assert film.labels().given.tolist() == [True, False, True]
    assert film.labels().values[[0, 2]].tolist() == [[0.5, -0.25], [0, 1]]
