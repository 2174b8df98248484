"""Plain histogram equalisation of the weights, taken as a picture."""

from __future__ import annotations

import numpy as np

from cltool import Head, surgery
from cltool_plugins.surgeries.levels import Bits, Picture, on_levels
from cltool_plugins.surgeries.reach import WithBias, WithUnknown, on_weights


@surgery(source="Orgil 2022, eq. 3.12")
def equalize(head: Head, *, bits: Bits = 16, bias: WithBias = False, unknown: WithUnknown = False) -> Head:
    """Spread the weights evenly over their range: h(v) = round((cdf(v) − cdf_min) / (M·N − cdf_min) · (L − 1)).

    cdf(v) counts the weights up to grey level v, cdf_min those of the lowest level, M·N all of them, L = 2^bits.
    `head` [R, D] → [R, D], its range unchanged.

    >>> import torch
    >>> head = Head(("a", "b"), torch.tensor([[-1.0, -0.9], [-0.8, 0.5]]), torch.ones(2), torch.ones(2), "s")
    >>> equalize(head).weight
    tensor([[-1.0000, -0.5000],
            [ 0.0000,  0.5000]])
    """

    def equalise(picture: Picture) -> Picture:
        _, inverse, counts = np.unique(picture, return_inverse=True, return_counts=True)
        cdf = counts.cumsum()
        spread = np.round((cdf - cdf[0]) / (picture.size - cdf[0]) * (2**bits - 1))
        return spread[inverse].reshape(picture.shape).astype(picture.dtype)

    return on_weights(head, lambda weight: on_levels(weight, equalise, bits), bias, unknown)
