"""Where jobs of a comparison are done, as the loop over them sees it; and the plainest engine, this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from cltool.comparison.cells import Job
from cltool.comparison.grounds import Ground
from cltool.comparison.setups import Comparison
from cltool.comparison.work import Answer, do
from cltool.progress import Progress


class Engine(Protocol):
    """Takes jobs and gives answers as they come; closed, it has stopped all that it started."""

    slots: int  # how many jobs it takes at a time
    again: int  # how often a job is started again that was lost with its worker

    def start(self, job: Job, known: Sequence[dict[str, Any]], ground: Ground) -> None:
        """Take a job; `known` are the steps of its joint reference."""

    def wait(self) -> tuple[Job, Answer | None]:
        """The next job that is done, and its answer: None where it was lost with its worker."""

    def close(self) -> None:
        """Stop whatever goes on."""


class ThisProcess:
    """One job after another, with bars of what it does."""

    slots, again = 1, 0

    def __init__(self, comparison: Comparison, root: Path, progress: Progress) -> None:
        self.comparison, self.root, self.progress = comparison, root, progress
        self._taken: deque[tuple[Job, Sequence[dict[str, Any]], Ground]] = deque()

    def start(self, job: Job, known: Sequence[dict[str, Any]], ground: Ground) -> None:
        """Take a job."""
        self._taken.append((job, known, ground))

    def wait(self) -> tuple[Job, Answer | None]:
        """Do the job."""
        job, known, ground = self._taken.popleft()
        setup = self.comparison.setup(job.cell, self.progress)
        out = self.root / "cells" / job.cell.place
        return job, do(job, setup, ground.backbone, out, known, self.progress)

    def close(self) -> None:
        """Nothing is left going on."""
