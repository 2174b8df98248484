"""Small feature stores, written in a moment, whose features tell their labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cltool.affect.recipes import AffectRecipe
from cltool.affect.setups import AffectSetup, prepare
from cltool.files import save_tensors, sha256
from cltool.video.films import OUTPUTS
from cltool.video.store import VALID, FeatureStore, FilmEntry, Index, TensorFacts

SHAPES: Mapping[str, tuple[int, ...]] = {"mel": (5,), "body": (3, 2)}
RATE = 25.0

Change = Callable[[str, dict[str, NDArray[Any]]], None]


def _walk(rng: np.random.Generator, frames: int) -> NDArray[np.float32]:
    """A smooth path of valence and arousal [T, 2] in [−1, 1]."""
    steps = rng.standard_normal((frames, len(OUTPUTS))).cumsum(0)
    smooth = steps - np.linspace(0, 1, frames)[:, None] * steps[-1]
    return np.tanh(smooth / 3).astype(np.float32)


def write_store(
    path: Path, films: int = 6, frames: int = 60, change: Change = lambda name, tensors: None, **about: Any
) -> Path:
    """A store of films whose `mel` tells arousal and whose `body` tells both, beside noise; every third validates.

    `change` is shown each film's tensors before they are written. `about`: of the modality mel.
    """
    rng = np.random.default_rng(0)
    mixes = {name: rng.standard_normal((len(OUTPUTS), int(np.prod(shape)))) for name, shape in SHAPES.items()}
    mixes["mel"][0] = 0
    index = Index(
        tensors={name: TensorFacts(modality=name, shape=list(shape)) for name, shape in SHAPES.items()},
        about={"mel": {"librosa": "1", **about}, "body (openpose)": {}},
    )
    for number in range(films):
        name = f"film-{number}"
        labels = _walk(rng, frames)
        tensors: dict[str, NDArray[Any]] = {"times": np.arange(frames) / RATE, "labels": labels}
        for tensor, shape in SHAPES.items():
            rows = labels @ mixes[tensor] + 0.1 * rng.standard_normal((frames, mixes[tensor].shape[1]))
            tensors[tensor] = (5 + 3 * rows).reshape(frames, *shape).astype(np.float32)
            tensors[tensor + VALID] = np.ones(frames, bool)
        change(name, tensors)
        file = path / "films" / f"{name}.safetensors"
        facts = {"film": name, "rate": RATE, "synthetic": True, "columns": {}}
        save_tensors(file, {key: torch.from_numpy(value.copy()) for key, value in tensors.items()}, facts)
        index.films[name] = FilmEntry(
            file=f"films/{name}.safetensors",
            sha256=sha256(file),
            source=f"{name}.mp4",
            source_state="0 0",
            frames=len(tensors["times"]),
            rate=RATE,
            width=8,
            height=8,
            valid={tensor: int(tensors[tensor + VALID].sum()) for tensor in SHAPES},
            labelled=int(np.isfinite(tensors["labels"]).all(1).sum()),
            split="validation" if number % 3 == 2 else "train",
            synthetic=True,
        )
    index.save(path)
    return path


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Six films of 60 frames, four for training."""
    return write_store(tmp_path / "store")


Make = Callable[..., AffectSetup]


@pytest.fixture
def setup_of(store: Path) -> Make:
    """A setup of a quick training on the small store; settings may be changed."""

    def make(**changes: Any) -> AffectSetup:
        quick = {
            "store": str(store),
            "network": "pose:hidden=16,dropout=0",
            "optimizer": "adamw",
            "learning_rate": 0.01,
            "sequence": 20,
            "batch": 4,
            "epochs": 2,
            "device": "cpu",
        }
        return prepare(AffectRecipe.of({**quick, **changes}))

    return make


@pytest.fixture
def films(store: Path) -> FeatureStore:
    """The small store, opened."""
    return FeatureStore(store)
