"""gram: the joint ridge solution from heads, and what it means where heads are others."""

from __future__ import annotations

import pytest
import torch

from cltool import UNKNOWN, Head, Statistics
from cltool.contract.examples import samples
from cltool_plugins.heads.ridge import ridge
from cltool_plugins.merges.gram import gram


@pytest.mark.parametrize("strength", [0.01, 100.0])
def test_heads_of_the_ridge_plugin_merge_into_its_joint_solution_unknown_too(strength: float) -> None:
    """The unknown row's own targets are all zero: so is it, in every task and jointly."""
    tasks = [samples("ab"), samples("cd", 12), samples("ae", part="later")]
    rng = torch.Generator()

    def fitted(task) -> tuple[Head, Statistics]:  # type: ignore[no-untyped-def]
        targets = torch.cat([task.targets, torch.zeros(len(task.targets), 1)], 1)
        weight, bias = ridge(task.features, targets, rng, strength=strength)
        head = Head((*task.names, UNKNOWN), weight, bias, targets.sum(0), task.statistics.space)
        return head, task.statistics

    head, total = fitted(tasks[0])
    for task in tasks[1:]:
        new, own = fitted(task)
        head, total = gram(head, new, total, own, strength=strength), total + own
    joint, _ = fitted(tasks[0] + tasks[1] + tasks[2])
    assert head.names == joint.names
    assert torch.allclose(head.weight, joint.weight, atol=1e-5 * float(joint.weight.abs().max()))
    assert torch.allclose(head.bias, joint.bias, atol=1e-5)
    assert torch.equal(head.counts, joint.counts)


def test_it_is_the_map_nearest_to_both_heads_on_their_own_samples() -> None:
    """RegMean's objective: Σ over samples (W x − W_i x)², with no strength to speak of."""
    one, two = samples("ab"), samples("ab", part="later")
    rng = torch.Generator().manual_seed(0)
    heads = [
        Head(
            ("a", "b"),
            torch.randn(2, 6, generator=rng),
            torch.randn(2, generator=rng),
            torch.ones(2),
            t.statistics.space,
        )
        for t in (one, two)
    ]
    merged = gram(*heads, one.statistics, two.statistics, strength=1e-9)
    x = torch.cat([one.features, two.features])
    targets = torch.cat([heads[0](one.features), heads[1](two.features)])
    wide = torch.cat([x, torch.ones(len(x), 1)], 1).double()
    wanted = torch.linalg.lstsq(wide, targets.double()).solution.float()
    assert torch.allclose(merged.weight, wanted[:-1].T, atol=1e-4)
    assert torch.allclose(merged.bias, wanted[-1], atol=1e-4)


def test_two_equal_heads_are_that_head() -> None:
    one, two = samples("ab"), samples("ab", part="later")
    head = one.head()
    merged = gram(head, head, one.statistics, two.statistics, strength=1e-6)
    assert torch.allclose(merged.weight, head.weight, atol=1e-5)
    assert torch.allclose(merged.bias, head.bias, atol=1e-5)
