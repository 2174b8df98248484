"""Strangers: made of the task at hand and of statistics, in the wanted number, and unlike its samples."""

from __future__ import annotations

import pytest
import torch

from cltool import Statistics
from cltool.catalogue import discover
from cltool.plugin import Spec


def make_task(n: int = 400) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    label = torch.arange(n) % 4
    x = torch.randn(n, 6, generator=rng) * 0.1
    x[torch.arange(n), label] += 5
    return x, torch.nn.functional.one_hot(label, 4).float()


def old_statistics() -> Statistics:
    x, y = make_task()
    return Statistics.of(x * 2 + 1, y, ("a", "b", "c", "d"), "s")


def draw(spec: str, seed: int = 0, old: Statistics | None = None) -> torch.Tensor:
    x, y = make_task()
    chosen = discover().configure("unknown", Spec.parse(spec))
    rng = torch.Generator().manual_seed(seed)
    return chosen(features=x, targets=y, old_statistics=old, rng=rng)


@pytest.mark.parametrize("name", ["noise", "shuffle", "mixup", "statistics"])
def test_as_many_as_an_average_class_or_as_asked_for_and_by_the_generator_alone(name: str) -> None:
    old = old_statistics()
    assert draw(name, old=old).shape == (100, 6)
    assert draw(f"{name}:amount=0.5", old=old).shape == (50, 6)
    assert torch.equal(draw(name, 3, old), draw(name, 3, old))
    assert not torch.equal(draw(name, 3, old), draw(name, 4, old))


def test_none_gives_none() -> None:
    assert draw("none").shape == (0, 6)


def test_noise_has_the_tasks_moments() -> None:
    x, _ = make_task()
    made = draw("noise:amount=40")
    assert torch.allclose(made.mean(0), x.mean(0), atol=0.15)
    assert torch.allclose(made.std(0), x.std(0), atol=0.15)


def test_shuffled_features_are_real_values_that_rarely_met() -> None:
    x, _ = make_task()
    made = draw("shuffle")
    for column in range(6):
        assert torch.isin(made[:, column], x[:, column]).all()
    assert not any((x == row).all(1).any() for row in made)


def test_mixtures_lie_between_two_classes_never_within_one() -> None:
    made = draw("mixup")
    assert ((made > 2).sum(1) == 2).all()  # two classes' features at half their height, none at full
    assert made.max() < 3.5


def test_mixtures_of_a_single_class_there_are_none() -> None:
    x, _ = make_task()
    chosen = discover().configure("unknown", Spec.parse("mixup"))
    made = chosen(features=x, targets=torch.ones(len(x), 1), old_statistics=None, rng=torch.Generator())
    assert made.shape == (0, 6)


def test_pseudo_features_follow_the_earlier_classes_gaussians() -> None:
    old = old_statistics()
    made = draw("statistics:amount=40", old=old).double()
    nearest = torch.cdist(made, old.means).argmin(1)
    for c in range(4):
        assert torch.allclose(made[nearest == c].mean(0), old.means[c], atol=0.1)
    spread = made - old.means[nearest]
    assert torch.allclose(spread.T @ spread / len(made), old.within_covariance, atol=0.01)


def test_the_first_task_has_no_earlier_classes() -> None:
    assert draw("statistics", old=None).shape == (0, 6)


def test_each_earlier_class_gets_the_wanted_number() -> None:
    old = old_statistics()
    made = draw("statistics:each=true,amount=0.5", old=old).double()
    assert made.shape == (4 * 50, 6)
    assert draw("statistics:each=true").shape == (0, 6)
