"""A small portrait, and one that shows nothing but a spot."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cltool_plugins.puppet.portrait import Portrait, astronaut
from cltool_plugins.puppet.stage import Stage

SIZE = 192


@pytest.fixture(scope="session")
def portrait() -> Portrait:
    """The astronaut, 192 × 192."""
    return astronaut().framed(SIZE)


@pytest.fixture(scope="session")
def stage(portrait: Portrait) -> Stage:
    """The astronaut on her stage."""
    return Stage(portrait)


@pytest.fixture
def spotted(portrait: Portrait) -> Callable[[float, float], Portrait]:
    """Her points on a picture that is black but for a white spot at x, y."""

    def make(x: float, y: float) -> Portrait:
        columns, rows = np.meshgrid(np.arange(SIZE), np.arange(SIZE))
        spot = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8)
        picture = np.repeat(spot.round().astype(np.uint8)[..., None], 3, 2)
        return Portrait(picture, portrait.face, portrait.body, "a spot")

    return make
