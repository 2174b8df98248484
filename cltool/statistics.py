"""Additive statistics: what may be kept of a task when its samples are gone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from cltool.errors import CallError
from cltool.files import load_tensors, save_tensors


@dataclass(frozen=True, eq=False)
class Statistics:
    """Sums over samples x ∈ ℝᴰ (with a constant one appended: x̃) and targets y ∈ ℝᶜ; `a + b` adds tasks.

    `names`: C outputs. `count` [C] = Σ y, for values (valence, …) the number of samples. `gram` [D+1, D+1] = Σ x̃ x̃ᵀ,
    without any ridge. `cross` [D+1, C] = Σ x̃ yᵀ; its last row is Σ y. `target_squares` [C] = Σ y². `class_grams`
    [C, D, D] = Σ y x xᵀ of every output, where they were asked for, else None. All float64, and fixed in size however
    many samples there were; no sample is kept as such (the mean of a class of one sample is that sample). `space`: as
    a head's.

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
    class_grams: Tensor | None = None

    @classmethod
    def of(
        cls,
        features: Tensor,
        targets: Tensor,
        names: tuple[str, ...],
        space: str,
        class_grams: bool = False,
        values: bool = False,
    ) -> Statistics:
        """Statistics of features [n, D] and targets [n, C]; `class_grams`: also those of every output, 8·C·D² bytes.

        `values`: targets are values, of which every sample has all, rather than shares of classes.

        >>> y = torch.tensor([[0.5, -0.2], [-0.5, 0.4]])
        >>> Statistics.of(torch.ones(2, 1), y, ("valence", "arousal"), "space", values=True).count
        tensor([2., 2.], dtype=torch.float64)
        """
        x = torch.cat([features.double(), features.new_ones(len(features), 1).double()], 1)
        y = targets.double()
        grams = _class_grams(x[:, :-1], y) if class_grams else None
        count = torch.full_like(y[0], len(y)) if values else y.sum(0)
        return cls(names, space, count, _gram(x), (y.T @ x).T.contiguous(), y.square().sum(0), grams)

    @classmethod
    def empty(cls, width: int, space: str) -> Statistics:
        """Sums over nothing, D = `width`, of no output: what `empty + s` gives is s, with class grams or without.

        >>> Statistics.empty(2, "space").gram.shape
        torch.Size([3, 3])
        """
        none, wide = torch.zeros(0, dtype=torch.float64), torch.zeros(width + 1, width + 1, dtype=torch.float64)
        return cls((), space, none, wide, wide[:, :0].clone(), none.clone())

    def __add__(self, other: Statistics) -> Statistics:
        """Sums of both, outputs aligned by name.

        Raises CallError for two feature spaces, and where only one of the two has class grams.
        """
        if self.space != other.space:
            raise CallError("statistics of two feature spaces cannot be added; use the same backbone")
        parts = [part for part in (self, other) if part.names]
        if len({part.class_grams is None for part in parts}) > 1:
            raise CallError(
                "statistics with class grams and without cannot be added; collect both with class_grams=True"
            )
        names = tuple(dict.fromkeys((*self.names, *other.names)))
        width = len(self.gram) - 1
        count = torch.zeros(len(names), dtype=torch.float64)
        squares = torch.zeros_like(count)
        cross = torch.zeros(width + 1, len(names), dtype=torch.float64)
        with_grams = any(part.class_grams is not None for part in parts)
        grams = torch.zeros(len(names), width, width, dtype=torch.float64) if with_grams else None
        for part in parts:
            at = torch.tensor([names.index(name) for name in part.names])
            count.index_add_(0, at, part.count)
            squares.index_add_(0, at, part.target_squares)
            cross.index_add_(1, at, part.cross)
            if grams is not None and part.class_grams is not None:
                grams.index_add_(0, at, part.class_grams)
        return Statistics(names, self.space, count, self.gram + other.gram, cross, squares, grams)

    def without(self, names: Collection[str]) -> Statistics:
        """Sums of all other outputs that have samples, as if those left out had the covariance within all classes.

        What is left keeps its counts, sums and means; the covariance within classes stays what it was.

        >>> s = Statistics.of(torch.tensor([[1.0], [3.0]]), torch.eye(2), ("a", "b"), "space")
        >>> s.without(["a"]).names, s.without(["a"]).mean("b")
        (('b',), tensor([3.], dtype=torch.float64))
        """
        kept = [i for i, name in enumerate(self.names) if name not in names and self.count[i]]
        count, cross, means = self.count[kept], self.cross[:, kept], self.means[kept]
        gram = torch.empty_like(self.gram)
        gram[:-1, :-1] = count.sum() * self.within_covariance + means.T @ (count[:, None] * means)
        gram[-1] = gram[:, -1] = cross.sum(1)
        grams = None if self.class_grams is None else self.class_grams[kept]
        left = tuple(self.names[i] for i in kept)
        return Statistics(left, self.space, count, gram, cross, self.target_squares[kept], grams)

    def mean(self, name: str) -> Tensor:
        """Mean feature [D] of an output, float64; zeros for one without samples."""
        return self.means[self.names.index(name)]

    @property
    def means(self) -> Tensor:
        """Mean features [C, D] of all outputs, float64; a row of zeros for an output without samples (count 0)."""
        return (self.cross[:-1] / self._divisors).T

    @property
    def mean_squares(self) -> Tensor:
        """Mean square [D] of every feature over all samples, float64."""
        return self.gram.diagonal()[:-1] / self.gram[-1, -1]

    @property
    def within_covariance(self) -> Tensor:
        """Pooled within-class covariance [D, D] = (G − Σ n_c μ_c μ_cᵀ) / n, as LDA shares it.

        Outputs without samples have no part in it; of no samples at all it is zero.
        """
        means = self.means
        scatter = self.gram[:-1, :-1] - means.T @ (self.count[:, None] * means)
        total = self.count.sum()
        return scatter / total if total else scatter

    def covariance(self, name: str) -> Tensor:
        """Covariance [D, D] of one output, Σ y x xᵀ / n_c − μ_c μ_cᵀ, float64; zeros for one without samples.

        Raises CallError where no class grams were collected.

        >>> x, y = torch.tensor([[0.0], [2.0], [7.0]]), torch.eye(2)[[0, 0, 1]]
        >>> Statistics.of(x, y, ("a", "b"), "space", class_grams=True).covariance("a")
        tensor([[1.]], dtype=torch.float64)
        """
        if self.class_grams is None:
            raise CallError("these statistics have no class grams; collect them with class_grams=True")
        i = self.names.index(name)
        mean = self.means[i]
        return self.class_grams[i] / self._divisors[i] - mean[:, None] * mean

    @property
    def _divisors(self) -> Tensor:
        """The counts, one in the place of nought: sums over nothing stay zero."""
        return torch.where(self.count == 0, 1.0, self.count)

    @property
    def _tensors(self) -> dict[str, Tensor]:
        sums = {key: getattr(self, key) for key in ("count", "gram", "cross", "target_squares", "class_grams")}
        return {key: tensor for key, tensor in sums.items() if tensor is not None}

    @property
    def nbytes(self) -> int:
        """Bytes of all sums."""
        return sum(t.numel() * t.element_size() for t in self._tensors.values())

    def save(self, path: str | Path) -> None:
        """Write as .safetensors, names and space in its metadata; never half a file."""
        save_tensors(path, self._tensors, {"names": self.names, "space": self.space, "schema": 1})

    @classmethod
    def load(cls, path: str | Path) -> Statistics:
        """Read what `save` wrote; raises CallError for a file that is no statistics."""
        tensors, facts = load_tensors(path, "statistics")
        try:
            return cls(tuple(facts["names"]), facts["space"], **tensors)
        except (KeyError, TypeError) as error:
            raise CallError(f"{path} is no statistics of cltool: {error}") from None


def _gram(x: Tensor, block: int = 96) -> Tensor:
    """Σ x xᵀ [D, D] of samples [n, D]: only blocks on and above the diagonal are multiplied out, the others copied."""
    width = x.shape[1]
    gram = x.new_empty(width, width)
    for start in range(0, width, block):
        end = min(width, start + block)
        gram[start:end, start:] = x[:, start:end].T @ x[:, start:]
        gram[end:, start:end] = gram[start:end, end:].T
    return gram


def _class_grams(x: Tensor, y: Tensor) -> Tensor:
    """Σ y x xᵀ [C, D, D] of every output; a class's own samples only are multiplied."""
    grams = x.new_zeros(y.shape[1], x.shape[1], x.shape[1])
    for gram, weight in zip(grams, y.T, strict=True):
        own = weight != 0
        gram.copy_(_gram(x[own]) if (weight[own] == 1).all() else (x[own].T * weight[own]) @ x[own])
    return grams
