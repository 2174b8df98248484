"""Which engine a comparison runs on."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from cltool.comparison.engines import Engine, ThisProcess
from cltool.comparison.setups import Comparison, trains_all
from cltool.errors import CallError
from cltool.progress import Progress


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
