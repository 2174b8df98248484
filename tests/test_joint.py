"""The joint reference: the minimum it claims, and the decay it chooses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cltool.backbones import Backbone
from cltool.catalogue import discover
from cltool.features import FeatureBank
from cltool.joint import DECAYS, JointReference, choose_decay, softmax_regression
from cltool.tasks import TaskStream


def make_problem(n: int = 300, width: int = 6, classes: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    label = torch.arange(n) % classes
    x = torch.randn(n, width, generator=rng) + 1.5 * torch.randn(classes, width, generator=rng)[label]
    return x * torch.logspace(0, 2, width), torch.nn.functional.one_hot(label, classes).float()


def objective(x: torch.Tensor, y: torch.Tensor, w: torch.Tensor, b: torch.Tensor, decay: float) -> float:
    log_p = torch.log_softmax((x @ w.T + b).double(), 1)
    return float(-(log_p * y).sum(1).mean() + decay / 2 * w.double().square().sum())


@pytest.mark.slow
def test_it_finds_scikit_learns_minimum_on_badly_scaled_features() -> None:
    from sklearn.linear_model import LogisticRegression

    x, y = make_problem()
    decay = 0.01
    theirs = LogisticRegression(C=1 / (decay * len(x)), tol=1e-10, max_iter=10_000)
    theirs.fit(x.double().numpy(), y.argmax(1).numpy())
    w, b = (torch.from_numpy(np.asarray(a)).float() for a in (theirs.coef_, theirs.intercept_))
    best = objective(x, y, w, b, decay)
    assert objective(x, y, *softmax_regression(x, y, decay, tolerance=1e-9), decay) == pytest.approx(best, rel=1e-4)
    assert objective(x, y, *softmax_regression(x, y, decay), decay) == pytest.approx(best, rel=2e-3)


def test_a_start_changes_the_way_not_the_end() -> None:
    x, y = make_problem()
    start = torch.randn(4, 7, generator=torch.Generator().manual_seed(1))
    cold = objective(x, y, *softmax_regression(x, y, 0.1, tolerance=1e-9), 0.1)
    warm = objective(x, y, *softmax_regression(x, y, 0.1, start, tolerance=1e-9), 0.1)
    assert warm == pytest.approx(cold, rel=1e-4)


def test_soft_targets_are_met_in_their_shares() -> None:
    x = torch.zeros(10, 2)
    y = torch.tensor([[0.7, 0.2, 0.1]]).expand(10, 3)
    w, b = softmax_regression(x, y, 0.1, tolerance=1e-12)
    assert torch.allclose(torch.softmax(x[0] @ w.T + b, 0), y[0], atol=2e-3)


def test_noise_is_given_more_decay_than_signal() -> None:
    x, y = make_problem(n=200)
    x = x / x.std(0)
    shuffled = y[torch.randperm(len(y), generator=torch.Generator().manual_seed(2))]
    clean, _ = choose_decay(x, y, seed=0)
    noisy, _ = choose_decay(x, shuffled, seed=0)
    assert noisy == DECAYS[0]
    assert clean < noisy


@pytest.mark.slow
def test_it_reaches_what_one_head_on_everything_can_and_resumes_from_its_choice(
    digit_stream: TaskStream,
) -> None:
    bank = FeatureBank()
    backbone: Backbone = discover().find("backbone", "random").function(digit_stream)

    def reference(decay: float | None = None, chosen_at: int = 0) -> JointReference:
        return JointReference(lambda blocks: bank.features(blocks, backbone), 0, decay, chosen_at)

    whole = reference()
    choices = []
    for task in digit_stream:
        whole.add(task)
        solved = whole.solve()
        choices.append((whole.decay, whole.chosen_at))
    resumed = reference(*choices[3])
    for task in digit_stream:
        resumed.add(task)
    assert torch.equal(resumed.solve().head.weight, solved.head.weight)
    scores = solved.scores(digit_stream.test(digit_stream.pictures.outputs))
    truth = torch.cat([torch.full((len(digit_stream.pictures.test[n]),), i) for i, n in enumerate(solved.outputs)])
    assert (scores.argmax(1) == truth).float().mean() > 0.95
