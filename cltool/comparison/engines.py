"""Where jobs of a comparison are done, as the loop over them sees it; this process, the plainest; and which it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Protocol

from cltool.comparison.cells import Job
from cltool.comparison.grounds import Ground
from cltool.comparison.setups import Comparison, trains_all
from cltool.comparison.work import Answer, do
from cltool.errors import CallError
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


@dataclass(frozen=True)
class Where:
    """Where the cells of a comparison run, and how many at a time; no part of its recipe."""

    jobs: int | None = None  # None: as many as there are cores
    name: Literal["local", "ray"] = "local"
    address: str | None = None

    @classmethod
    def of(cls, jobs: int | None, name: str | None, address: str | None) -> Where:
        """As asked for on the command line; raises CallError for what does not go together or is not installed."""
        if jobs is not None and jobs < 1:
            raise CallError(f"--jobs {jobs}: there must be at least one")
        if name not in (None, "local", "ray"):
            raise CallError(f"--engine {name}: give local or ray")
        if name != "ray":
            if address is not None:
                raise CallError(f"--address {address} is a Ray cluster's; add --engine ray")
            return cls(jobs)
        if find_spec("ray") is None:
            raise CallError("--engine ray: Ray is not installed; pip install cltool[cluster]")
        return cls(jobs, "ray", address)

    def engine(self, comparison: Comparison, root: Path, progress: Progress) -> Engine:
        """The engine, ready to take jobs.

        Raises CallError for a strategy that a cluster cannot run, and where no cluster answers.
        """
        from cltool.comparison.processes import Processes, cores

        cells = len(comparison.cells())
        if self.name == "ray":
            from cltool.comparison.cluster import Cluster

            if whole := [name for name, method in comparison.methods.items() if trains_all(method)]:
                raise CallError(f"--engine ray: {whole[0]} trains on pictures, and these are not sent; run it locally")
            return Cluster(comparison, root, self.address, self.jobs)
        slots = min(self.jobs or cores(), cells)
        return Processes(comparison, root, slots) if slots > 1 else ThisProcess(comparison, root, progress)
