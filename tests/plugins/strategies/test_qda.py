"""QDA against scipy's Gaussians, and what order and grouping of tasks may not change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from scipy.stats import multivariate_normal

from cltool import Block, CallError, Statistics, TaskStream
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


@pytest.mark.parametrize("pooling", [0.0, 2.0])
def test_scores_are_gaussian_log_densities(digit_stream: TaskStream, features, pooling: float) -> None:
    first = next(iter(qda(digit_stream, features, pooling=pooling, shrinkage=0.5)))
    x = features(digit_stream.test(["0"])).double().numpy()
    zero, one = (features([digit_stream.pictures.train[name]]).double() for name in "01")
    own, other = (torch.cov(part.T, correction=0) for part in (one, zero))
    shared = (len(zero) * other + len(one) * own) / (len(zero) + len(one))
    pooled = (len(one) * own + 32 * pooling * shared) / (len(one) + 32 * pooling)
    shrunk = 0.5 * pooled + 0.5 * pooled.diagonal().mean() * torch.eye(32, dtype=torch.float64)
    wanted = torch.from_numpy(multivariate_normal(one.mean(0).numpy(), shrunk.numpy()).logpdf(x))
    found = first.scores(digit_stream.test(["0"]))[:, 1].double()
    assert torch.allclose(found - found.mean(), wanted - wanted.mean(), atol=1e-3)


def test_a_class_is_as_likely_beforehand_as_it_was_seen(digit_stream: TaskStream, features) -> None:
    counted, equal = (next(iter(qda(digit_stream, features, prior=prior))) for prior in ("counts", "equal"))
    zero, one = (len(digit_stream.pictures.train[name]) for name in "01")
    blocks = digit_stream.test(["0", "1"])
    lead = (counted.scores(blocks) - equal.scores(blocks)).double()
    assert torch.allclose(lead[:, 1] - lead[:, 0], torch.tensor(one / zero).log().double(), atol=1e-3)


def test_order_and_grouping_of_tasks_change_nothing(digit_stream: TaskStream, features) -> None:
    other = arrange(digit_stream.pictures, per_task=[3, 7], order=list("5028147369"))
    *_, one = qda(digit_stream, features)
    *_, two = qda(other, features)
    blocks = digit_stream.test(list("0123456789"))
    columns = [two.outputs.index(name) for name in one.outputs]
    assert torch.allclose(one.scores(blocks), two.scores(blocks)[:, columns], rtol=1e-5)


def test_what_is_kept_is_counted_and_does_not_grow_with_the_samples(digit_stream: TaskStream, features) -> None:
    learned = list(qda(digit_stream, features))
    assert [one.nbytes for one in learned] == [8 * (33 * 33 + 2 * n * (32 * 32 + 33 + 2)) for n in range(1, 6)]
    assert [one.parameters for one in learned] == [2 * n * (32 * 32 + 32 + 1) for n in range(1, 6)]
    assert {one.samples_kept for one in learned} == {0}


def test_a_class_without_samples_is_nobodys(digit_stream: TaskStream, features) -> None:
    learned = next(iter(qda(digit_stream, features)))
    none = Statistics.of(torch.zeros(0, 32), torch.zeros(0, 1), ("none",), learned.statistics.space, class_grams=True)
    scores = replace(learned, statistics=learned.statistics + none).scores(digit_stream.test(["0", "5"]))
    assert torch.isfinite(scores).all()
    assert (scores.argmax(1) < 2).all()


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
