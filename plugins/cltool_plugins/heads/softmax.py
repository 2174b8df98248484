"""The thesis' head: softmax regression by stochastic gradient descent."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Generator, Tensor

from cltool import head


@head(source="Orgil 2022, eq. 3.8-3.9")
def softmax(
    features: Tensor,
    targets: Tensor,
    rng: Generator,
    *,
    epochs: Annotated[int, Field(ge=1)] = 40,
    rate: Annotated[float, Field(gt=0)] = 0.01,
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9,
    decay: Annotated[float, Field(ge=0)] = 5e-3,
    batch: Annotated[int, Field(ge=1)] = 64,
) -> tuple[Tensor, Tensor]:
    """Softmax regression by SGD with momentum, cosine schedule and weight decay (on the bias too).

    `features` [n, D], `targets` [n, R] with rows summing to one → weight [R, D], bias [R]. The gradient of
    the cross-entropy, (softmax − target)ᵀ x, is written out: of a linear layer's step, autograd and
    torch.optim would be the larger part. The update is torch.optim.SGD's, the test says so.

    >>> x = torch.tensor([[-1.0], [1.0]])
    >>> weight, bias = softmax(x, torch.eye(2), torch.Generator().manual_seed(0))
    >>> (x @ weight.T + bias).argmax(1)
    tensor([0, 1])
    """
    x = torch.cat([features, features.new_ones(len(features), 1)], 1)
    weight = x.new_zeros(targets.shape[1], x.shape[1])
    velocity = torch.zeros_like(weight)
    for epoch in range(epochs):
        step = rate * (1 + math.cos(math.pi * epoch / epochs)) / 2
        for chosen in torch.randperm(len(x), generator=rng).split(batch):
            seen = x[chosen]
            error = torch.softmax(seen @ weight.T, 1) - targets[chosen]
            velocity.mul_(momentum).addmm_(error.T, seen, alpha=1 / len(chosen)).add_(weight, alpha=decay)
            weight.sub_(velocity, alpha=step)
    return weight[:, :-1].contiguous(), weight[:, -1].contiguous()
