"""Magnified film as a picture: a row as filmed, one of differences, one magnified."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cltool.report.magnification import around_grey, draw_magnification, gain


def flat(*colour: int) -> np.ndarray:
    return np.full((60, 80, 3), colour, np.uint8)


def test_rows_are_the_film_the_difference_and_what_came_out(tmp_path: Path) -> None:
    shown = [(number / 5, flat(0, 0, 200), flat(20, 0, 200)) for number in range(4)]
    draw_magnification(shown, tmp_path / "a.png", "a film")
    with Image.open(tmp_path / "a.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    height, width, _ = pixels.shape
    assert width > height
    for share, wanted in ((0.2, (0, 0, 200)), (0.55, (255, 128, 128)), (0.85, (20, 0, 200))):
        found = {tuple(int(value) for value in pixels[int(height * share), int(width * x)]) for x in (0.2, 0.5, 0.8)}
        assert found == {wanted}


def test_a_difference_is_drawn_as_large_as_it_fits() -> None:
    before = flat(100, 100, 100)
    after = before.copy()
    after[:30] += 10
    after[30:] -= 20
    times = gain([(before, after), (before, before)])
    assert times == pytest.approx(6.35)
    drawn = around_grey(before, after, times)
    assert (drawn[0, 0, 0], drawn[-1, 0, 0]) == (192, 1)
    assert gain([(before, before)]) == 1
    assert gain([(flat(0, 0, 0), flat(250, 250, 250))]) == 1


def test_a_single_tall_frame_can_be_drawn(tmp_path: Path) -> None:
    tall = np.zeros((90, 20, 3), np.uint8)
    draw_magnification([(0.0, tall, tall)], tmp_path / "a.png")
    assert (tmp_path / "a.png").is_file()
