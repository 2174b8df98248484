"""Two small films, made once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import pytest

from cltool.progress import Silent
from cltool_plugins.makers.va_puppet import va_puppet


class Counting(Silent):
    """Remembers how far each bar got."""

    def __init__(self) -> None:
        self.bars: dict[str, list[int]] = {}

    @contextmanager
    def track(self, what: str, total: int):  # type: ignore[no-untyped-def]
        self.bars[what] = [0, total]

        def advance(count: int) -> None:
            self.bars[what][0] += count

        yield advance


@pytest.fixture(scope="session")
def making() -> Callable[..., tuple[dict, Counting]]:
    """Make films, small and few a second, and tell what the maker told."""

    def make(out: Path, videos: int = 2, seconds: float = 3.0, seed: int = 0, **options: object):  # type: ignore[no-untyped-def]
        counting = Counting()
        told = va_puppet(out, videos, seconds, seed, counting, **{"size": 128, "rate": 10.0, **options})  # type: ignore[arg-type]
        return dict(told), counting

    return make


@pytest.fixture(scope="session")
def made(making: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two films of three seconds, ten frames each."""
    out = tmp_path_factory.mktemp("puppets") / "made"
    making(out)
    return out
