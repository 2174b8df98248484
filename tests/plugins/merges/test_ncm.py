"""ncm, against scikit-learn."""

from __future__ import annotations

import torch
from sklearn.neighbors import NearestCentroid

from cltool import Statistics
from cltool_plugins.merges.ncm import ncm


def test_it_decides_as_the_nearest_centroid_does() -> None:
    rng = torch.Generator().manual_seed(0)
    label = torch.randint(4, (80,), generator=rng)
    x = torch.randn(80, 5, generator=rng) + torch.randn(4, 5, generator=rng)[label] + 3
    head = ncm(Statistics.of(x, torch.eye(4)[label], tuple("abcd"), "s"))
    theirs = NearestCentroid().fit(x.numpy(), label.numpy())
    assert head(x).argmax(1).tolist() == theirs.predict(x.numpy()).tolist()
    distances = torch.cdist(x, torch.from_numpy(theirs.centroids_).float())
    assert torch.allclose(x.square().sum(1, keepdim=True) - 2 * head(x), distances.square(), atol=1e-3)


def test_a_class_without_samples_never_wins() -> None:
    x = torch.randn(40, 5, generator=torch.Generator().manual_seed(0))
    head = ncm(Statistics.of(x, torch.eye(3)[torch.arange(40) % 2], tuple("abc"), "s"))
    assert torch.isfinite(head.weight).all()
    assert (head(x).argmax(1) < 2).all()
