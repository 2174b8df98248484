"""Avalanche's import, which leaves no trace."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from cltool_plugins.avalanche import library


def test_numbers_that_the_import_draws_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def state() -> tuple:
        return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()

    drawn = []
    monkeypatch.setattr(
        library, "import_module", lambda _: drawn.extend([random.random(), np.random.rand(), torch.rand(1)])
    )
    before = state()
    library.library()
    assert len(drawn) == 3
    assert state() == before
