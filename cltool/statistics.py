"""Additive statistics: what may be kept of a task when its samples are gone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from cltool.errors import CallError
from cltool.files import load_tensors, save_tensors


@dataclass(frozen=True, eq=False)
class Statistics:
    """Sums over samples x ∈ ℝᴰ (with a constant one appended: x̃) and targets y ∈ ℝᶜ; `a + b` adds tasks.

    `names`: C outputs. `count` [C] = Σ y. `gram` [D+1, D+1] = Σ x̃ x̃ᵀ, without any ridge. `cross`
    [D+1, C] = Σ x̃ yᵀ; its last row is Σ y. `target_squares` [C] = Σ y². All float64, fixed in size, and no
    sample can be had back from them. `space`: as a head's.

    >>> s = Statistics.of(torch.tensor([[1.0], [3.0]]), torch.eye(2), ("a", "b"), "space")
    >>> s.mean("b"), (s + s).count
    (tensor([3.], dtype=torch.float64), tensor([2., 2.], dtype=torch.float64))
    """

    names: tuple[str, ...]
    space: str
    count: Tensor
    gram: Tensor
    cross: Tensor
    target_squares: Tensor

    @classmethod
    def of(cls, features: Tensor, targets: Tensor, names: tuple[str, ...], space: str) -> Statistics:
        """Statistics of features [n, D] and targets [n, C]."""
        x = torch.cat([features.double(), features.new_ones(len(features), 1).double()], 1)
        y = targets.double()
        return cls(names, space, y.sum(0), x.T @ x, x.T @ y, y.square().sum(0))

    def __add__(self, other: Statistics) -> Statistics:
        """Sums of both, outputs aligned by name; raises CallError for two feature spaces."""
        if self.space != other.space:
            raise CallError("statistics of two feature spaces cannot be added; use the same backbone")
        names = tuple(dict.fromkeys((*self.names, *other.names)))
        count = torch.zeros(len(names), dtype=torch.float64)
        squares = torch.zeros_like(count)
        cross = torch.zeros(len(self.gram), len(names), dtype=torch.float64)
        for part in (self, other):
            at = torch.tensor([names.index(name) for name in part.names])
            count.index_add_(0, at, part.count)
            squares.index_add_(0, at, part.target_squares)
            cross.index_add_(1, at, part.cross)
        return Statistics(names, self.space, count, self.gram + other.gram, cross, squares)

    def mean(self, name: str) -> Tensor:
        """Mean feature [D] of an output, float64."""
        i = self.names.index(name)
        return self.cross[:-1, i] / self.count[i]

    @property
    def means(self) -> Tensor:
        """Mean features [C, D] of all outputs, float64."""
        return (self.cross[:-1] / self.count).T

    @property
    def within_covariance(self) -> Tensor:
        """Pooled within-class covariance [D, D] = (G − Σ n_c μ_c μ_cᵀ) / n, as LDA shares it."""
        means = self.means
        scatter = self.gram[:-1, :-1] - means.T @ (self.count[:, None] * means)
        return scatter / self.count.sum()

    @property
    def nbytes(self) -> int:
        """Bytes of all sums."""
        tensors = (self.count, self.gram, self.cross, self.target_squares)
        return sum(t.numel() * t.element_size() for t in tensors)

    def save(self, path: str | Path) -> None:
        """Write as .safetensors, names and space in its metadata; never half a file."""
        tensors = {k: getattr(self, k) for k in ("count", "gram", "cross", "target_squares")}
        save_tensors(path, tensors, {"names": self.names, "space": self.space, "schema": 1})

    @classmethod
    def load(cls, path: str | Path) -> Statistics:
        """Read what `save` wrote; raises CallError for a file that is no statistics."""
        tensors, facts = load_tensors(path, "statistics")
        try:
            return cls(tuple(facts["names"]), facts["space"], **tensors)
        except (KeyError, TypeError) as error:
            raise CallError(f"{path} is no statistics of cltool: {error}") from None
