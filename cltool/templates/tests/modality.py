"""The modality against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cltool.contract import check
from cltool.templates.modality import mine
from cltool.video.modalities import Frames


def test_mine_keeps_the_contract() -> None:
    check(mine)


def test_mine_is_the_mean_of_the_pixels() -> None:
    half = np.zeros((2, 4, 3), np.uint8)
    half[:, :2] = 255
    found = mine()(Frames(0, np.array([0.0, 0.04]), [half, None]))
    rows = found["mine"]
    assert rows.valid.tolist() == [True, False]
    assert rows.values[0] == pytest.approx(0.5)
