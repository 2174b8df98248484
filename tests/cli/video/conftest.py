"""A film that a command can be given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cltool.video.encoding import film_writer


@pytest.fixture
def talk(tmp_path: Path) -> Callable[..., Path]:
    """Writes a film of the astronaut, who drifts by a pixel a frame, or with `shown=False` of nobody, and a tone."""
    from skimage.data import astronaut

    def make(name: str = "talk.mp4", frames: int = 12, size: int = 256, shown: bool = True, sound: bool = True) -> Path:
        import cv2

        path = tmp_path / name
        portrait = np.asarray(astronaut(), np.uint8) if shown else np.full((512, 512, 3), 128, np.uint8)
        tone = (np.sin(2 * np.pi * 440 * np.arange(640) / 16_000) / 2).astype(np.float32)
        with film_writer(path, size, size, 25, 16_000 if sound else None) as writer:
            for number in range(frames):
                cut = np.ascontiguousarray(portrait[:256, 90 + number : 346 + number])
                writer.write(np.asarray(cv2.resize(cut, (size, size)), np.uint8))
                if sound:
                    writer.hear(tone)
        return path

    return make
