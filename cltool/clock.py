"""Seconds by name, so that costs can be reported without clocks in the methods themselves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Adds up wall-clock seconds under names; nested measurements are taken out of the outer one.

    >>> clock = Clock()
    >>> with clock.measure("fit_s"), clock.measure("extract_s"):
    ...     pass
    >>> sorted(clock.seconds)
    ['extract_s', 'fit_s']
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inner: list[float] = []

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Add the time spent in the block, less what inner blocks measured, to `name`."""
        self._inner.append(0.0)
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            inner = self._inner.pop()
            if self._inner:
                self._inner[-1] += spent
            self.seconds[name] = self.seconds.get(name, 0.0) + spent - inner
