"""What was made quick gives Avalanche's own scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from cltool import TaskStream
from cltool_plugins.strategies.avalanche import prototypes

Run = Callable[..., Any]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rival", "quick", "own"),
    [("slda", "blockwise_slda", "StreamingLDA"), ("fecam", "cached_fecam", "FeCAMClassifier")],
)
def test_scores_are_avalanches_own(
    run: Run, digit_stream: TaskStream, monkeypatch: pytest.MonkeyPatch, rival: str, quick: str, own: str
) -> None:
    import avalanche

    def scores() -> list[torch.Tensor]:
        return [p.scores(digit_stream.test(p.outputs)) for p in run(f"avalanche:{rival}")]

    found = scores()
    theirs = getattr(avalanche.training, own, None) or getattr(avalanche.models, own)
    monkeypatch.setattr(prototypes, quick, theirs)
    for ours, wanted in zip(found, scores(), strict=True):
        assert torch.allclose(ours, wanted, rtol=1e-3, atol=1e-3 * float(wanted.abs().max()))
