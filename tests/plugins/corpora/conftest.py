"""Data sets in their owners' layouts, small enough to be written by hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cltool.video.encoding import film_writer


@dataclass(frozen=True)
class Shelf:
    """A folder that files are laid into, by their paths in it."""

    root: Path

    def text(self, place: str, content: str) -> Path:
        path = self.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        return path

    def pairs(self, place: str, rows: Iterable[tuple[float, float]]) -> Path:
        """A label file as Aff-Wild2 has them."""
        lines = "".join(f"{valence:g},{arousal:g}\n" for valence, arousal in rows)
        return self.text(place, f"valence,arousal\n{lines}")

    def pictures(self, folder: str, numbers: Iterable[int], suffix: str = "jpg") -> Path:
        (self.root / folder).mkdir(parents=True, exist_ok=True)
        for number in numbers:
            Image.new("RGB", (4, 4), (number, 0, 0)).save(self.root / folder / f"{number:05d}.{suffix}")
        return self.root / folder

    def video(self, place: str, frames: int = 3, rate: float = 25, sound_rate: int | None = None) -> Path:
        path = self.root / place
        with film_writer(path, 16, 16, rate, sound_rate) as film:
            for _ in range(frames):
                film.write(np.zeros((16, 16, 3), np.uint8))
            if sound_rate:
                film.hear(np.zeros(round(frames / rate * sound_rate), np.float32))
        return path


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """An empty folder for a data set."""
    (tmp_path / "data").mkdir()
    return Shelf(tmp_path / "data")
