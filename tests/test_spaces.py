"""The feature space: what decides it, and that a lift is part of it."""

from __future__ import annotations

import torch

from cltool.catalogue import discover
from cltool.plugin import Configured, Spec
from cltool.spaces import FeatureSpace
from cltool.standardization import Standardization


def lift(text: str) -> Configured:
    return discover().configure("lift", Spec.parse(text))


def test_backbone_moments_and_lift_all_decide_the_fingerprint() -> None:
    one, two = torch.eye(2), 2 * torch.eye(2)
    prints = {
        FeatureSpace.of(one, None).fingerprint("a"),
        FeatureSpace.of(one, None).fingerprint("b"),
        FeatureSpace.of(two, None).fingerprint("a"),
        FeatureSpace.of(one, lift("relu:dim=8")).fingerprint("a"),
        FeatureSpace.of(one, lift("relu:dim=8,seed=1")).fingerprint("a"),
        FeatureSpace.of(one, lift("relu:dim=8,keep=true")).fingerprint("a"),
    }
    assert len(prints) == 6


def test_a_space_restored_from_its_moments_is_the_same_space() -> None:
    features = torch.randn(9, 4, generator=torch.Generator().manual_seed(0))
    first = FeatureSpace.of(features, lift("relu:dim=8"))
    again = FeatureSpace.restored(Standardization.of(features), lift("relu:dim=8"))
    assert torch.equal(first(features), again(features))
    assert first.fingerprint("a") == again.fingerprint("a")


def test_what_is_lifted_is_standardised_first() -> None:
    features = 100 + 7 * torch.randn(2000, 16, generator=torch.Generator().manual_seed(0))
    lifted = FeatureSpace.of(features, lift("relu:dim=400"))(features)
    assert lifted.shape == (2000, 400)
    assert 0.8 < float(lifted.square().mean()) < 1.2
    assert FeatureSpace.of(features, lift("relu:dim=400")).lift_parameters == 400 * 16
