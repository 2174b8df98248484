"""Heads: named rows, their union, and their files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cltool.errors import CallError
from cltool.heads import UNKNOWN, Head, Row, union


def make_head(names: tuple[str, ...], width: int = 3, seed: int = 0, space: str = "space") -> Head:
    rng = torch.Generator().manual_seed(seed)
    rows = len(names)
    return Head(
        names,
        torch.randn(rows, width, generator=rng),
        torch.randn(rows, generator=rng),
        torch.arange(1.0, rows + 1),
        space,
    )


def test_scores_are_x_times_w_plus_b() -> None:
    head = make_head(("a", "b"))
    x = torch.randn(5, 3)
    assert torch.allclose(head(x), x @ head.weight.T + head.bias)


def test_a_saved_head_is_the_same_head(tmp_path: Path) -> None:
    head = make_head(("Ähre", "<b>", UNKNOWN))
    head.save(tmp_path / "head.safetensors")
    back = Head.load(tmp_path / "head.safetensors")
    assert (back.names, back.space) == (head.names, head.space)
    for key in ("weight", "bias", "counts"):
        assert torch.equal(getattr(back, key), getattr(head, key))


names = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=6, unique=True).map(tuple)


@given(names, names)
def test_union_keeps_what_one_owns_and_blends_what_both_own(left: tuple[str, ...], right: tuple[str, ...]) -> None:
    old, new = make_head((*left, UNKNOWN), seed=1), make_head((*right, UNKNOWN), seed=2)
    asked = []

    def blend(name: str, before: Row, after: Row) -> Row:
        asked.append(name)
        return Row(before.weight + after.weight, before.bias, before.count)

    merged = union(old, new, blend)
    assert merged.names == (*left, *(n for n in right if n not in left), UNKNOWN)
    assert set(asked) == {*left} & {*right} | {UNKNOWN}
    for name in merged.classes:
        if name not in asked:
            owner = old if name in left else new
            assert torch.equal(merged.row(name).weight, owner.row(name).weight)
        else:
            both = old.row(name).weight + new.row(name).weight
            assert torch.equal(merged.row(name).weight, both)


def test_heads_without_unknown_need_none() -> None:
    merged = union(make_head(("valence", "arousal")), make_head(("valence",)), lambda n, a, b: b)
    assert merged.names == ("valence", "arousal")


def test_heads_of_two_spaces_or_widths_are_refused() -> None:
    with pytest.raises(CallError, match="two feature spaces"):
        union(make_head(("a",)), make_head(("b",), space="other"), lambda n, a, b: b)
    with pytest.raises(CallError, match="widths 3 and 4"):
        union(make_head(("a",)), make_head(("b",), width=4), lambda n, a, b: b)


def test_shapes_and_names_must_fit() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        Head(("a",), torch.zeros(2, 3), torch.zeros(2), torch.zeros(2), "s")
    with pytest.raises(ValueError, match="repeat"):
        Head(("a", "a"), torch.zeros(2, 3), torch.zeros(2), torch.zeros(2), "s")


def test_a_file_that_is_no_head_is_named(tmp_path: Path) -> None:
    path = tmp_path / "no.safetensors"
    path.write_bytes(b"nothing")
    with pytest.raises(CallError, match=r"no\.safetensors is no head"):
        Head.load(path)
