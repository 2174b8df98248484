"""Made-up tasks that the contract tries plugins on: seeded numbers, small, and well apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cltool.heads import UNKNOWN, Head
from cltool.pictures import Block, PictureSet, RawPixels
from cltool.seeding import generator
from cltool.statistics import Statistics
from cltool.tasks import TaskStream, arrange
from cltool.video.blocks import Layout, film_block
from cltool.video.films import OUTPUTS
from cltool.video.store import FilmEntry, Index, StoredFilm, TensorFacts

WIDTH = 6
SPACE = "the contract's feature space"
FLOATS = (torch.float32, torch.float64)


@dataclass(frozen=True)
class Samples:
    """A task's features [n, D] and targets [n, K] over its classes `names`, or where `values` is true its values."""

    names: tuple[str, ...]
    features: Tensor
    targets: Tensor
    values: bool = False

    def __add__(self, other: Samples) -> Samples:
        names = tuple(dict.fromkeys((*self.names, *other.names)))
        targets = torch.zeros(len(self.features) + len(other.features), len(names))
        for start, part in ((0, self), (len(self.features), other)):
            columns = [names.index(name) for name in part.names]
            targets[start : start + len(part.features), columns] = part.targets
        return Samples(names, torch.cat([self.features, other.features]), targets, self.values)

    @property
    def statistics(self) -> Statistics:
        """Their sums, class grams among them, as a merge with the fact `class_grams` is given them."""
        return Statistics.of(self.features, self.targets, self.names, SPACE, class_grams=True, values=self.values)

    def head(self, strength: float = 1.0, unknown: bool = True, dtype: torch.dtype = torch.float32) -> Head:
        """The ridge solution on the targets, and a small row for `unknown`."""
        x = torch.cat([self.features, torch.ones(len(self.features), 1)], 1).double()
        penalty = torch.full((x.shape[1],), strength, dtype=torch.float64)
        penalty[-1] = 1e-9
        rows = torch.linalg.solve(x.T @ x + torch.diag(penalty), x.T @ self.targets.double()).T
        names, counts = self.names, self.statistics.count.float()
        if unknown:
            extra = 0.1 * torch.randn(1, rows.shape[1], dtype=torch.float64, generator=generator("unknown", *names))
            rows, names, counts = torch.cat([rows, extra]), (*names, UNKNOWN), torch.cat([counts, torch.zeros(1)])
        rows = rows.to(dtype)
        return Head(names, rows[:, :-1].contiguous(), rows[:, -1].contiguous(), counts.to(dtype), SPACE)


def samples(names: Sequence[str], each: int = 30, width: int = WIDTH, part: str = "", spread: float = 0.3) -> Samples:
    """`each` samples of every class: normal about a centre of its own, which its name decides."""
    centres = [2 * torch.randn(width, generator=generator("centre", name, width)) for name in names]
    noise = [spread * torch.randn(each, width, generator=generator("noise", name, part, width)) for name in names]
    features = torch.cat([centre + n for centre, n in zip(centres, noise, strict=True)])
    return Samples(tuple(names), features, torch.eye(len(names)).repeat_interleave(each, 0))


def without_samples(task: Samples, name: str) -> Samples:
    """The same task, one of whose classes nobody has a sample of."""
    kept = task.targets[:, task.names.index(name)] == 0
    return replace(task, features=task.features[kept], targets=task.targets[kept])


def value_samples(part: str, each: int = 400) -> Samples:
    """Valence and arousal that follow one linear law in every part, and a little noise; features of each differ."""
    law = torch.randn(WIDTH, len(OUTPUTS), generator=generator("law"))
    features = torch.randn(each, WIDTH, generator=generator("features", part)) + 0.5
    noise = 0.05 * torch.randn(each, len(OUTPUTS), generator=generator("value noise", part))
    return Samples(OUTPUTS, features, features @ law / 5 - 0.2 + noise, values=True)


def picture_stream(channels: int = 1, height: int = 8, width: int = 8, per_class: int = 12) -> TaskStream:
    """Four classes of noisy pictures, two tasks of two: each class is bright in a quarter of its own."""
    decode = RawPixels(channels, height, width)
    outputs = ("upper left", "upper right", "lower left", "lower right")
    train: dict[str, Block] = {}
    test: dict[str, Block] = {}
    for number, name in enumerate(outputs):
        for blocks, split in ((train, "train"), (test, "test")):
            pictures = _bright(channels, height, width, per_class, number, split)
            names = [f"{name} {i}" for i in range(per_class)]
            blocks[name] = Block(name, split, names, pictures.__getitem__, decode)  # type: ignore[arg-type]
    return arrange(PictureSet(outputs, train, test, note="synthetic: made by the contract"), 2)


def _bright(channels: int, height: int, width: int, count: int, quarter: int, split: str) -> list[bytes]:
    pixels = 80 * torch.rand(count, channels, height, width, generator=generator("pictures", split, quarter))
    top, left = quarter // 2 * (height // 2), quarter % 2 * (width // 2)
    pixels[:, :, top : top + height // 2, left : left + width // 2] += 150
    return [picture.to(torch.uint8).numpy().tobytes() for picture in pixels]


class _MadeUpFilm(StoredFilm):
    """A film of seeded numbers that lies nowhere; in some frames nothing is seen, some have no label."""

    @cached_property
    def _content(self) -> tuple[Mapping[str, NDArray[Any]], Mapping[str, Any]]:
        count = self.entry.frames
        rows = torch.randn(count, 9, generator=generator("film", self.name)).numpy()
        seen = np.arange(count) % 7 != 3
        labels = np.clip(rows[:, :2] / 3, -1, 1)
        labels[5] = np.nan
        tensors = {"points": rows[:, :6].reshape(count, 3, 2), "points.valid": seen}
        return {**tensors, "mel": rows[:, 6:], "mel.valid": np.ones(count, bool), "labels": labels}, {"columns": {}}


def film_stream(frames: int = 20) -> TaskStream:
    """Two tasks of three films each, of which one is held out, as streams of valence and arousal have them."""
    shapes = {"points": [3, 2], "mel": [3]}
    index = Index(tensors={name: TensorFacts(modality=name, shape=shape) for name, shape in shapes.items()})
    about: dict[str, Any] = {"file": "", "source": "", "source_state": "", "frames": frames}
    about |= {"rate": 10.0, "width": 8, "height": 8}
    outputs, train, test = ("videos 1", "videos 2"), dict[str, Block](), dict[str, Block]()
    for name in outputs:
        blocks = []
        for number in range(3):
            entry = FilmEntry(**about, sha256=f"{name} {number}", valid=dict.fromkeys(shapes, frames))
            film = _MadeUpFilm(f"{name}, film {number}", Path(name), entry)
            block = film_block(film, Layout(index), film.name)
            assert block is not None
            blocks.append(block)
        train[name] = Block.of_films(name, "train", blocks[:2])
        test[name] = Block.of_films(name, "test", blocks[2:])
    return arrange(PictureSet(outputs, train, test, values=OUTPUTS, note="synthetic: made by the contract"), 2)


def pixel_features(blocks: Sequence[Block]) -> Tensor:
    """Features [n, C·H·W] of blocks: their pixels in [0, 1]; what a strategy is tried on."""
    return torch.cat([torch.stack(b.pictures(range(len(b)))).flatten(1).float() / 255 for b in blocks])


def modalities() -> Mapping[str, int]:
    """Widths of all features a video network may ask for."""
    return {"face": 10, "landmarks": 8, "body": 6, "mel": 9, "mesh": 12, "evm": 10}
