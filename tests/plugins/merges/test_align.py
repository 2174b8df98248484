"""align: what scaling the new head changes, and what it does not."""

from __future__ import annotations

import pytest
import torch

from cltool import UNKNOWN, Head
from cltool_plugins.merges.align import align


def drawn(names: tuple[str, ...], seed: int, scale: float = 1.0) -> Head:
    numbers = scale * torch.randn(len(names), 6, generator=torch.Generator().manual_seed(seed))
    counts = torch.full((len(names),), 9.0)
    return Head(names, numbers[:, 1:].contiguous(), numbers[:, 0].contiguous(), counts, "s")


OLD, NEW = drawn(("a", "b", UNKNOWN), 0), drawn(("c", "d", "e", UNKNOWN), 1, scale=7.0)


def test_new_rows_are_as_long_as_old_ones_on_average() -> None:
    merged = align(OLD, NEW)
    assert float(merged.weight[2:5].norm(dim=1).mean()) == pytest.approx(float(OLD.weight[:2].norm(dim=1).mean()))
    assert torch.equal(merged.weight[:2], OLD.weight[:2])


def test_unknown_has_no_part_in_the_lengths() -> None:
    weight = NEW.weight.clone()
    weight[3] *= 100
    longer = Head(NEW.names, weight, NEW.bias, NEW.counts, "s")
    assert torch.equal(align(OLD, longer).weight[:5], align(OLD, NEW).weight[:5])


def test_the_new_head_decides_among_its_own_as_before() -> None:
    x = torch.randn(50, 5, generator=torch.Generator().manual_seed(2))
    assert torch.equal(align(OLD, NEW)(x)[:, 2:5].argmax(1), NEW(x)[:, :3].argmax(1))


def test_zero_rows_are_left_alone() -> None:
    zero = drawn(("c", UNKNOWN), 1, scale=0.0)
    assert align(OLD, zero).row("c").weight.eq(0).all()
    assert torch.equal(align(zero, OLD).row("a").weight, OLD.weight[0])
