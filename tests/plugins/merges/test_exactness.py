"""Merges that claim to be exact, on streams that hypothesis makes up: any order and grouping, the joint solution.

The tolerances are those that the contract states: 1e-4 of the largest weight from sums, 1e-3 from float32 heads.
"""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cltool import Statistics, discover
from cltool.contract.exactness import bound, difference, fold, joint
from cltool.contract.examples import SPACE, Samples, samples
from cltool.plugin import Configured
from cltool_plugins.strategies.qda import Gaussians


@st.composite
def streams(draw: st.DrawFn) -> list[Samples]:
    """Up to five tasks over up to eight classes, which may overlap; 1 to 40 samples each; D from below to above n."""
    width, spread = draw(st.integers(1, 24)), draw(st.sampled_from([0.1, 0.5, 2.0]))
    sizes = st.sampled_from([1, 1, 2, 5, 12, 40])
    tasks = []
    for number in range(draw(st.integers(2, 5))):
        names = draw(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=4, unique=True))
        parts = [samples(name, draw(sizes), width, f"task {number}", spread) for name in names]
        tasks.append(reduce(add, parts))
    return tasks


def configured(name: str, **options: Any) -> Configured:
    return discover().find("merge", name).configure(options)


def folded(tasks: list[Samples], data: st.DataObject) -> list[Samples]:
    """The same tasks in another order, some of them learned as one."""
    shuffled = data.draw(st.permutations(tasks))
    ends = [*sorted(data.draw(st.sets(st.integers(1, len(tasks) - 1)))), len(tasks)]
    return [reduce(add, shuffled[a:b]) for a, b in zip([0, *ends], ends, strict=False)]


EXACT = [
    configured("ridge"),
    configured("ridge", strength=1e-3),
    configured("ridge", strength=10.0),
    configured("gram"),
    configured("gram", strength=1.0),
    configured("lda"),
    configured("lda", shrinkage=0.1, prior="equal"),
    configured("lda", choose="evidence"),
    configured("ncm"),
]


@pytest.mark.slow
@pytest.mark.parametrize("merge", EXACT, ids=str)
@settings(max_examples=60)
@given(tasks=streams(), data=st.data())
def test_any_order_and_grouping_gives_the_joint_solution(
    merge: Configured, tasks: list[Samples], data: st.DataObject
) -> None:
    wanted = joint(merge, tasks)
    assert difference(fold(merge, tasks), wanted) <= bound(merge)
    assert difference(fold(merge, folded(tasks, data)), wanted) <= bound(merge)


@pytest.mark.slow
@settings(max_examples=60)
@given(tasks=streams(), data=st.data())
def test_the_gaussians_of_all_tasks_are_those_of_their_sums(tasks: list[Samples], data: st.DataObject) -> None:
    x = torch.cat([task.features for task in tasks])

    def scores(parts: list[Samples]) -> dict[str, torch.Tensor]:
        total = sum((part.statistics for part in parts), Statistics.empty(x.shape[1], SPACE))
        found = Gaussians(lambda blocks: x, total, 3.0, 0.03, "counts")
        return dict(zip(found.outputs, found.scores([]).T, strict=True))

    wanted, found = scores([reduce(add, tasks)]), scores(folded(tasks, data))
    largest = max(float(column.abs().max()) for column in wanted.values())
    assert found.keys() == wanted.keys()
    assert max(float((found[name] - wanted[name]).abs().max()) for name in wanted) <= 1e-4 * largest


@pytest.mark.parametrize("name", ["alpha", "margin", "cwr", "align", "slerp", "ties"])
def test_what_does_not_claim_to_be_exact_is_not(name: str) -> None:
    """Else the tests above would hold of anything."""
    tasks = [samples("ab"), samples("bc", part="later"), samples("ca", 7, part="last")]
    merge = configured(name)
    assert not merge.plugin.facts.get("exact")
    assert difference(fold(merge, tasks), joint(merge, tasks)) > 10 * bound(merge)
