"""Progress as the core sees it: something that counts; the command line draws it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Progress(Protocol):
    """Whoever shows a user how far the work is."""

    def track(self, what: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Open a bar for `total` things; the callable it gives advances it by so many."""

    def say(self, message: str) -> None:
        """Tell the user one line, such as a warning, beside the bars."""


class Silent:
    """No progress shown: the default outside the command line."""

    @contextmanager
    def track(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        yield lambda advance: None

    def say(self, message: str) -> None:
        """Say nothing."""
