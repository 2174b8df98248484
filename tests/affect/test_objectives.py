"""Weighted sums of losses: what they are worth, and how they are spelled."""

from __future__ import annotations

import pytest
import torch

from cltool import discover
from cltool.affect.objectives import Objective
from cltool_plugins.losses.ccc import ccc
from cltool_plugins.losses.mse import mse
from cltool_plugins.losses.non_inertial import non_inertial

RNG = torch.Generator().manual_seed(0)
X, Y = torch.rand(2, 3, 9, 2, generator=RNG)
MASK = torch.rand(3, 9, generator=RNG) < 0.8


def parse(text: str) -> Objective:
    return Objective.parse(text, discover())


def test_one_loss_is_itself() -> None:
    assert torch.equal(parse("mse")(X, Y, MASK), mse(X, Y, MASK))
    assert torch.equal(parse("ccc:per_sequence=true")(X, Y, MASK), ccc(X, Y, MASK, per_sequence=True))


def test_a_weighted_sum_is_the_sum_of_its_weighted_losses_gradient_included() -> None:
    x = X.clone().requires_grad_()
    value = parse("ccc+0.5*non-inertial:variant=main,epsilon=1e-4+2*mse")(x, Y, MASK)
    value.backward()
    by_hand = X.clone().requires_grad_()
    inertial = non_inertial(by_hand, Y, MASK, variant="main", epsilon=1e-4)
    wanted = ccc(by_hand, Y, MASK) + 0.5 * inertial + 2 * mse(by_hand, Y, MASK)
    wanted.backward()
    assert value.item() == pytest.approx(wanted.item(), rel=1e-6)
    assert x.grad is not None
    assert by_hand.grad is not None
    assert torch.allclose(x.grad, by_hand.grad, atol=1e-7)


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("mse", "mse"),
        (" ccc +0.5* non-inertial : variant=main", "ccc+0.5*non-inertial:variant=main"),
        ("1*ccc:ddof=0+1e3*mse", "ccc+1000.0*mse"),
        ("1e30*ccc+1e-7*mse", "1e30*ccc+1e-07*mse"),
        ("ccc+ccc:per_sequence=true", "ccc+ccc:per_sequence=True"),
        ("non-inertial:dt=1e20", "non-inertial:dt=1e20"),
    ],
)
def test_it_is_spelled_as_it_is_read(text: str, spelled: str) -> None:
    objective = parse(text)
    assert str(objective) == spelled
    again = parse(spelled)
    assert [(w, loss.options) for w, loss in again.terms] == [(w, loss.options) for w, loss in objective.terms]
