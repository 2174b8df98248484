"""The feature space of a stream's heads: standardised features, lifted if a lift was asked for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cltool.errors import CallError
from cltool.plugin import Configured
from cltool.standardization import FARTHEST, Standardization


@dataclass(frozen=True, eq=False)
class FeatureSpace:
    """The fixed map from a backbone's features [n, D] to what heads read, [n, D'] (D' = D without a lift).

    >>> space = FeatureSpace.of(torch.tensor([[0.0], [2.0]]), None)
    >>> space(torch.tensor([[1.0]]))
    tensor([[0.]])
    """

    standardization: Standardization
    lift: nn.Module | None = None

    @classmethod
    def of(cls, features: Tensor, lift: Configured | None) -> FeatureSpace:
        """The space that the first task's features [n, D] decide.

        Raises CallError where every feature is constant (that some are is no harm), and where one varies a million
        times as much as features usually do: it would drown all others.
        """
        if (features == features[:1]).all():
            raise CallError(
                "feature 0 of the backbone, as every other, is the same for all pictures, so that there is nothing to "
                "learn from; take another backbone, or look at the pictures"
            )
        spread = features.double().std(0, correction=0)
        usual, widest = float(spread[spread > 0].median()), int(spread.argmax())
        if float(spread[widest]) > FARTHEST * usual:
            raise CallError(
                f"feature {widest} of the backbone varies {float(spread[widest]) / usual:.2g} times as much as the "
                "others; look at the backbone's weights and at this task's pictures"
            )
        return cls.restored(Standardization.of(features), lift)

    @classmethod
    def restored(cls, standardization: Standardization, lift: Configured | None) -> FeatureSpace:
        """The space of a standardisation that was kept; a lift is made anew, from its own seed."""
        if lift is None:
            return cls(standardization)
        return cls(standardization, lift(width=len(standardization.mean)).eval().requires_grad_(False))

    @torch.no_grad()
    def __call__(self, features: Tensor) -> Tensor:
        z = self.standardization(features)
        return z if self.lift is None else self.lift(z)

    def fingerprint(self, backbone: str) -> str:
        """Hash of the backbone's fingerprint, the standardisation, and the lift: its layers and every weight."""
        sha = hashlib.sha256(backbone.encode())
        if self.lift:
            sha.update(str(self.lift).encode())
        standardization, lift = self.standardization, self.lift.state_dict() if self.lift else {}
        for part in (standardization.mean, standardization.deviation, *lift.values()):
            sha.update(part.contiguous().numpy().tobytes())
        return sha.hexdigest()

    @property
    def lift_parameters(self) -> int:
        """Number of weights of the lift."""
        return sum(p.numel() for p in self.lift.state_dict().values()) if self.lift else 0
