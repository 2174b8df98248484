"""Avalanche's rivals that keep covariances, made quick: the same scores, to rounding."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn


def cached_fecam(**options: Any) -> nn.Module:
    """A FeCAMClassifier that gives the same scores in less time.

    A covariance is inverted once, when it is first needed, and distances are computed row by row rather than as the
    diagonal of all pairs. Avalanche's second copy of the covariances, as one tensor, is left out.
    """
    from avalanche.models import FeCAMClassifier

    class CachedFeCAM(FeCAMClassifier):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.inverses: dict[int, tuple[Tensor, Tensor]] = {}  # address → covariance and its inverse

        def forward(self, x: Tensor) -> Tensor:
            scores: Tensor = super().forward(x)
            return scores.to(x.device)  # Avalanche's stay on the CPU, where the labels need not be

        def _mahalanobis(self, vectors: Tensor, class_means: Tensor, cov: Tensor) -> Tensor:
            if id(cov) not in self.inverses:
                self.inverses[id(cov)] = cov, torch.linalg.pinv(cov, hermitian=True).float()
            inverse = self.inverses[id(cov)][1].to(vectors.device)
            away = nn.functional.normalize(vectors, dim=-1) - nn.functional.normalize(class_means, dim=-1)
            return ((away @ inverse) * away).sum(1)

        def _vectorize_cov_dict(self) -> None:
            pass

    return CachedFeCAM(**options)


def blockwise_slda(**options: Any) -> Any:
    """StreamingLDA that adds up a batch's part of the covariance at once; the means go on sample by sample.

    Sample t, which lies d_t from its class's mean of the moment, adds t / (t+1) · d_t d_tᵀ to the sum (t+1) · Σ.
    """
    from avalanche.training import StreamingLDA

    class BlockwiseSLDA(StreamingLDA):
        Sigma: Tensor

        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.added = 0  # samples that are in the covariance
            self.pending: list[Tensor] = []  # √(t / (t+1)) · d_t of those that are not yet

        @torch.no_grad()
        def fit(self, x: Tensor, y: Tensor) -> None:
            away, t = x - self.muK[y], self.num_updates
            self.pending.append(away * math.sqrt(t / (t + 1)))
            self.muK[y] += away / (self.cK[y] + 1).unsqueeze(1)
            self.cK[y] += 1
            self.num_updates += 1

        def _after_update(self, **named: Any) -> None:
            rows = torch.cat(self.pending)
            self.Sigma = (self.added * self.Sigma + rows.T @ rows) / self.num_updates
            self.added, self.pending = self.num_updates, []
            super()._after_update(**named)

    return BlockwiseSLDA(**options)
