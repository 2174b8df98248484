"""The thesis' Non-Inertial loss, in its three readings."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from cltool import CallError, loss
from cltool.errors import nearest
from cltool_plugins.losses.masks import Planes, differences, mean_over, valid_planes

Weight = Annotated[float, Field(ge=0, description="weight of this term of the reported variant; 0 leaves it out")]


@loss(name="non-inertial", source="Orgil 2022, eq. 3.3-3.6, appendix A eq. (1)-(5) and tables 1-3")
def non_inertial(
    prediction: Tensor,
    target: Tensor,
    mask: Tensor,
    *,
    variant: Annotated[
        Literal["main", "appendix", "reported"],
        Field(description="equations of section 3.1.3, those of appendix A, or what the tables' values fit"),
    ] = "reported",
    distance: Weight = 1.0,
    velocity: Weight = 1.0,
    direction: Weight = 1.0,
    acceleration: Annotated[bool, Field(description="of the reported variant: a term of second differences")] = False,
    dt: Annotated[float, Field(gt=0, description="time between frames; differences are divided by it")] = 1.0,
    epsilon: Annotated[float, Field(gt=0, description="a norm's rounded tip: √(u·u + ε²) − ε")] = 1e-6,
) -> Tensor:
    """Where the prediction x is, how fast it moves and in which direction, against the annotation y.

    `prediction`, `target` [B, S, K], `mask` [B, S], True = valid → scalar, in float32 (float64 where an input
    is); 0 where no frame is valid. Means run over valid frames; Δ, the difference of consecutive frames over dt,
    is valid where both frames are, Δ² where all three are. × is the cross product, for K ≠ 2 the wedge product.

    - `main` (eq. 3.3-3.6): mean ‖x − y‖ + mean |‖Δx‖ − ‖Δy‖| + mean ‖x × y‖
    - `appendix` (eq. (1)-(5)): (D + V + A + Ac) / 4; degenerate, kept for reference (see `_appendix`)
    - `reported`: `distance` · mean over frames and dimensions of (x − y)² + `velocity` · mean |‖Δx‖ − ‖Δy‖| +
      `direction` · mean ‖Δx × Δy‖, with `acceleration` + mean |‖Δ²x‖ − ‖Δ²y‖|

    Raises CallError: weights or `acceleration` with another variant, a variant that is not there, shapes that do not
    fit, or a mask that is not boolean.

    >>> x = torch.tensor([[[0.0, 0.0], [0.3, 0.4], [0.3, 0.4]]])
    >>> y = torch.tensor([[[0.0, 0.0], [0.0, 0.0], [0.6, 0.8]]])
    >>> mask = torch.ones(1, 3, dtype=torch.bool)
    >>> [round(float(non_inertial(x, y, mask, variant=v)), 4) for v in ("main", "appendix", "reported")]
    [1.0833, 0.3479, 0.8333]
    """
    terms = {"distance": distance, "velocity": velocity, "direction": direction}
    changed = [name for name, weight in terms.items() if weight != 1] + ["acceleration"] * acceleration
    if changed and variant != "reported":
        raise CallError(f"loss 'non-inertial': {changed[0]} belongs to variant=reported, not to {variant}")
    x, y = valid_planes(prediction, target, mask)  # K tensors [B, S]
    match variant:
        case "main":
            return _main(x, y, mask, dt, epsilon)
        case "appendix":
            return _appendix(x, y, mask, dt)
        case "reported":
            return _reported(x, y, mask, dt, epsilon, (distance, velocity, direction), acceleration)
    hint = nearest(variant, ("main", "appendix", "reported"))
    raise CallError(f"loss 'non-inertial' has no variant {variant!r}; {hint}")


def _main(x: Planes, y: Planes, mask: Tensor, dt: float, epsilon: float) -> Tensor:
    """Eq. 3.3-3.6. 3.3 is taken as the Euclidean distance that the text names, and 3.4 with |·| around it.

    Without the latter a prediction that stands still would be rewarded for it.
    """
    (dx, pairs), (dy, _) = differences(x, mask, dt), differences(y, mask, dt)
    there = _norm(_apart(x, y), epsilon) + _norm(_wedge(x, y), epsilon)
    return mean_over(there, mask) + mean_over(_speed(dx, dy, epsilon), pairs)


def _reported(
    x: Planes, y: Planes, mask: Tensor, dt: float, epsilon: float, weights: tuple[float, ...], acceleration: bool
) -> Tensor:
    """What the values in tables 1-3 fit: half the thesis' MSE column (a sum over dimensions) plus small terms."""
    distance, velocity, direction = weights
    (dx, pairs), (dy, _) = differences(x, mask, dt), differences(y, mask, dt)
    moving = velocity * _speed(dx, dy, epsilon) + direction * _norm(_wedge(dx, dy), epsilon)
    total = mean_over((distance / len(x)) * _square(_apart(x, y)), mask) + mean_over(moving, pairs)
    if acceleration:
        (ddx, triples), (ddy, _) = differences(dx, pairs, dt), differences(dy, pairs, dt)
        total = total + mean_over(_speed(ddx, ddy, epsilon), triples)
    return total


def _appendix(x: Planes, y: Planes, mask: Tensor, dt: float) -> Tensor:
    """Appendix A, eq. (1)-(5): (D + V + A + Ac) / 4, frames of the whole batch pooled as (1)'s N pools them.

    D is the mean over frames of ‖x − y‖²; V and Ac are |mean of Δx − Δy| and of Δ²x − Δ²y over differences and
    dimensions. A is |Σ_j Δx_j·Δy_{j+1} − Δx_{j+1}·Δy_j|, averaged over differences and divided by M + 1 = K + 1,
    with column K + 1 the first one again. Degenerate: V and Ac telescope to the end points of every unbroken
    stretch of valid frames, and A's two summands cancel for K = 2.
    """
    apart, k = _apart(x, y), len(x)
    moving, pairs = differences(apart, mask, dt)  # Δx − Δy = Δ(x − y)
    gathering, triples = differences(moving, pairs, dt)
    (dx, _), (dy, _) = differences(x, mask, dt), differences(y, mask, dt)
    around = [dx[j] * dy[(j + 1) % k] - dx[(j + 1) % k] * dy[j] for j in range(k)]
    velocity = mean_over(_total(moving) / k, pairs).abs()
    angle = mean_over(_total(around), pairs).abs() / (k + 1)
    acceleration = mean_over(_total(gathering) / k, triples).abs()
    return (mean_over(_square(apart), mask) + velocity + angle + acceleration) / 4


def _apart(x: Planes, y: Planes) -> Planes:
    return tuple(a - b for a, b in zip(x, y, strict=True))


def _total(planes: Iterable[Tensor]) -> Tensor:
    """The sum over dimensions."""
    first, *others = planes
    return sum(others, start=first)


def _square(u: Planes) -> Tensor:
    """u·u of every frame."""
    return _total(plane.square() for plane in u)


def _speed(dx: Planes, dy: Planes, epsilon: float) -> Tensor:
    """|‖dx‖ − ‖dy‖| of every difference: the tips' ε cancels."""
    return (_tip(_square(dx), epsilon) - _tip(_square(dy), epsilon)).abs()


def _norm(u: Planes, epsilon: float) -> Tensor:
    """√(u·u + ε²) − ε, whose gradient at 0 is 0.

    Written as u·u / (√(u·u + ε²) + ε), which is the same without the cancellation, so that ‖0‖ is exactly 0.
    """
    square = _square(u)
    return square / (_tip(square, epsilon) + epsilon)


def _tip(square: Tensor, epsilon: float) -> Tensor:
    """√(u·u + ε²), of u·u."""
    least = max(epsilon**2, torch.finfo(square.dtype).tiny)  # ε² can underflow, and √0 has no gradient
    return (square + least).sqrt()


def _wedge(x: Planes, y: Planes) -> Planes:
    """x_i·y_j − x_j·y_i for i < j: K planes → K(K−1)/2; for K = 2 the cross product, for K = 1 zeros.

    Its norm is √(|x|²|y|² − (x·y)²) (Lagrange), which computed so would cancel for parallel x and y.
    """
    pairs = combinations(range(len(x)), 2)
    return tuple(x[i] * y[j] - x[j] * y[i] for i, j in pairs) or (torch.zeros_like(x[0]),)
