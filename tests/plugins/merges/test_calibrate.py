"""Calibrated rows: log-odds under the statistics, along the directions that were fitted."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from cltool import UNKNOWN, CallError, Head, Statistics
from cltool.contract.examples import Samples, samples, without_samples
from cltool_plugins.merges.calibrate import calibrate


@pytest.fixture
def tasks() -> list[Samples]:
    return [samples("ab", 40, spread=1.5), samples("cd", 15, spread=1.5), samples("ef", 60, spread=1.5)]


def fold(tasks: list[Samples], heads: list[Head] | None = None) -> tuple[Head, Statistics]:
    heads = heads or [task.head() for task in tasks]
    merged, total = heads[0], tasks[0].statistics
    for task, head in zip(tasks[1:], heads[1:], strict=True):
        total = total + task.statistics
        merged = calibrate(merged, head, total)
    return merged, total


def test_each_score_is_the_log_odds_of_a_one_dimensional_discriminant(tasks: list[Samples]) -> None:
    merged, _ = fold(tasks)
    whole = sum(tasks[1:], start=tasks[0])
    label = whole.targets.argmax(1)
    heads = {name: task.head() for task in tasks for name in task.names}
    for number, name in enumerate(whole.names):
        row = heads[name].row(name)
        score = whole.features @ row.weight + row.bias
        reference = LinearDiscriminantAnalysis().fit(score[:, None].double().numpy(), label == number)
        expected = torch.as_tensor(reference.decision_function(score[:, None].double().numpy()))
        ours = whole.features @ merged.row(name).weight + merged.row(name).bias
        assert torch.allclose(ours.double(), expected, atol=1e-3, rtol=1e-3)


def test_scales_and_shifts_of_the_fitted_rows_do_not_matter(tasks: list[Samples]) -> None:
    heads = [task.head() for task in tasks]
    other = [replace(head, weight=head.weight * 7, bias=head.bias - 3) for head in heads]
    plain, moved = fold(tasks, heads)[0], fold(tasks, other)[0]
    assert torch.allclose(plain.weight, moved.weight, rtol=1e-3, atol=1e-4)
    assert torch.allclose(plain.bias, moved.bias, rtol=1e-3, atol=1e-3)


def test_rows_keep_their_direction_and_unknown_is_the_point_of_even_odds(tasks: list[Samples]) -> None:
    merged, _ = fold(tasks)
    for task in tasks:
        for name in task.names:
            fitted, ours = task.head().row(name).weight, merged.row(name).weight
            assert torch.cosine_similarity(fitted, ours, dim=0) > 1 - 1e-5
    assert not merged.row(UNKNOWN).weight.any()
    assert merged.row(UNKNOWN).bias == 0


def test_merging_again_changes_nothing(tasks: list[Samples]) -> None:
    merged, total = fold(tasks)
    again = calibrate(merged, merged, total)
    assert torch.allclose(again.weight, merged.weight, rtol=1e-4, atol=1e-5)


def test_a_class_without_samples_never_wins(tasks: list[Samples]) -> None:
    empty = without_samples(tasks[1], "d")
    merged = calibrate(tasks[0].head(), tasks[1].head(), tasks[0].statistics + empty.statistics)
    assert not merged.row("d").weight.any()
    assert merged.row("d").bias == -1e9


def test_values_are_no_classes() -> None:
    values = Statistics.of(torch.randn(9, 3), torch.rand(9, 2) - 1, ("valence", "arousal"), "s")
    head = Head(("valence", "arousal"), torch.ones(2, 3), torch.zeros(2), torch.ones(2), "s")
    with pytest.raises(CallError, match="merge 'calibrate' needs classes, and valence is none"):
        calibrate(head, head, values)


def test_a_row_of_zeros_stays_one(tasks: list[Samples]) -> None:
    head = tasks[1].head()
    weight = head.weight.clone()
    weight[0] = 0
    merged = calibrate(tasks[0].head(), replace(head, weight=weight), tasks[0].statistics + tasks[1].statistics)
    assert not merged.row("c").weight.any()
    assert torch.isfinite(merged.bias).all()
