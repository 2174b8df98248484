"""Standardisation: fixed on the first task, with a floor under its deviations."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cltool import standardization
from cltool.catalogue import discover
from cltool.errors import CallError
from cltool.evaluation import evaluate
from cltool.features import FeatureBank
from cltool.learner import Learner
from cltool.metrics import pooled
from cltool.plugin import Spec
from cltool.standardization import Standardization
from cltool.tasks import TaskStream


def test_features_that_never_move_become_zero_not_infinite() -> None:
    x = torch.tensor([[1.0, 7.0], [3.0, 7.0]])
    z = Standardization.of(x)
    assert torch.equal(z(x)[:, 1], torch.zeros(2))
    assert torch.isfinite(Standardization.of(torch.ones(3, 2))(x)).all()


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = Standardization.of(torch.randn(9, 4))
    made.save(tmp_path / "z.safetensors")
    back = Standardization.load(tmp_path / "z.safetensors")
    assert torch.equal(back.mean, made.mean)
    assert torch.equal(back.deviation, made.deviation)
    with pytest.raises(CallError, match="is no standardisation"):
        Standardization.load(tmp_path / "nothing.safetensors")


def test_without_the_floor_features_asleep_in_the_first_task_drown_all_others(
    digit_stream: TaskStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On training pictures, as the floor was chosen: it makes a third of all digits' difference."""
    bank, catalogue = FeatureBank(), discover()
    backbone = catalogue.find("backbone", "random").function(digit_stream)
    parts = [catalogue.configure(*named) for named in (("head", Spec("softmax")), ("unknown", Spec("none")))]
    learner = Learner(*parts, catalogue.configure("merge", Spec("alpha")))
    seen = TaskStream(
        type(digit_stream.pictures)(
            digit_stream.pictures.outputs, digit_stream.pictures.train, digit_stream.pictures.train
        ),
        digit_stream.groups,
    )

    def accuracy(floor: float) -> float:
        monkeypatch.setattr(standardization, "FLOOR", floor)
        *_, last = learner(seen, features=lambda b: bank.features(b, backbone), backbone="b")
        return pooled(evaluate(last, seen, 4).row, seen.test_counts)

    assert accuracy(standardization.FLOOR) > accuracy(1e-5) + 0.3
