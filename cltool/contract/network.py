"""The contract of a video network: features per frame → valence and arousal per frame."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from cltool.contract.clauses import Clause
from cltool.contract.examples import modalities
from cltool.contract.trials import RUNS, Subject, Trial, each, try_all
from cltool.plugin import Configured
from cltool.seeding import generator

FRAMES = 7


def subject(network: Configured) -> Subject:
    """Build it for small features of every modality."""
    return try_all(network, {"all modalities": lambda: {"widths": modalities()}})


def _batch() -> tuple[Mapping[str, Tensor], Tensor]:
    features = {
        name: torch.rand(3, FRAMES, width, generator=generator("network", name)) for name, width in modalities().items()
    }
    mask = torch.ones(3, FRAMES, dtype=torch.bool)
    mask[1, 4:] = False
    return features, mask


def _shape(trial: Trial) -> str | None:
    if not isinstance(trial.result, nn.Module):
        return f"a {type(trial.result).__name__}"
    found = trial.result.eval()(*_batch())
    return None if list(found.shape) == [3, FRAMES, 2] else f"{list(found.shape)}"


def _finite(trial: Trial) -> str | None:
    _, mask = _batch()
    return None if torch.isfinite(trial.result.eval()(*_batch())[mask]).all() else "numbers that are not"


def _mask(trial: Trial) -> str | None:
    network, (features, mask) = trial.result.eval(), _batch()
    first = network(features, mask)
    other = network({name: part.masked_fill(~mask[..., None], 9.0) for name, part in features.items()}, mask)
    return None if torch.allclose(first[mask], other[mask], atol=1e-6) else "other scores for valid frames"


def _trains(trial: Trial) -> str | None:
    network = trial.result.train()
    network.zero_grad()
    features, mask = _batch()
    network(features, mask)[mask].square().sum().backward()
    dead = [name for name, p in network.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()]
    return f"none at {dead[0]}" if dead else None


def _settled(trial: Trial) -> str | None:
    network = trial.result.eval()
    return None if torch.equal(network(*_batch()), network(*_batch())) else "other scores at the second time"


CLAUSES = (
    RUNS,
    Clause("shape", "features [B, S, F] of each modality → [B, S, 2]", each(_shape)),
    Clause("finite", "finite numbers for valid frames", each(_finite)),
    Clause("mask", "what masked frames hold does not matter to the others", each(_mask)),
    Clause("trains", "a finite gradient at every parameter", each(_trains)),
    Clause("settled", "in eval mode, the same features give the same scores", each(_settled)),
)
