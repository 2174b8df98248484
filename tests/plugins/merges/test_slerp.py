"""slerp, against Shoemake's formula in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cltool import UNKNOWN, Head
from cltool_plugins.merges.slerp import slerp


def make_head(names: tuple[str, ...], rows: np.ndarray, counts: list[float]) -> Head:
    numbers = torch.from_numpy(np.asarray(rows, dtype=np.float64))
    return Head(names, numbers[:, :-1].contiguous(), numbers[:, -1].contiguous(), torch.tensor(counts), "s")


def row_of(head: Head, name: str) -> np.ndarray:
    row = head.row(name)
    return np.append(row.weight.numpy(), float(row.bias))


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_the_shared_row_lies_on_the_arc(seed: int, share: float) -> None:
    a, b = np.random.default_rng(seed).normal(size=(2, 7))
    merged = slerp(make_head(("x",), a[None], [1]), make_head(("x",), b[None], [1]), share=share)
    angle = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    wanted = (np.sin(share * angle) * a + np.sin((1 - share) * angle) * b) / np.sin(angle)
    assert np.allclose(row_of(merged, "x"), wanted)


def test_rows_of_length_one_keep_it() -> None:
    a, b = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 2)))[0].T
    merged = slerp(make_head(("x",), a[None], [1]), make_head(("x",), b[None], [1]))
    assert np.linalg.norm(row_of(merged, "x")) == pytest.approx(1)


@pytest.mark.parametrize("other", [[2.0, 0.0, 0.0], [-2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
def test_where_there_is_no_arc_the_blend_is_straight(other: list[float]) -> None:
    one = [1.0, 0.0, 0.0]
    merged = slerp(make_head(("x",), [one], [1]), make_head(("x",), [other], [1]), share=0.25)
    assert np.allclose(row_of(merged, "x"), 0.25 * np.array(one) + 0.75 * np.array(other))


def test_mass_is_alphas_and_rows_of_one_head_are_kept() -> None:
    a, b = np.eye(3)[0], np.eye(3)[1]
    old = make_head(("x", "p", UNKNOWN), [a, a, a], [30, 1, 0])
    new = make_head(("x", "q", "r", UNKNOWN), [b, b, b, b], [10, 1, 1, 0])
    merged = slerp(old, new)
    assert np.allclose(row_of(merged, "x"), [np.sin(0.75 * np.pi / 2), np.sin(0.25 * np.pi / 2), 0])
    assert np.allclose(row_of(merged, UNKNOWN), [np.sin(0.4 * np.pi / 2), np.sin(0.6 * np.pi / 2), 0])
    assert np.allclose(row_of(merged, "q"), b)
    assert merged.row("x").count == 40
