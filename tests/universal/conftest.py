"""A network small enough to be trained in a test, with all that makes training depend on chance and on batches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cltool.universal.recipes import TrainingRecipe
from cltool.universal.setups import TrainingSetup, prepare

TINY = '''
import torch
from torch import nn

from cltool import Backbone, PictureTransform, TaskStream, backbone


class Narrow(nn.Module):
    """Lets so many pictures through, as memory would."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) > self.most:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.00 GiB.")
        return x


@backbone
def tiny(*, size: int = 8, most: int = 1000) -> Backbone:
    """A convolution, batch-norm and dropout."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        body = nn.Sequential(
            Narrow(most), nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(4),
            nn.Flatten(), nn.Linear(128, 32), nn.ReLU(), nn.Dropout(0.2),
        )
    return Backbone.of("tiny", body, PictureTransform(size, 1, (0.5,), (0.5,)), 32)
'''


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A file with the backbone `tiny`."""
    path = tmp_path / "tiny_backbone.py"
    path.write_text(TINY)
    return path


@pytest.fixture
def made(tiny: Path) -> Callable[..., TrainingSetup]:
    """A setup of `tiny` on four digits, with other keys of the recipe where wanted."""

    def make(**keys: Any) -> TrainingSetup:
        shared = {"stream": "digits", "backbone": "tiny", "classes": 4, "epochs": 3, "device": "cpu"}
        return prepare(TrainingRecipe(**{**shared, "learning_rate": 0.05, "plugins": [str(tiny)], **keys}))

    return make
