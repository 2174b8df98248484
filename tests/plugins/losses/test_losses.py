"""The losses against their golden values, against formulas written out frame by frame, and where 0/0 waits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from cltool_plugins.losses.ccc import ccc
from cltool_plugins.losses.mse import mse
from cltool_plugins.losses.non_inertial import non_inertial

Loss = Callable[..., Tensor]
LOSSES: dict[str, Loss] = {
    "mse": mse,
    "ccc": ccc,
    "ccc per sequence": partial(ccc, per_sequence=True),
    "ccc of torchmetrics": partial(ccc, ddof=1),
    "main": partial(non_inertial, variant="main"),
    "appendix": partial(non_inertial, variant="appendix"),
    "reported": non_inertial,
    "reported with acceleration": partial(non_inertial, acceleration=True),
}
every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=list(LOSSES))
shapes = st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 4))
seeds = st.integers(0, 2**31)


def draw(shape: tuple[int, int, int], seed: int, share: float = 0.6) -> tuple[Tensor, Tensor, Tensor]:
    """Predictions and targets in (−1, 1), and a mask with about this share of valid frames."""
    rng = torch.Generator().manual_seed(seed)
    x, y = (torch.rand(shape, generator=rng, dtype=torch.float64) * 2 - 1 for _ in range(2))
    return x, y, torch.rand(shape[:2], generator=rng) < share


def value_and_gradient(loss: Loss, x: Tensor, y: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    x = x.clone().requires_grad_()
    value = loss(x, y, mask)
    value.backward()
    assert x.grad is not None
    return value.detach(), x.grad


C = math.cos(math.pi / 6)


@pytest.mark.parametrize(
    ("x", "y", "main", "appendix", "reported"),
    [
        ([(0, 0), (0.3, 0.4), (0.3, 0.4)], [(0, 0), (0, 0), (0.6, 0.8)], 1.083333, 0.347917, 0.833333),
        ([(0.1, 0.2), (0.3, 0.1), (0.2, 0.4)], [(0.2, 0.1), (0.2, 0.3), (0.5, 0.3)], 0.327003, 0.026667, 0.113251),
        ([(C, 0.5)], [(0, 1)], 1.866025, 0.25, 0.5),
        ([(1, 0)], [(-1, 0)], 2.0, 1.0, 2.0),
    ],
)
def test_non_inertial_has_its_golden_values(x: list, y: list, main: float, appendix: float, reported: float) -> None:
    a, b = (torch.tensor([v], dtype=torch.float64) for v in (x, y))
    mask = torch.ones(a.shape[:2], dtype=torch.bool)
    for variant, wanted in (("main", main), ("appendix", appendix), ("reported", reported)):
        assert float(non_inertial(a, b, mask, variant=variant, epsilon=1e-9)) == pytest.approx(wanted, abs=1e-5)


# --- every formula once more, in numpy, frame by frame ---


def stretches(mask: np.ndarray, length: int) -> Iterator[tuple[int, slice]]:
    """Every window of `length` valid frames: sequence and frames."""
    for b, row in enumerate(mask):
        for s in range(len(row) - length + 1):
            if row[s : s + length].all():
                yield b, slice(s, s + length)


def average(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def wedge(u: np.ndarray, v: np.ndarray) -> float:
    return math.sqrt(max(0.0, (u @ u) * (v @ v) - (u @ v) ** 2))


def slow_non_inertial(x: np.ndarray, y: np.ndarray, mask: np.ndarray, variant: str, dt: float) -> float:
    size = np.linalg.norm
    frames = [(x[b, s][0], y[b, s][0]) for b, s in stretches(mask, 1)]
    first = [(np.diff(x[b, s], axis=0)[0] / dt, np.diff(y[b, s], axis=0)[0] / dt) for b, s in stretches(mask, 2)]
    second = [(np.diff(x[b, s], 2, 0)[0] / dt**2, np.diff(y[b, s], 2, 0)[0] / dt**2) for b, s in stretches(mask, 3)]
    k = x.shape[2]
    if variant == "appendix":
        around = [sum(u[j] * v[(j + 1) % k] - u[(j + 1) % k] * v[j] for j in range(k)) for u, v in first]
        d = average([((u - v) ** 2).sum() for u, v in frames])
        v, ac = (abs(average([(u - v).mean() for u, v in pairs])) for pairs in (first, second))
        return (d + v + abs(average(around)) / (k + 1) + ac) / 4
    speed = average([abs(size(u) - size(v)) for u, v in first])
    if variant == "main":
        return average([size(u - v) for u, v in frames]) + speed + average([wedge(u, v) for u, v in frames])
    total = average([((u - v) ** 2).mean() for u, v in frames]) + speed + average([wedge(u, v) for u, v in first])
    return total + average([abs(size(u) - size(v)) for u, v in second]) * (variant == "acceleration")


@given(shapes, seeds, st.sampled_from(["main", "appendix", "reported", "acceleration"]), st.sampled_from([1.0, 0.04]))
def test_non_inertial_is_its_formula_frame_by_frame(
    shape: tuple[int, int, int], seed: int, variant: str, dt: float
) -> None:
    x, y, mask = draw(shape, seed)
    options = {"acceleration": True} if variant == "acceleration" else {"variant": variant}
    got = float(non_inertial(x, y, mask, dt=dt, epsilon=1e-9, **options))  # type: ignore[arg-type]
    assert got == pytest.approx(slow_non_inertial(x.numpy(), y.numpy(), mask.numpy(), variant, dt), rel=1e-4, abs=1e-5)


def slow_ccc(x: np.ndarray, y: np.ndarray, ddof: int) -> float:
    """Of one dimension; with ddof 1 what torchmetrics.functional.concordance_corrcoef computes."""
    s_xy = ((x - x.mean()) * (y - y.mean())).sum() / (len(x) - ddof)
    return 2 * s_xy / (x.var(ddof=ddof) + y.var(ddof=ddof) + (x.mean() - y.mean()) ** 2)


@pytest.mark.parametrize("ddof", [0, 1])
def test_ccc_is_its_formula_over_the_batch_or_per_sequence(ddof: int) -> None:
    x, y, mask = draw((4, 9, 3), 0)
    mask[2] = False  # does not count as a sequence
    a, b, keep = x.numpy(), y.numpy(), mask.numpy()
    pooled = np.mean([slow_ccc(a[keep][:, k], b[keep][:, k], ddof) for k in range(3)])
    alone = [slow_ccc(a[i][keep[i]][:, k], b[i][keep[i]][:, k], ddof) for i in (0, 1, 3) for k in range(3)]
    assert float(ccc(x, y, mask, ddof=ddof)) == pytest.approx(1 - pooled, abs=1e-8)
    assert float(ccc(x, y, mask, ddof=ddof, per_sequence=True)) == pytest.approx(1 - np.mean(alone), abs=1e-8)
    assert abs(pooled - np.mean(alone)) > 0.01  # or the option would not be seen here


def test_mse_is_the_mean_over_valid_frames_and_dimensions() -> None:
    x, y, mask = draw((3, 5, 2), 1)
    assert float(mse(x, y, mask)) == pytest.approx(((x - y)[mask] ** 2).mean().item(), abs=1e-12)


# --- what has to hold for all of them ---


@every_loss
@given(shape=shapes, seed=seeds, share=st.sampled_from([0.0, 0.3, 0.8]))
def test_masked_frames_do_not_matter(loss: Loss, shape: tuple[int, int, int], seed: int, share: float) -> None:
    x, y, mask = draw(shape, seed, share)
    outside = ~mask[..., None]
    missing = value_and_gradient(loss, x.masked_fill(outside, math.nan), y.masked_fill(outside, -5), mask)
    other = value_and_gradient(loss, x.masked_fill(outside, 1e30), y.masked_fill(outside, math.nan), mask)
    for value, gradient in (missing, other):
        assert value.isfinite()
        assert gradient.isfinite().all()
        assert (gradient[~mask] == 0).all()
    assert missing[0] == other[0]
    assert torch.equal(missing[1], other[1])


@every_loss
@given(
    shape=shapes,
    seed=seeds,
    share=st.sampled_from([0.0, 0.5, 1.0]),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
)
def test_value_and_gradient_are_finite_where_zero_divides_zero(
    loss: Loss, shape: tuple[int, int, int], seed: int, share: float, dtype: torch.dtype
) -> None:
    x, y, mask = (t.to(dtype) if t.dtype != torch.bool else t for t in draw(shape, seed, share))
    still = x[:, :1].expand(shape)  # constant in time
    for prediction, target in ((y, y), (still, y), (still, still), (x, still), (torch.zeros_like(y),) * 2):
        value, gradient = value_and_gradient(loss, prediction, target, mask)
        assert value.isfinite()
        assert gradient.isfinite().all()


@every_loss
def test_a_batch_without_a_valid_frame_costs_nothing_and_still_has_a_gradient(loss: Loss) -> None:
    x, y, mask = draw((2, 4, 2), 2, share=0)
    value, gradient = value_and_gradient(loss, x, y, mask)
    assert value == 0
    assert torch.equal(gradient, torch.zeros_like(x))


@every_loss
@given(seed=seeds)
def test_a_perfect_prediction_costs_nothing(loss: Loss, seed: int) -> None:
    _, y, mask = draw((2, 6, 2), seed, share=1)
    assert float(loss(y, y, mask)) == pytest.approx(0, abs=1e-6)


@every_loss
def test_narrow_numbers_are_computed_in_float32(loss: Loss) -> None:
    x, y, mask = draw((2, 200, 2), 3)
    x, y = x.bfloat16(), (y / 100 + 0.5).bfloat16()  # bfloat16 has three digits: variances would drown
    got = loss(x, y, mask)
    assert got.dtype == torch.float32
    assert float(got) == pytest.approx(float(loss(x.double(), y.double(), mask)), rel=1e-4)
    assert loss(x.double(), y, mask).dtype == torch.float64


@every_loss
def test_a_prediction_of_mixed_precision_has_the_gradient_of_float32(loss: Loss) -> None:
    x, y, mask = draw((3, 40, 2), 7)
    value, gradient = value_and_gradient(loss, x.bfloat16(), y.float(), mask)
    wide_value, wide = value_and_gradient(loss, x.bfloat16().float(), y.float(), mask)
    assert gradient.dtype == torch.bfloat16
    assert value == wide_value
    assert torch.allclose(gradient.float(), wide, rtol=2**-7, atol=1e-8)  # rounded once, at the end


@pytest.mark.slow
@every_loss
def test_compiled_it_is_the_same_loss(loss: Loss) -> None:
    x, y, mask = (t.float() if t.dtype != torch.bool else t for t in draw((3, 40, 2), 8))
    torch.compiler.reset()
    got = value_and_gradient(torch.compile(lambda *given: loss(*given), fullgraph=True), x, y, mask)
    for ours, wanted in zip(got, value_and_gradient(loss, x, y, mask), strict=True):
        assert torch.allclose(ours, wanted, rtol=1e-5, atol=1e-7)


@pytest.mark.slow
def test_torchmetrics_computes_the_same_ccc_with_ddof_1() -> None:
    torchmetrics = pytest.importorskip("torchmetrics.functional")
    x, y, mask = draw((3, 40, 2), 9)
    theirs = torchmetrics.concordance_corrcoef(x[mask].float(), y[mask].float())
    assert float(ccc(x.float(), y.float(), mask, ddof=1)) == pytest.approx(1 - theirs.mean().item(), abs=1e-6)


@pytest.mark.parametrize("per_sequence", [False, True])
def test_a_constant_prediction_has_no_concordance(per_sequence: bool) -> None:
    _, y, mask = draw((3, 7, 2), 4)
    for constant in (0.0, 0.1, -3.0):
        value = ccc(torch.full_like(y, constant).float(), y.float(), mask, per_sequence=per_sequence)
        assert float(value) == pytest.approx(1, abs=1e-5)


def test_a_gap_hides_the_jump_across_it() -> None:
    x = torch.tensor([[[0.0, 0.0], [9.0, 9.0], [1.0, 1.0]]])
    mask = torch.tensor([[True, False, True]])
    for acceleration in (False, True):
        assert non_inertial(x, torch.zeros_like(x), mask, acceleration=acceleration) == mse(x, 0 * x, mask)


def test_a_single_dimension_has_no_direction() -> None:
    x, y, mask = draw((2, 5, 1), 5, share=1)
    speed = ((x[:, 1:] - x[:, :-1]).abs() - (y[:, 1:] - y[:, :-1]).abs()).abs().mean()
    assert float(non_inertial(x, y, mask, epsilon=1e-9)) == pytest.approx(float(mse(x, y, mask) + speed), abs=1e-8)


@given(seed=seeds)
def test_direction_does_not_depend_on_the_axes_that_carry_it(seed: int) -> None:
    x, y, mask = draw((1, 5, 2), seed)
    turn = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(seed), dtype=x.dtype))[0][:2]
    plane, space = (non_inertial(a, b, mask, variant="main") for a, b in ((x, y), (x @ turn, y @ turn)))
    assert torch.allclose(plane, space, atol=1e-6)


def test_an_epsilon_whose_square_underflows_leaves_the_gradient_finite() -> None:
    x = torch.zeros(1, 4, 2)
    mask = torch.ones(1, 4, dtype=torch.bool)
    _, gradient = value_and_gradient(partial(non_inertial, variant="main", epsilon=1e-30), x, x, mask)
    assert torch.equal(gradient, x)
