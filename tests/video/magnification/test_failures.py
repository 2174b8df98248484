"""Settings no film allows, films that do not allow the settings, pictures that are none: a line, before any work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cltool.errors import CallError
from cltool.video.magnification import COLOUR, MOTION, Magnifier, Settings, magnify_film


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"method": "color"}, "method 'color': give colour or motion"),
        ({"filter": "iir"}, "filter 'iir': give ideal or butterworth"),
        ({"low": 3}, "low 3 Hz is not below high 3 Hz"),
        ({"low": 4}, "low 4 Hz is not below high 3 Hz"),
        ({"low": 0}, "low 0: give more than zero"),
        ({"low": -1}, "low -1: give more than zero"),
        ({"high": float("inf")}, "high inf"),
        ({"alpha": -0.1}, "alpha -0.1: give zero or more"),
        ({"alpha": float("nan")}, "alpha nan"),
        ({"cutoff": 0}, "cutoff 0: give more than zero"),
        ({"chroma": 1.1}, "chroma 1.1: give a share between 0 and 1"),
        ({"chroma": float("nan")}, "chroma nan"),
        ({"levels": 0}, "levels 0: colour needs 1 or more"),
        ({"method": "motion", "levels": 1}, "levels 1: motion needs 2 or more"),
        ({"filter": "butterworth", "reference_compat": True}, "reference_compat is a way of the ideal filter"),
    ],
)
def test_settings_that_no_film_allows(given: dict[str, Any], told: str) -> None:
    with pytest.raises(CallError) as error:
        Settings(**given)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("settings", "film", "told"),
    [
        (COLOUR, (360, 288, 6), "high 3 Hz needs more than 6 frames per second, and the film has 6; take high below 3"),
        (MOTION, (360, 288, 9), "high 5 Hz needs more than 10 frames per second"),
        (replace(COLOUR, levels=10), (360, 288, 25), "levels 10 are too many for 360×288 pixels; take 9 or fewer"),
        (replace(MOTION, levels=3), (4, 400, 25), "take 2 or fewer"),
        (COLOUR, (1, 50, 25), "too small for colour"),
        (MOTION, (2, 50, 25), "too small for motion"),
        (COLOUR, (360, 288, 25, 1), "a single frame"),
        (COLOUR, (360, 288, 25, 8), "0.32 s of film tell nothing of 0.8 to 3 Hz"),
        (replace(COLOUR, low=0.8, high=0.9), (360, 288, 25, 25), "1 s of film tell nothing"),
        (replace(MOTION, cutoff=9999), (360, 288, 25), "cutoff 9999 px leaves nothing of 360×288 pixels"),
    ],
)
def test_films_that_do_not_allow_the_settings(settings: Settings, film: tuple, told: str) -> None:
    with pytest.raises(CallError) as error:
        settings.check(*film)
    assert told in str(error.value)


def test_what_is_just_allowed() -> None:
    COLOUR.check(360, 288, 6.1)
    replace(COLOUR, levels=9).check(360, 288, 25)
    COLOUR.check(2, 2, 25)
    MOTION.check(3, 3, 25)
    COLOUR.check(360, 288, 25, 9)
    replace(COLOUR, filter="butterworth").check(360, 288, 25, 2)
    replace(COLOUR, alpha=0).check(360, 288, 25, 300)


@pytest.mark.parametrize("rate", [6.0, 25.0])
def test_a_magnifier_checks_its_first_picture(rate: float) -> None:
    with pytest.raises(CallError):
        Magnifier(replace(COLOUR, levels=6), rate)(np.zeros((40, 30, 3), np.uint8))


@pytest.mark.parametrize(
    ("picture", "told"),
    [
        (np.zeros((40, 30, 3)), "float64 [40, 30, 3]"),
        (np.zeros((40, 30), np.uint8), "uint8 [40, 30]"),
        (np.zeros((40, 30, 4), np.uint8), "uint8 [40, 30, 4]"),
    ],
)
def test_what_is_no_picture(picture: np.ndarray, told: str) -> None:
    with pytest.raises(CallError) as error:
        Magnifier(COLOUR, 25)(picture)
    assert told in str(error.value)


@pytest.mark.parametrize("second", [np.zeros((40, 31, 3), np.uint8), np.zeros((40, 30, 3), np.float32)])
def test_pictures_must_be_alike(second: np.ndarray) -> None:
    magnifier = Magnifier(COLOUR, 25)
    magnifier(np.zeros((40, 30, 3), np.uint8))
    with pytest.raises(CallError, match="picture 1 is"):
        magnifier(second)


def test_a_film_that_breaks_the_work_leaves_what_was_there(tmp_path: Path) -> None:
    """A folder whose pictures are not of one size, which shows only when they are read."""
    from PIL import Image

    folder, out = tmp_path / "frames", tmp_path / "out.mp4"
    folder.mkdir()
    for number in range(1, 40):
        Image.new("RGB", (32, 32 if number < 20 else 40)).save(folder / f"{number:05}.png")
    out.write_bytes(b"mine")
    with pytest.raises(CallError, match="all must be alike"):
        magnify_film(folder, out, replace(COLOUR, filter="butterworth"), force=True)
    assert out.read_bytes() == b"mine"
    assert {path.name for path in tmp_path.iterdir()} <= {"frames", "out.mp4", "cache"}
