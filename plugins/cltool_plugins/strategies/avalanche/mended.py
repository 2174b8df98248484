"""Avalanche's strategies where release 0.6 stumbles, each mended at the one place where it does."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import torch
from torch import nn, optim

SMALL = 1e-30  # no gradient, and no other loss than 0 is changed by it


def bic(**options: Any) -> Any:
    """A BiCPlugin whose correction does not ask torch's scheduler to be `verbose`, which it no longer can be."""
    from avalanche.training.plugins import BiCPlugin, bic

    def scheduler(optimizer: optim.Optimizer, milestones: list[int], gamma: float, verbose: bool) -> Any:
        return optim.lr_scheduler.MultiStepLR(optimizer, milestones, gamma)

    class Plugin(BiCPlugin):
        def bias_correction_step(self, *given: Any, **named: Any) -> None:
            with patch.object(bic, "MultiStepLR", scheduler):
                super().bias_correction_step(*given, **named)

    return Plugin(**options)


def mas(**options: Any) -> Any:
    """A MASPlugin that goes on where a loss is 0; Avalanche takes that for no loss at all."""
    from avalanche.training.plugins import MASPlugin

    class Plugin(MASPlugin):
        def before_backward(self, strategy: Any, **named: Any) -> None:
            if not strategy.loss:
                strategy.loss = strategy.loss + SMALL
            super().before_backward(strategy, **named)

    return Plugin(**options)


def synaptic_intelligence(**options: Any) -> Any:
    """SynapticIntelligence that copies weights where it compares them with later ones, and has no importance below 0.

    On a CPU Avalanche's copies are views of the weights in use: nothing ever moves, no weight is important, and all
    that is left is naive training. It bounds an importance above, not below; of a weight that hardly moved it may be
    −500, and the penalty then drives the weight away without end.
    """
    from avalanche.training import SynapticIntelligence
    from avalanche.training.plugins import SynapticIntelligencePlugin

    @torch.no_grad()
    def extract_weights(model: nn.Module, target: Any, excluded_parameters: set[str]) -> None:
        for name, weight in SynapticIntelligencePlugin.allowed_parameters(model, excluded_parameters):
            target[name].data = weight.detach().cpu().flatten().clone()

    theirs = SynapticIntelligencePlugin.update_ewc_data

    def update_importances(model: nn.Module, data: Any, *given: Any, **named: Any) -> None:
        theirs(model, data, *given, **named)
        for importance in data[1].values():
            importance.data = importance.data.clamp(min=0)

    mended: dict[str, Any] = {
        "extract_weights": staticmethod(extract_weights),
        "update_ewc_data": staticmethod(update_importances),
    }

    class Strategy(SynapticIntelligence):
        def train(self, *given: Any, **named: Any) -> Any:
            with patch.multiple(SynapticIntelligencePlugin, **mended):
                return super().train(*given, **named)

    return Strategy(**options)
