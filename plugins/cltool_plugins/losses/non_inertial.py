"""The thesis' Non-Inertial loss, in its three readings."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from cltool import CallError, loss
from cltool.errors import nearest
from cltool_plugins.losses.masks import differences, mean_over, valid_only


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
    - `reported`: mean over frames and dimensions of (x − y)² + mean |‖Δx‖ − ‖Δy‖| + mean ‖Δx × Δy‖,
      with `acceleration` + mean |‖Δ²x‖ − ‖Δ²y‖|

    Raises CallError: `acceleration` with another variant, a variant that is not there, shapes that do not fit,
    or a mask that is not boolean.

    >>> x = torch.tensor([[[0.0, 0.0], [0.3, 0.4], [0.3, 0.4]]])
    >>> y = torch.tensor([[[0.0, 0.0], [0.0, 0.0], [0.6, 0.8]]])
    >>> mask = torch.ones(1, 3, dtype=torch.bool)
    >>> [round(float(non_inertial(x, y, mask, variant=v)), 4) for v in ("main", "appendix", "reported")]
    [1.0833, 0.3479, 0.8333]
    """
    if acceleration and variant != "reported":
        raise CallError(f"loss 'non-inertial': acceleration belongs to variant=reported, not to {variant}")
    x, y = valid_only(prediction, target, mask)
    match variant:
        case "main":
            return _main(x, y, mask, dt, epsilon)
        case "appendix":
            return _appendix(x, y, mask, dt)
        case "reported":
            return _reported(x, y, mask, dt, epsilon, acceleration)
    hint = nearest(variant, ("main", "appendix", "reported"))
    raise CallError(f"loss 'non-inertial' has no variant {variant!r}; {hint}")


def _main(x: Tensor, y: Tensor, mask: Tensor, dt: float, epsilon: float) -> Tensor:
    """Eq. 3.3-3.6. 3.3 is taken as the Euclidean distance that the text names, and 3.4 with |·| around it.

    Without the latter a prediction that stands still would be rewarded for it.
    """
    (dx, pairs), (dy, _) = differences(x, mask, dt), differences(y, mask, dt)
    distance = mean_over(_norm(x - y, epsilon), mask)
    return distance + _speed(dx, dy, pairs, epsilon) + mean_over(_norm(_wedge(x, y), epsilon), mask)


def _reported(x: Tensor, y: Tensor, mask: Tensor, dt: float, epsilon: float, acceleration: bool) -> Tensor:
    """What the values in tables 1-3 fit: half the thesis' MSE column (a sum over dimensions) plus small terms."""
    (dx, pairs), (dy, _) = differences(x, mask, dt), differences(y, mask, dt)
    distance = mean_over((x - y).square().mean(-1), mask)
    direction = mean_over(_norm(_wedge(dx, dy), epsilon), pairs)
    total = distance + _speed(dx, dy, pairs, epsilon) + direction
    if acceleration:
        (ddx, triples), (ddy, _) = differences(dx, pairs, dt), differences(dy, pairs, dt)
        total = total + _speed(ddx, ddy, triples, epsilon)
    return total


def _appendix(x: Tensor, y: Tensor, mask: Tensor, dt: float) -> Tensor:
    """Appendix A, eq. (1)-(5): (D + V + A + Ac) / 4, frames of the whole batch pooled as (1)'s N pools them.

    D is the mean over frames of ‖x − y‖²; V and Ac are |mean of Δx − Δy| and of Δ²x − Δ²y over differences and
    dimensions. A is |Σ_j Δx_j·Δy_{j+1} − Δx_{j+1}·Δy_j|, averaged over differences and divided by M + 1 = K + 1,
    with column K + 1 the first one again. Degenerate: V and Ac telescope to the end points of every unbroken
    stretch of valid frames, and A's two summands cancel for K = 2.
    """
    (dx, pairs), (dy, _) = differences(x, mask, dt), differences(y, mask, dt)
    (ddx, triples), (ddy, _) = differences(dx, pairs, dt), differences(dy, pairs, dt)
    around = dx * dy.roll(-1, -1) - dx.roll(-1, -1) * dy
    distance = mean_over((x - y).square().sum(-1), mask)
    velocity = mean_over((dx - dy).mean(-1), pairs).abs()
    angle = mean_over(around.sum(-1), pairs).abs() / (x.shape[-1] + 1)
    return (distance + velocity + angle + mean_over((ddx - ddy).mean(-1), triples).abs()) / 4


def _speed(dx: Tensor, dy: Tensor, valid: Tensor, epsilon: float) -> Tensor:
    """The mean of |‖dx‖ − ‖dy‖|."""
    return mean_over((_norm(dx, epsilon) - _norm(dy, epsilon)).abs(), valid)


def _norm(u: Tensor, epsilon: float) -> Tensor:
    """√(u·u + ε²) − ε over the last dimension, whose gradient at 0 is 0.

    Written as u·u / (√(u·u + ε²) + ε), which is the same without the cancellation, so that ‖0‖ is exactly 0.
    """
    square = u.square().sum(-1)
    tip = (square + epsilon**2).clamp_min(torch.finfo(u.dtype).tiny)  # ε² can underflow, and √0 has no gradient
    return square / (tip.sqrt() + epsilon)


def _wedge(x: Tensor, y: Tensor) -> Tensor:
    """x_i·y_j − x_j·y_i for i < j: [..., K] → [..., K(K−1)/2]; for K = 2 the cross product, for K = 1 nothing.

    Its norm is √(|x|²|y|² − (x·y)²) (Lagrange), which computed so would cancel for parallel x and y.
    """
    i, j = torch.triu_indices(x.shape[-1], x.shape[-1], 1, device=x.device)
    return x[..., i] * y[..., j] - x[..., j] * y[..., i]
