"""Standardisation of features: fixed once, on the first task, for the whole stream."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from cltool.errors import CallError
from cltool.files import load_tensors, save_tensors

FLOOR = 0.2
FARTHEST = 1e6  # deviations; single precision, in which heads are fitted, keeps seven digits


@dataclass(frozen=True, eq=False)
class Standardization:
    """The affine map z = (x − mean) / deviation under all heads of a stream; mean, deviation [D].

    It is taken from the first task's features and then stays, so that heads of all tasks share one space.
    A feature that hardly moves on the first task may move a lot on later ones; so that it does not drown all
    others then, deviation² = variance + (FLOOR · r)², r² being the mean variance of all features.
    docs/architecture.md has why.

    >>> z = Standardization.of(torch.tensor([[0.0, 5.0], [2.0, 5.0]]))
    >>> z.mean, z.deviation
    (tensor([1., 5.]), tensor([1.0100, 0.1414]))
    """

    mean: Tensor
    deviation: Tensor

    @classmethod
    def of(cls, features: Tensor) -> Standardization:
        """Moments (ddof 0) of features [n, D]; where all are constant, the deviation is 1."""
        x = features.double()
        variance = x.var(0, correction=0)
        if not variance.any():
            return cls(x.mean(0).float(), torch.ones_like(variance).float())
        deviation = (variance + FLOOR**2 * variance.mean()).sqrt()
        return cls(x.mean(0).float(), deviation.float())

    def __call__(self, features: Tensor) -> Tensor:
        return (features - self.mean) / self.deviation

    def check(self, features: Tensor) -> None:
        """Raise CallError where features [n, D] are no finite numbers, or so far out that they would drown all others.

        >>> Standardization(torch.zeros(2), torch.ones(2)).check(torch.tensor([[0.0, 3e20]]))
        Traceback (most recent call last):
        ...
        cltool.errors.CallError: feature 1 of the backbone reaches 3e+20 deviations of the first task's; look at ...
        """
        if broken := (~torch.isfinite(features)).any(0).nonzero().flatten().tolist():
            raise CallError(f"feature {broken[0]} of the backbone is not a finite number; look at its weights")
        if not len(features):
            return
        reach = self(features).abs().amax(0)
        farthest = int(reach.argmax())
        if float(reach[farthest]) > FARTHEST:
            raise CallError(
                f"feature {farthest} of the backbone reaches {float(reach[farthest]):.2g} deviations of the first "
                "task's; look at the backbone's weights and at this task's pictures"
            )

    @property
    def nbytes(self) -> int:
        """Bytes kept between tasks."""
        return 4 * (self.mean.numel() + self.deviation.numel())

    def save(self, path: str | Path) -> None:
        """Write as .safetensors, whole or not at all."""
        save_tensors(path, {"mean": self.mean, "deviation": self.deviation}, {"schema": 1})

    @classmethod
    def load(cls, path: str | Path) -> Standardization:
        """Read what `save` wrote; raises CallError for another file."""
        tensors, _ = load_tensors(path, "standardisation")
        try:
            return cls(**tensors)
        except TypeError as error:
            raise CallError(f"{path} is no standardisation of cltool: {error}") from None
