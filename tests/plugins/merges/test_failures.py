"""Wrong calls of merges: one line that says what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from cltool import CallError, Head, Statistics, discover
from cltool_plugins.merges.lda import lda
from cltool_plugins.merges.ncm import ncm
from cltool_plugins.merges.resample import resample
from cltool_plugins.merges.ridge import ridge

X = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))
Y = torch.eye(3).repeat(10, 1)


def sums_of(x: Tensor = X, y: Tensor = Y) -> Statistics:
    return Statistics.of(x, y, ("a", "b", "c")[: y.shape[1]], "s", class_grams=True)


def still(feature: int) -> Tensor:
    x = X.clone()
    x[:, feature] = 1e4
    return x


def doubled(feature: int) -> Tensor:
    x = X.clone()
    x[:, feature] = x[:, 0] - 3 * x[:, 1] + 1
    return x


@pytest.mark.parametrize(
    ("x", "told"),
    [
        (still(2), "feature 2 is constant; give strength > 0 or leave it out"),
        (doubled(3), "feature 3 is a linear combination of features before it; give strength > 0"),
        (torch.randn(30, 40, generator=torch.Generator().manual_seed(0)), "feature 29 is a linear combination"),
    ],
)
def test_least_squares_without_a_ridge_where_there_is_no_solution(x: Tensor, told: str) -> None:
    with pytest.raises(CallError) as caught:
        ridge(sums_of(x), strength=0)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert torch.isfinite(ridge(sums_of(x)).weight).all()


@pytest.mark.parametrize(("x", "feature"), [(still(2), 2), (doubled(3), 3)])
def test_discriminants_without_shrinkage_where_there_are_none(x: Tensor, feature: int) -> None:
    with pytest.raises(
        CallError, match=rf"within classes, feature {feature} is .*; give shrinkage > 0 or leave it out"
    ):
        lda(sums_of(x), shrinkage=0)
    assert torch.isfinite(lda(sums_of(x)).weight).all()


@pytest.mark.parametrize(
    "merge", [lda, ncm, lambda statistics: resample(statistics, torch.Generator())], ids=["lda", "ncm", "resample"]
)
@pytest.mark.parametrize("values", [torch.linspace(-1, 1, 30)[:, None], torch.full((30, 1), 0.4)])
def test_values_are_no_classes(merge: Callable[[Statistics], Head], values: Tensor) -> None:
    with pytest.raises(CallError, match="needs classes, and a is none; take ridge or gram for values"):
        merge(sums_of(y=values))


@pytest.mark.parametrize(
    ("merge", "options"), [(ridge, {"strength": 1e-18}), (lda, {"shrinkage": 1e-18})], ids=["ridge", "lda"]
)
def test_a_penalty_too_small_for_what_it_has_to_mend(merge: Callable[..., Head], options: dict[str, float]) -> None:
    wide = torch.randn(5, 40, generator=torch.Generator().manual_seed(0))
    sums = Statistics.of(wide, torch.eye(2)[[0, 1, 0, 1, 0]], ("a", "b"), "s")
    with pytest.raises(CallError, match=r"feature \d+ is .*combination of features before it; give a larger"):
        merge(sums, **options)


def test_resampling_needs_class_grams() -> None:
    with pytest.raises(CallError, match="collect them with class_grams=True"):
        resample(Statistics.of(X, Y, ("a", "b", "c"), "s"), torch.Generator())


@pytest.mark.parametrize("name", ["align", "cwr", "margin", "slerp", "ties", "gram"])
def test_heads_of_two_spaces_are_not_merged(name: str) -> None:
    one, other = (Head(("a",), torch.ones(1, 4), torch.ones(1), torch.ones(1), space) for space in ("s", "t"))
    merge = discover().find("merge", name).configure()
    with pytest.raises(CallError, match="two feature spaces"):
        merge(old=one, new=other, old_statistics=sums_of(), new_statistics=sums_of())


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ridge", {"strength": -1}),
        ("gram", {"strength": 0}),
        ("lda", {"shrinkage": 1.1}),
        ("lda", {"choose": "luck"}),
        ("lda", {"prior": "mine"}),
        ("resample", {"samples": 0}),
        ("resample", {"decay": 0}),
        ("ties", {"keep": 0}),
        ("slerp", {"share": 2}),
        ("cwr", {"centre": "all"}),
    ],
)
def test_options_out_of_range(name: str, options: dict[str, object]) -> None:
    with pytest.raises(CallError, match=f"merge '{name}', option {next(iter(options))}"):
        discover().find("merge", name).configure(options)
