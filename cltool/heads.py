"""Heads: linear classifiers whose rows have names, and the one rule that aligns them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from cltool.errors import CallError
from cltool.files import load_tensors, save_tensors

UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class Head:
    """A linear map with named rows: scores = x Wᵀ + b.

    `names`: R row names, "unknown" is one like any other. `weight` [R, D] and `bias` [R]. `counts` [R]:
    the training samples behind each row. `space`: fingerprint of the feature space the weights live in.

    Raises ValueError for shapes that do not fit each other or names that repeat.

    >>> head = Head(("cat", "unknown"), torch.eye(2), torch.zeros(2), torch.tensor([9.0, 0.0]), "s")
    >>> head(torch.tensor([[3.0, 1.0]]))
    tensor([[3., 1.]])
    >>> head.classes
    ('cat',)
    """

    names: tuple[str, ...]
    weight: Tensor
    bias: Tensor
    counts: Tensor
    space: str

    def __post_init__(self) -> None:
        rows = len(self.names)
        if self.weight.ndim != 2 or {self.weight.shape[0], *self.bias.shape, *self.counts.shape} != {rows}:
            raise ValueError(
                f"{rows} names do not fit weight {list(self.weight.shape)}, bias {list(self.bias.shape)}, "
                f"counts {list(self.counts.shape)}"
            )
        if len(set(self.names)) < rows:
            raise ValueError(f"a head's row names repeat: {self.names}")

    def __call__(self, features: Tensor) -> Tensor:
        """Scores [n, R] of features [n, D]."""
        return torch.addmm(self.bias, features, self.weight.T)

    @property
    def classes(self) -> tuple[str, ...]:
        """All names but `unknown`."""
        return tuple(name for name in self.names if name != UNKNOWN)

    @property
    def not_finite(self) -> tuple[str, ...]:
        """Names of the rows with a weight or a bias that is no finite number."""
        finite = torch.isfinite(self.weight).all(1) & torch.isfinite(self.bias)
        return tuple(name for name, sound in zip(self.names, finite.tolist(), strict=True) if not sound)

    @property
    def nbytes(self) -> int:
        """Bytes of weights, bias and counts."""
        return sum(t.numel() * t.element_size() for t in (self.weight, self.bias, self.counts))

    def row(self, name: str) -> Row:
        """One row; raises ValueError for a name that is not there."""
        i = self.names.index(name)
        return Row(self.weight[i], self.bias[i], self.counts[i])

    def save(self, path: str | Path) -> None:
        """Write the head as .safetensors, names and space in its metadata; never half a file."""
        tensors = {"weight": self.weight, "bias": self.bias, "counts": self.counts}
        save_tensors(path, tensors, {"names": self.names, "space": self.space, "schema": 1})

    @classmethod
    def load(cls, path: str | Path) -> Head:
        """Read what `save` wrote; raises CallError for a file that is no head."""
        tensors, facts = load_tensors(path, "head")
        try:
            return cls(tuple(facts["names"]), **tensors, space=facts["space"])
        except (KeyError, TypeError, ValueError) as error:
            raise CallError(f"{path} is no head of cltool: {error}") from None


@dataclass(frozen=True)
class Row:
    """One output of a head: weight [D], bias [] and the samples behind it."""

    weight: Tensor
    bias: Tensor
    count: Tensor

    def blended(self, other: Row, share: float) -> Row:
        """share · this + (1 − share) · other, weight and bias; the samples behind both together."""
        return Row(
            share * self.weight + (1 - share) * other.weight,
            share * self.bias + (1 - share) * other.bias,
            self.count + other.count,
        )


def union(old: Head, new: Head, blend: Callable[[str, Row, Row], Row]) -> Head:
    """Rows that one head owns are kept, rows that both own are blended; the one place that aligns names.

    Order: old's classes, then new's, then `unknown` if either has it. `blend` is asked for shared names
    only. Raises CallError for heads of different feature spaces or widths.

    >>> a = Head(("x", "unknown"), torch.zeros(2, 1), torch.zeros(2), torch.ones(2), "s")
    >>> b = Head(("y", "unknown"), torch.ones(2, 1), torch.ones(2), torch.ones(2), "s")
    >>> union(a, b, lambda name, old, new: new).names
    ('x', 'y', 'unknown')
    """
    if old.space != new.space:
        raise CallError(
            f"heads of two feature spaces ({old.space[:8]}…, {new.space[:8]}…) cannot be merged; "
            "fit both on the same backbone"
        )
    if old.weight.shape[1] != new.weight.shape[1]:
        raise CallError(f"heads of widths {old.weight.shape[1]} and {new.weight.shape[1]} cannot be merged")
    names = tuple(dict.fromkeys((*old.classes, *new.classes)))
    if UNKNOWN in (*old.names, *new.names):
        names = (*names, UNKNOWN)
    rows = []
    for name in names:
        if name in old.names and name in new.names:
            rows.append(blend(name, old.row(name), new.row(name)))
        else:
            rows.append((old if name in old.names else new).row(name))
    return Head(
        names,
        torch.stack([row.weight for row in rows]),
        torch.stack([row.bias for row in rows]),
        torch.stack([row.count for row in rows]),
        old.space,
    )
