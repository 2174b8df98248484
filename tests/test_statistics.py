"""Statistics: sums that add up over tasks, whatever their order and grouping."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cltool.contract.examples import samples
from cltool.errors import CallError
from cltool.statistics import Statistics

FIELDS = ("count", "gram", "cross", "target_squares")


def sample(n: int, seed: int, width: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    label = torch.randint(3, (n,), generator=rng)
    return torch.randn(n, width, generator=rng), torch.nn.functional.one_hot(label, 3).float()


@given(st.lists(st.integers(1, 20), min_size=2, max_size=5))
def test_the_sum_over_tasks_is_the_statistics_of_all_samples(sizes: list[int]) -> None:
    parts = [sample(n, seed) for seed, n in enumerate(sizes)]
    added = [Statistics.of(x, y, ("a", "b", "c"), "s") for x, y in parts]
    forward = sum(added[1:], added[0])
    backward = sum(added[-2::-1], added[-1])
    joint = Statistics.of(torch.cat([x for x, _ in parts]), torch.cat([y for _, y in parts]), ("a", "b", "c"), "s")
    for field in FIELDS:
        assert torch.allclose(getattr(forward, field), getattr(joint, field), atol=1e-9)
        assert torch.allclose(getattr(backward, field), getattr(joint, field), atol=1e-9)


def test_addition_aligns_names() -> None:
    x, y = sample(9, 0)
    one, two = Statistics.of(x, y, ("a", "b", "c"), "s"), Statistics.of(x, y, ("c", "d", "a"), "s")
    both = one + two
    assert both.names == ("a", "b", "c", "d")
    for name, left, right in (("a", 0, 2), ("b", 1, None), ("c", 2, 0), ("d", None, 1)):
        parts = [s.cross[:, i] for s, i in ((one, left), (two, right)) if i is not None]
        assert torch.allclose(both.cross[:, both.names.index(name)], sum(parts[1:], parts[0]))


def test_means_and_covariance_are_those_of_the_samples() -> None:
    x, y = sample(300, 1)
    found = Statistics.of(x, y, ("a", "b", "c"), "s")
    label = y.argmax(1)
    means = torch.stack([x[label == c].double().mean(0) for c in range(3)])
    centred = x.double() - means[label]
    assert torch.allclose(found.means, means)
    assert torch.allclose(found.within_covariance, centred.T @ centred / len(x), atol=1e-9)


def test_saved_statistics_are_the_same(tmp_path: Path) -> None:
    found = Statistics.of(*sample(9, 0), ("a", "b", "c"), "s")
    found.save(tmp_path / "s.safetensors")
    back = Statistics.load(tmp_path / "s.safetensors")
    assert (back.names, back.space) == (found.names, found.space)
    assert all(torch.equal(getattr(back, f), getattr(found, f)) for f in FIELDS)


def test_two_spaces_do_not_add() -> None:
    x, y = sample(3, 0)
    with pytest.raises(CallError, match="two feature spaces"):
        Statistics.of(x, y, ("a", "b", "c"), "s") + Statistics.of(x, y, ("a", "b", "c"), "t")


def test_the_sum_of_nothing_adds_nothing() -> None:
    for grams in (False, True):
        some = Statistics.of(*sample(9, 0), ("a", "b", "c"), "s", class_grams=grams)
        for total in (Statistics.empty(4, "s") + some, some + Statistics.empty(4, "s")):
            assert total.names == some.names
            assert all(torch.equal(getattr(total, f), getattr(some, f)) for f in FIELDS)
            assert (total.class_grams is not None) == grams
    assert Statistics.empty(4, "s").within_covariance.eq(0).all()


def test_class_grams_are_those_of_each_class_and_add_up_by_name() -> None:
    (x, y), (u, v) = sample(20, 0), sample(30, 1)
    both = Statistics.of(x, y, ("a", "b", "c"), "s", True) + Statistics.of(u, v, ("c", "d", "a"), "s", True)
    assert both.class_grams is not None
    for name, left, right in (("a", 0, 2), ("b", 1, None), ("c", 2, 0), ("d", None, 1)):
        own = [f[t[:, i] == 1] for f, t, i in ((x, y, left), (u, v, right)) if i is not None]
        samples = torch.cat(own).double()
        assert torch.allclose(both.class_grams[both.names.index(name)], samples.T @ samples)
        assert torch.allclose(both.covariance(name), torch.cov(samples.T, correction=0))


def test_class_grams_of_soft_labels_are_weighted() -> None:
    x, _ = sample(20, 0)
    share = torch.rand(20, 1, generator=torch.Generator().manual_seed(0))
    soft = Statistics.of(x, torch.cat([share, 1 - share], 1), ("a", "b"), "s", class_grams=True)
    assert soft.class_grams is not None
    assert torch.allclose(soft.class_grams[0], (x.double() * share.double()).T @ x.double())
    assert torch.allclose(soft.class_grams.sum(0), soft.gram[:-1, :-1])


def test_class_grams_are_saved_and_counted(tmp_path: Path) -> None:
    found = Statistics.of(*sample(9, 0), ("a", "b", "c"), "s", class_grams=True)
    found.save(tmp_path / "s.safetensors")
    back = Statistics.load(tmp_path / "s.safetensors")
    assert back.class_grams is not None
    assert torch.equal(back.class_grams, found.class_grams)
    assert found.nbytes - replace(found, class_grams=None).nbytes == 3 * 4 * 4 * 8


def test_an_output_without_samples_has_a_mean_of_zeros_and_no_part_in_the_covariance() -> None:
    x, y = sample(40, 1)
    with_none = torch.cat([y, torch.zeros(40, 1)], 1)
    found = Statistics.of(x, with_none, ("a", "b", "c", "none"), "s", class_grams=True)
    assert found.mean("none").eq(0).all()
    assert found.covariance("none").eq(0).all()
    assert torch.isfinite(found.means).all()
    assert torch.allclose(found.within_covariance, Statistics.of(x, y, ("a", "b", "c"), "s").within_covariance)


def test_class_grams_and_none_do_not_add() -> None:
    x, y = sample(3, 0)
    with pytest.raises(CallError, match="class_grams=True"):
        Statistics.of(x, y, ("a", "b", "c"), "s") + Statistics.of(x, y, ("a", "b", "c"), "s", class_grams=True)
    with pytest.raises(CallError, match="class_grams=True"):
        Statistics.of(x, y, ("a", "b", "c"), "s").covariance("a")


def test_sums_without_some_outputs_are_those_of_the_others() -> None:
    whole = samples("abc", 40, spread=1.0)
    left = whole.statistics.without(["b"])
    assert left.names == ("a", "c")
    assert torch.equal(left.count, whole.statistics.count[[0, 2]])
    assert torch.equal(left.means, whole.statistics.means[[0, 2]])
    assert torch.allclose(left.within_covariance, whole.statistics.within_covariance)
    real = samples("ac", 40, spread=1.0).statistics
    assert torch.allclose(left.gram, real.gram, rtol=0.1, atol=0.1 * float(real.gram.abs().max()))
    assert not whole.statistics.without("abc").names
