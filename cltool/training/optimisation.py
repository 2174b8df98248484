"""Optimisers and schedules of a training, as its recipe names them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import nn
from torch.optim import lr_scheduler

PLATEAU_FACTOR = 0.1
PER_STEP = ("onecycle", "cosine")  # schedules that change the rate after every step, not after an epoch

Schedule = lr_scheduler.LRScheduler

Facts = Mapping[str, Any]  # a finished epoch's line in the journal
Score = Callable[[Facts], Any]  # what the best epoch is chosen by; higher is better


class Rates(Protocol):
    """What a recipe of any training says of how weights are moved, and for how long."""

    @property
    def optimizer(self) -> str: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def momentum(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def schedule(self) -> str: ...
    @property
    def patience(self) -> int: ...
    @property
    def early_stop(self) -> int | None: ...
    @property
    def epochs(self) -> int: ...
    @property
    def device(self) -> str: ...


def optimizer_of(recipe: Rates, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """SGD with momentum, or AdamW; on a GPU a step is one kernel for all weights."""
    rate, decay, fused = recipe.learning_rate, recipe.weight_decay, True if recipe.device == "cuda" else None
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(parameters, rate, weight_decay=decay, fused=fused)
    return torch.optim.SGD(parameters, rate, momentum=recipe.momentum, weight_decay=decay, fused=fused)


def schedule_of(recipe: Rates, optimizer: torch.optim.Optimizer, steps: int) -> Schedule:
    """How the rate goes over a training of so many `steps`, at most, in all its epochs.

    `plateau`: a tenth after `patience` epochs without a better validation loss. `onecycle`: up to the rate and
    down to nearly nothing (Smith & Topin 2018). `cosine`: down to nothing. `constant`.
    """
    if recipe.schedule == "plateau":
        return lr_scheduler.ReduceLROnPlateau(optimizer, factor=PLATEAU_FACTOR, patience=recipe.patience)
    if recipe.schedule == "onecycle":
        return lr_scheduler.OneCycleLR(optimizer, recipe.learning_rate, total_steps=steps, cycle_momentum=False)
    if recipe.schedule == "cosine":
        return lr_scheduler.CosineAnnealingLR(optimizer, steps)
    return lr_scheduler.ConstantLR(optimizer, factor=1.0)


def after_epoch(schedule: Schedule, recipe: Rates, validation_loss: float) -> None:
    """Let a schedule that goes by epochs take its step."""
    if isinstance(schedule, lr_scheduler.ReduceLROnPlateau):
        schedule.step(validation_loss)
    elif recipe.schedule not in PER_STEP:
        schedule.step()


def best(journal: Sequence[Facts], score: Score) -> Facts | None:
    """The best epoch of a journal, the first of equals; None of an empty one."""
    return max(journal, key=score, default=None)


def is_over(journal: Sequence[Facts], recipe: Rates, score: Score) -> bool:
    """Whether a training has come to its end: all its epochs, or too many since the best.

    >>> from types import SimpleNamespace
    >>> lines = [{"epoch": n, "accuracy": a} for n, a in enumerate((0.5, 0.9, 0.9), 1)]
    >>> recipes = [SimpleNamespace(epochs=70, early_stop=stop) for stop in (1, 2)]
    >>> [is_over(lines, recipe, lambda facts: facts["accuracy"]) for recipe in recipes]
    [True, False]
    """
    top = best(journal, score)
    if top is None:
        return False
    since = len(journal) - top["epoch"]
    return len(journal) >= recipe.epochs or (recipe.early_stop is not None and since >= recipe.early_stop)
