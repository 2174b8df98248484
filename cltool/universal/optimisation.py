"""Optimisers and schedules of a training, as its recipe names them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.optim import lr_scheduler

from cltool.universal.recipes import TrainingRecipe

PLATEAU_FACTOR = 0.1
PER_STEP = ("onecycle", "cosine")  # schedules that change the rate after every step, not after an epoch

Schedule = lr_scheduler.LRScheduler


def optimizer_of(recipe: TrainingRecipe, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """SGD with momentum, or AdamW; on a GPU a step is one kernel for all weights."""
    rate, decay, fused = recipe.learning_rate, recipe.weight_decay, True if recipe.device == "cuda" else None
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(parameters, rate, weight_decay=decay, fused=fused)
    return torch.optim.SGD(parameters, rate, momentum=recipe.momentum, weight_decay=decay, fused=fused)


def schedule_of(recipe: TrainingRecipe, optimizer: torch.optim.Optimizer, steps: int) -> Schedule:
    """How the rate goes over the recipe's epochs of so many `steps` each.

    `plateau`: a tenth after `patience` epochs without a better validation loss. `onecycle`: up to the rate and
    down to nearly nothing (Smith & Topin 2018). `cosine`: down to nothing. `constant`.
    """
    total = recipe.epochs * steps
    if recipe.schedule == "plateau":
        return lr_scheduler.ReduceLROnPlateau(optimizer, factor=PLATEAU_FACTOR, patience=recipe.patience)
    if recipe.schedule == "onecycle":
        return lr_scheduler.OneCycleLR(optimizer, recipe.learning_rate, total_steps=total, cycle_momentum=False)
    if recipe.schedule == "cosine":
        return lr_scheduler.CosineAnnealingLR(optimizer, total)
    return lr_scheduler.ConstantLR(optimizer, factor=1.0)


def after_epoch(schedule: Schedule, recipe: TrainingRecipe, validation_loss: float) -> None:
    """Let a schedule that goes by epochs take its step."""
    if isinstance(schedule, lr_scheduler.ReduceLROnPlateau):
        schedule.step(validation_loss)
    elif recipe.schedule not in PER_STEP:
        schedule.step()


def score(facts: Mapping[str, Any]) -> tuple[float, float]:
    """What the best epoch is chosen by: validation accuracy; of equal ones, the lower loss."""
    return facts["validation"]["accuracy"], -facts["validation"]["loss"]


def best(journal: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The best epoch of a journal, the first of equals; None of an empty one."""
    return max(journal, key=score, default=None)


def is_over(journal: Sequence[Mapping[str, Any]], recipe: TrainingRecipe) -> bool:
    """Whether a training has come to its end: all its epochs, or too many since the best.

    >>> lines = [{"epoch": n, "validation": {"accuracy": a, "loss": 1.0}} for n, a in enumerate((0.5, 0.9, 0.9), 1)]
    >>> [is_over(lines, TrainingRecipe(stream="digits", early_stop=stop)) for stop in (1, 2)]
    [True, False]
    """
    top = best(journal)
    if top is None:
        return False
    since = len(journal) - top["epoch"]
    return len(journal) >= recipe.epochs or (recipe.early_stop is not None and since >= recipe.early_stop)
