"""Histogram pruning: the near-zero bulk of the weights' histogram is set to zero."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field
from torch import Tensor

from cltool import Head, surgery
from cltool_plugins.surgeries.reach import WithBias, WithUnknown, on_weights


@surgery(source="Orgil 2022, section 3.3.2", on="task", one_of=("margin", "relative", "quantile"))
def prune(
    head: Head,
    *,
    margin: Annotated[
        float, Field(ge=0, allow_inf_nan=False, description="absolute: keep what is nearer to an end")
    ] = 0.3,
    relative: Annotated[float | None, Field(ge=0, le=0.5, description="margin as a share of the range")] = None,
    quantile: Annotated[float | None, Field(ge=0, le=0.5, description="margin as a share of the weights")] = None,
    bias: WithBias = False,
    unknown: WithUnknown = False,
) -> Head:
    """Set weights inside [min + margin, max − margin] to zero; the tails of the histogram stay.

    The margin is one of three: absolute (the thesis' .3, which prunes all of a head with small weights and
    nothing of one whose range is under .6), relative to the range max − min, or by quantile q: all between
    the q and 1 − q quantiles, a share of about 1 − 2q. A larger margin prunes less. `head` [R, D] → [R, D].

    >>> import torch
    >>> head = Head(("a", "b"), torch.tensor([[-1.0, -0.2], [0.1, 1.0]]), torch.ones(2), torch.ones(2), "s")
    >>> prune(head).weight
    tensor([[-1.,  0.],
            [ 0.,  1.]])
    """

    def zero_inside(weight: Tensor) -> Tensor:
        low, high = weight.min(), weight.max()
        if quantile is not None:
            # torch.quantile refuses more than 16 million numbers
            low, high = (weight.new_tensor(v) for v in np.quantile(weight.cpu().numpy(), (quantile, 1 - quantile)))
        else:
            width = margin if relative is None else relative * (high - low)
            low, high = low + width, high - width
        return weight.masked_fill((weight >= low) & (weight <= high), 0)

    return on_weights(head, zero_inside, bias, unknown)
