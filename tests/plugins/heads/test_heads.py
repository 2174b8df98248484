"""The fits, against the libraries whose mathematics they write out."""

from __future__ import annotations

import numpy as np
import torch

from cltool_plugins.heads.ridge import ridge
from cltool_plugins.heads.softmax import softmax


def make_problem(n: int = 150, width: int = 5, rows: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    label = torch.randint(rows - 1, (n,), generator=rng)  # the last row has no positives, as `unknown`
    x = torch.randn(n, width, generator=rng) + label[:, None]
    return x, torch.nn.functional.one_hot(label, rows).float()


def test_softmax_steps_as_torchs_own_sgd_does() -> None:
    x, y = make_problem()
    epochs, batch = 3, 64
    weight, bias = softmax(x, y, torch.Generator().manual_seed(7), epochs=epochs, batch=batch)
    layer = torch.nn.Linear(5, 4)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    sgd = torch.optim.SGD(layer.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, epochs)
    rng = torch.Generator().manual_seed(7)
    for _ in range(epochs):
        for chosen in torch.randperm(len(x), generator=rng).split(batch):
            sgd.zero_grad()
            torch.nn.functional.cross_entropy(layer(x[chosen]), y[chosen]).backward()
            sgd.step()
        schedule.step()
    assert torch.allclose(weight, layer.weight.detach(), atol=1e-5)
    assert torch.allclose(bias, layer.bias.detach(), atol=1e-5)


def test_a_row_without_positives_learns_what_it_is_not() -> None:
    x, y = make_problem()
    weight, bias = softmax(x, y, torch.Generator().manual_seed(0))
    scores = x @ weight.T + bias
    assert (scores[:, 3] < scores[:, :3].max(1).values).float().mean() > 0.95


def test_ridge_is_scikit_learns_with_the_bias_free() -> None:
    from sklearn.linear_model import Ridge

    x, y = make_problem()
    weight, bias = ridge(x, y, torch.Generator(), strength=30.0)
    theirs = Ridge(alpha=30.0).fit(x.double().numpy(), y.double().numpy())
    assert np.allclose(weight.numpy(), theirs.coef_, atol=1e-5)
    assert np.allclose(bias.numpy(), theirs.intercept_, atol=1e-5)
