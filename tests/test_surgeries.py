"""Operations on heads: their places, their order, what is measured of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from scipy.spatial.distance import cosine

from cltool import Head, PluginError, surgery
from cltool.errors import PluginFailed
from cltool.heads import UNKNOWN
from cltool.plugin import Configured
from cltool.surgeries import Effect, Operation, operate


def head(weight: torch.Tensor | None = None) -> Head:
    weight = torch.tensor([[1.0, -2.0], [3.0, 0.5], [9.0, 9.0]]) if weight is None else weight
    return Head(("a", "b", UNKNOWN), weight, torch.zeros(3), torch.ones(3), "s")


@surgery
def double(head: Head) -> Head:
    """Twice the weights."""
    return replace(head, weight=2 * head.weight)


@surgery(on="task")
def plus_one(head: Head) -> Head:
    """One more."""
    return replace(head, weight=head.weight + 1)


def configured(function: Any) -> Configured:
    return function.__cltool_plugin__.configure()


def test_a_surgery_acts_where_it_is_told_else_where_it_belongs() -> None:
    assert Operation.of(configured(double)).on == "merged"
    assert Operation.of(configured(plus_one)).on == "task"
    assert str(Operation.of(configured(plus_one), "merged")) == "plus_one@merged"


def test_several_act_in_the_given_order() -> None:
    one, two = Operation.of(configured(double)), Operation.of(configured(plus_one))
    first, effects = operate(head(), [one, two], torch.Generator())
    second, _ = operate(head(), [two, one], torch.Generator())
    assert torch.equal(first.weight, 2 * head().weight + 1)
    assert torch.equal(second.weight, 2 * (head().weight + 1))
    assert [effect.surgery for effect in effects] == ["double@merged", "plus_one@task"]
    assert effects[1].range_before == effects[0].range_after == (-4.0, 6.0)


def test_an_effect_is_that_of_the_class_rows() -> None:
    before = head()
    after = replace(before, weight=torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 0.0]]))
    found = Effect.between(before, after, "prune")
    assert found.sparsity == 0.5
    assert found.cosine_distance == pytest.approx(cosine([1, -2, 3, 0.5], [1, 0, 3, 0]))
    assert (found.range_before, found.range_after) == ((-2.0, 3.0), (0.0, 3.0))
    assert not found.no_op


def test_what_changes_nothing_is_a_no_op_and_what_changes_a_bias_is_none() -> None:
    before = head()
    assert Effect.between(before, replace(before, weight=before.weight.clone()), "x").no_op
    assert Effect.between(before, before, "x").cosine_distance == 0
    assert not Effect.between(before, replace(before, bias=torch.ones(3)), "x").no_op


def test_where_nothing_is_left_the_distance_is_one() -> None:
    assert Effect.between(head(), head(torch.zeros(3, 2)), "x").cosine_distance == 1


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (lambda head: replace(head, weight=head.weight * float("nan")), "row 'a' with numbers that are not finite"),
        (lambda head: replace(head, bias=torch.tensor([0.0, float("inf"), 0.0])), "row 'b'"),
        (lambda head: replace(head, names=("b", "a", UNKNOWN)), "changed the rows or the width"),
        (lambda head: replace(head, weight=head.weight[:, :1]), "changed the rows or the width"),
        (lambda head: None, "gave a NoneType instead of a Head"),
    ],
)
def test_a_surgery_that_breaks_a_head_is_stopped(broken: Any, told: str) -> None:
    @surgery
    def bad(head: Head) -> Head:
        return broken(head)

    with pytest.raises(PluginFailed, match=told):
        operate(head(), [Operation.of(configured(bad))], torch.Generator())


def test_a_place_that_is_none_is_refused() -> None:
    @surgery(on="everywhere")
    def lost(head: Head) -> Head:
        return head

    with pytest.raises(PluginError, match="none of task, merged"):
        Operation.of(configured(lost))
