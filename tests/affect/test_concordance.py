"""CCC as the field reports it, where it is 0/0 as well."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cltool.affect.concordance import concordance, scores
from cltool_plugins.losses.ccc import ccc

VALUES = st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=2, max_size=30)


@given(st.integers(1, 300), st.floats(-1, 1))
def test_equal_constants_agree_by_chance_whatever_their_mean_is_rounded_to(frames: int, value: float) -> None:
    same = np.full(frames, value)
    assert concordance(same, same) == 0
    assert concordance(same, np.linspace(-1, 1, frames)) == 0


@given(VALUES)
def test_it_is_what_the_loss_lowers(pairs: list[tuple[float, float]]) -> None:
    x, y = np.array(pairs).T
    both = (torch.from_numpy(side.copy())[None, :, None] for side in (x, y))
    lowered = 1 - float(ccc(*both, torch.ones(1, len(x), dtype=torch.bool)))
    if np.var(x) + np.var(y) > 1e-3:  # the loss rounds 0/0 off
        assert concordance(x, y) == pytest.approx(lowered, abs=1e-6)


def test_a_frame_without_either_is_left_out() -> None:
    y = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.7], [0.1, 0.2]])
    x = y.copy()
    x[2, 0] = np.nan
    y[3, 1] = np.nan
    assert scores(x, y) == scores(x[:2], y[:2]) == {"ccc_valence": 1, "ccc_arousal": 1, "ccc_mean": 1}
