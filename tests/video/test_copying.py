"""What a film made of another takes over: a picture for every frame, and sound as far as pictures are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cltool.video.copying import CopiedSound, aac_rate, held_pictures
from cltool.video.decoding import probe, read_sound


def test_a_missing_frame_is_the_one_before_and_the_first_comes_early(tmp_path: Path) -> None:
    for number in (2, 3, 6):
        Image.new("RGB", (8, 8), (40 * number,) * 3).save(tmp_path / f"{number:05}.png")
    heard: list[str] = []
    shown = [picture[0, 0, 0] // 40 for picture in held_pictures(tmp_path, probe(tmp_path), heard.append, "shown")]
    assert shown == [2, 2, 3, 3, 3, 6]
    assert heard == [f"{tmp_path}: 3 frames are missing; the ones before were shown in their place"]


@pytest.mark.parametrize(("rate", "wanted"), [(44_100, 44_100), (11_000, 11_025), (192_000, 96_000), (None, None)])
def test_sound_has_the_nearest_rate_that_is_allowed(rate: int | None, wanted: int | None) -> None:
    assert aac_rate(rate) == wanted


class Ear:
    """A film under way that keeps what it is given to hear."""

    def __init__(self) -> None:
        self.samples = np.zeros(0, np.float32)

    def hear(self, samples: NDArray[np.float32]) -> None:
        self.samples = np.concatenate([self.samples, samples])


def test_sound_is_written_as_far_as_pictures_are(film: Callable[..., Path]) -> None:
    source, ear = film(frames=50), Ear()
    whole = np.concatenate(list(read_sound(source, 16_000)))
    sound = CopiedSound(ear, source, 16_000, lambda line: None)  # type: ignore[arg-type]
    sound.up_to(0.5)
    assert 8000 <= len(ear.samples) < 12_000
    sound.up_to(10)
    np.testing.assert_array_equal(ear.samples, whole)


def test_a_silent_film_has_nothing_to_be_heard(film: Callable[..., Path]) -> None:
    ear = Ear()
    CopiedSound(ear, film(sound_rate=None), None, lambda line: None).up_to(1)  # type: ignore[arg-type]
    assert not len(ear.samples)
