"""The thesis' surgeries against their equations and against OpenCV."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cltool import UNKNOWN, CallError, Head
from cltool.catalogue import discover
from cltool.plugin import Spec
from cltool_plugins.surgeries.clahe import clahe
from cltool_plugins.surgeries.equalize import equalize
from cltool_plugins.surgeries.prune import prune


def make_head(rows: int = 11, width: int = 64, scale: float = 0.4, seed: int = 0) -> Head:
    rng = torch.Generator().manual_seed(seed)
    names = (*(f"class {i}" for i in range(rows - 1)), UNKNOWN)
    weight, bias = scale * torch.randn(rows, width, generator=rng), torch.randn(rows, generator=rng)
    return Head(names, weight, bias, torch.ones(rows), "s")


@given(st.floats(0, 2), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_prune_zeroes_the_weights_inside_the_range_and_no_other(margin: float, seed: int) -> None:
    """thesis.md section 1.5: inside [min + margin, max - margin], ends included, of the class rows."""
    head = make_head(seed=seed)
    weight = head.weight[:-1]
    inside = (weight >= weight.min() + margin) & (weight <= weight.max() - margin)
    found = prune(head, margin=margin)
    assert torch.equal(found.weight[:-1], torch.where(inside, torch.zeros(()), weight))
    assert torch.equal(found.weight[-1], head.weight[-1])
    assert torch.equal(found.bias, head.bias)


def test_the_default_margin_is_the_thesis_absolute_one() -> None:
    assert torch.equal(prune(make_head()).weight, prune(make_head(), margin=0.3).weight)
    small = make_head(scale=0.04)  # its range is narrower than two margins: nothing lies inside
    assert torch.equal(prune(small).weight, small.weight)


def test_a_relative_margin_does_not_depend_on_the_scale() -> None:
    big, small = (prune(make_head(scale=s), relative=0.2).weight[:-1] == 0 for s in (1.0, 0.01))
    assert torch.equal(big, small)
    assert 0 < float(big.double().mean()) < 1


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.49])
def test_a_quantile_margin_fixes_the_sparsity(share: float) -> None:
    found = prune(make_head(41, 100), quantile=share)
    assert float((found.weight[:-1] == 0).double().mean()) == pytest.approx(1 - 2 * share, abs=2e-3)


def test_margins_exclude_each_other() -> None:
    with pytest.raises(CallError, match="give one of relative, quantile"):
        discover().configure("surgery", Spec.parse("prune:relative=.1,quantile=.2"))
    with pytest.raises(CallError, match="give one of margin, relative"):
        discover().configure("surgery", Spec.parse("prune:margin=.1,relative=.2"))


@pytest.mark.parametrize("operation", [prune, clahe, equalize])
def test_bias_and_unknown_row_are_reached_by_option_only(operation) -> None:
    head = make_head()
    kept, wide = operation(head), operation(head, bias=True, unknown=True)
    assert torch.equal(kept.bias, head.bias)
    assert torch.equal(kept.weight[-1], head.weight[-1])
    assert not torch.equal(wide.bias, head.bias)
    assert not torch.equal(wide.weight[-1], head.weight[-1])


def as_picture(weight: torch.Tensor, top: int) -> np.ndarray:
    low, high = float(weight.min()), float(weight.max())
    return np.round((weight.double().numpy() - low) / (high - low) * top)


def test_clahe_is_opencvs_with_the_thesis_parameters() -> None:
    head = make_head(21, 60)
    weight = head.weight[:-1]
    grey = as_picture(weight, 255).astype(np.uint8)
    wanted = cv2.createCLAHE(100, (2, 2)).apply(grey) / 255
    low, high = weight.min(), weight.max()
    found = clahe(head, bits=8).weight[:-1]
    assert torch.allclose(found, low + torch.from_numpy(wanted).float() * (high - low), atol=1e-5)


def test_clahe_keeps_more_than_eight_bits_and_nearly_the_same_picture() -> None:
    head = make_head(101, 64)
    coarse, fine = clahe(head, bits=8).weight[:-1], clahe(head).weight[:-1]
    assert len(coarse.unique()) <= 256
    assert len(fine.unique()) > 3000
    span = float(head.weight.max() - head.weight.min())
    assert float((coarse - fine).abs().mean()) < 0.02 * span


def test_equalize_is_equation_3_12_as_opencv_has_it_for_eight_bits() -> None:
    head = make_head(21, 60)
    weight = head.weight[:-1]
    wanted = cv2.equalizeHist(as_picture(weight, 255).astype(np.uint8)) / 255
    low, high = weight.min(), weight.max()
    found = equalize(head, bits=8).weight[:-1]
    assert torch.allclose(found, low + torch.from_numpy(wanted).float() * (high - low), atol=1e-5)


def test_equalized_weights_are_spread_evenly_and_keep_their_order() -> None:
    head = make_head(101, 64, seed=3)
    before, after = head.weight[:-1].flatten(), equalize(head).weight[:-1].flatten()
    counts = torch.histc(after, 10)
    assert float(counts.max() / counts.min()) < 1.05
    assert bool((after[before.argsort()].diff() >= 0).all())


@pytest.mark.parametrize("operation", [clahe, equalize])
@pytest.mark.parametrize("shape", [(2, 1), (2, 3), (4, 1), (3, 512)])
def test_pictures_of_any_shape_keep_their_range(operation, shape: tuple[int, int]) -> None:
    head = make_head(*shape)
    found = operation(head).weight[:-1]
    assert found.shape == head.weight[:-1].shape
    assert float(found.min()) >= float(head.weight[:-1].min()) - 1e-6
    assert float(found.max()) <= float(head.weight[:-1].max()) + 1e-6


@pytest.mark.parametrize("operation", [clahe, equalize])
def test_weights_that_are_all_alike_are_left_as_they_are(operation) -> None:
    head = Head(("a", "b"), torch.full((2, 3), 0.7), torch.zeros(2), torch.ones(2), "s")
    assert torch.equal(operation(head).weight, head.weight)


@pytest.mark.parametrize("operation", [prune, clahe, equalize])
def test_a_head_of_unknown_alone_is_out_of_reach(operation) -> None:
    head = Head((UNKNOWN,), torch.randn(1, 3), torch.zeros(1), torch.ones(1), "s")
    assert operation(head) is head
