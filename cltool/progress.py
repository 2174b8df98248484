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


class SaidOnce:
    """Somebody's progress, who is told every line once only: many trainings have the same to say.

    >>> class Loud(Silent):
    ...     def say(self, message: str) -> None:
    ...         print(message)
    >>> once = SaidOnce(Loud())
    >>> once.say("short film")
    short film
    >>> once.say("short film")
    """

    def __init__(self, progress: Progress) -> None:
        self.track = progress.track
        self._say, self._said = progress.say, set[str]()

    def say(self, message: str) -> None:
        """Hand a line on, unless it was said before."""
        if message not in self._said:
            self._said.add(message)
            self._say(message)
