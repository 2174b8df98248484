"""QDA against scipy's Gaussians, and what order and grouping of tasks may not change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from scipy.stats import multivariate_normal

from cltool import Block, CallError, TaskStream
from cltool.catalogue import discover
from cltool.evaluation import evaluate
from cltool.features import FeatureBank
from cltool.plugin import Spec
from cltool.progress import Silent
from cltool.tasks import arrange
from cltool_plugins.strategies.qda import qda


@pytest.fixture
def features(digit_stream: TaskStream):
    backbone = discover().configure("backbone", Spec.parse("random:features=32"))(stream=digit_stream)
    bank = FeatureBank(progress=Silent())
    return lambda blocks: bank.features(blocks, backbone)


def test_scores_are_gaussian_log_densities(digit_stream: TaskStream, features) -> None:
    first = next(iter(qda(digit_stream, features, shrinkage=0.5)))
    x = features(digit_stream.test(["0"])).double().numpy()
    own = features([digit_stream.pictures.train["1"]]).double()
    covariance = torch.cov(own.T, correction=0)
    shrunk = 0.5 * covariance + 0.5 * covariance.diagonal().mean() * torch.eye(32, dtype=torch.float64)
    wanted = torch.from_numpy(multivariate_normal(own.mean(0).numpy(), shrunk.numpy()).logpdf(x))
    found = first.scores(digit_stream.test(["0"]))[:, 1].double()
    assert torch.allclose(found - found.mean(), wanted - wanted.mean(), atol=1e-3)


def test_order_and_grouping_of_tasks_change_nothing(digit_stream: TaskStream, features) -> None:
    other = arrange(digit_stream.pictures, per_task=[3, 7], order=list("5028147369"))
    *_, one = qda(digit_stream, features)
    *_, two = qda(other, features)
    blocks = digit_stream.test(list("0123456789"))
    columns = [two.outputs.index(name) for name in one.outputs]
    assert torch.equal(one.scores(blocks), two.scores(blocks)[:, columns])


def test_it_learns_digits_without_a_look_back(digit_stream: TaskStream, features) -> None:
    rows = [evaluate(p, digit_stream, step).row for step, p in enumerate(qda(digit_stream, features))]
    assert len(rows) == 5
    assert sum(rows[-1]) / 5 > 0.9


def test_a_class_of_one_picture_is_a_ball(digit_stream: TaskStream, features) -> None:
    def single(blocks: Sequence[Block]) -> torch.Tensor:
        x = features(blocks)
        return x[:1].expand_as(x)  # all of a task's pictures alike: no variance at all

    first = next(iter(qda(digit_stream, single)))
    assert torch.isfinite(first.scores(digit_stream.test(["0"]))).all()


def test_soft_labels_are_refused(digit_stream: TaskStream, features) -> None:
    pictures = digit_stream.pictures
    soft = {n: replace(b, targets=torch.full((len(b), 10), 0.1)) for n, b in pictures.train.items()}
    stream = arrange(replace(pictures, train=soft, soft=True), 5, 2)
    with pytest.raises(CallError, match="one class per picture"):
        next(iter(qda(stream, features)))
