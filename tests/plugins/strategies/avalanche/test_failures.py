"""Wrong calls of rivals: one line that says what to do, before anything is learned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from cltool import CallError, TaskStream
from cltool_plugins.avalanche import library

Run = Callable[..., Any]


@pytest.mark.parametrize(
    ("spelled", "says"),
    [
        ("replay:memory=0", "option memory=0: .*greater than or equal to 1"),
        ("replay:memory=-5", "option memory=-5"),
        ("naive:memory=20", "has no option 'memory'"),
        ("ewc:strength=-1", "option strength=-1"),
        ("naive:train=some", "option train=some: .*'head' or 'all'"),
        ("naive:epochs=0", "option epochs=0"),
        ("naive:learning_rate=0", "option learning_rate=0"),
        ("naive:momentum=1", "option momentum=1"),
        ("slda:train=all", "learns on a frozen network; leave train=all out"),
        ("fecam:train=all", "learns on a frozen network; leave train=all out"),
        ("icarl:memory=9", "memory=9: it keeps at least one sample of every class; take 10"),
        ("gem:memory=4", "memory=4: it keeps at least one sample of every task; take 5"),
        ("agem:memory=4", "memory=4: it keeps at least one sample of every task; take 5"),
        ("agem:memory_batch=4", "memory_batch=4: .*take 5 or more"),
        ("bic:memory=50", "memory=50: .*take memory=111, or a larger held_back"),
        ("packnet:epochs=3,tuning_epochs=3", "of 3 epochs 3 come after the pruning; take tuning_epochs=2"),
    ],
)
def test_wrong_options(run: Run, spelled: str, says: str) -> None:
    with pytest.raises(CallError, match=says):
        run(f"avalanche:{spelled}")


def test_soft_labels(run: Run, digit_stream: TaskStream) -> None:
    soft = replace(digit_stream, pictures=replace(digit_stream.pictures, soft=True))
    with pytest.raises(
        CallError, match=r"'avalanche:naive' needs one class per picture; this stream's labels are soft"
    ):
        run("avalanche:naive", stream=soft)


def test_a_class_in_two_tasks(run: Run, digit_stream: TaskStream) -> None:
    again = replace(digit_stream, groups=(("0", "1"), ("1", "2")))
    with pytest.raises(CallError, match="every class in one task alone; '1' is in several"):
        run("avalanche:icarl", stream=again)


def test_without_avalanche(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "find_spec", lambda name: None)
    with pytest.raises(CallError, match=r"Avalanche is not installed; pip install cltool\[avalanche\]"):
        run("avalanche:naive")


@pytest.mark.slow
def test_a_predictor_is_asked_too_late(run: Run, digit_stream: TaskStream) -> None:
    predictors = run("avalanche:ncm")
    first = next(predictors)
    next(predictors)
    with pytest.raises(RuntimeError, match="has learned task 2 since; what it knew after task 1 must be asked before"):
        first.scores(digit_stream.test(["0"]))


@pytest.mark.slow
def test_learning_that_diverges(run: Run, digit_stream: TaskStream) -> None:
    says = r"task 002 are no numbers; take a learning_rate below 0.003, or a lower strength where it has one"
    predictors = run("avalanche:ewc:strength=1e9,epochs=1")
    assert torch.isfinite(next(predictors).scores(digit_stream.test(["0"]))).all()
    second = next(predictors)
    with pytest.raises(CallError, match=says):
        second.scores(digit_stream.test(["0"]))


@pytest.mark.slow
def test_packnet_cannot_prune_normalised_layers(run: Run, digit_stream: TaskStream) -> None:
    from torch import nn

    from cltool.backbones import Backbone, PictureTransform
    from cltool.catalogue import discover
    from cltool.contract.examples import pixel_features
    from cltool.plugin import Spec
    from cltool.seeding import generator

    body = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8))
    backbone = Backbone.of("normalised", body, PictureTransform(8, 1), 8)
    rival = discover().configure("strategy", Spec.parse("avalanche:packnet:train=all"))
    given = {"stream": digit_stream, "features": pixel_features, "backbone": backbone, "device": "cpu"}
    with pytest.raises(CallError, match="cannot prune this backbone"):
        next(rival(**given, rng=generator("x")))
