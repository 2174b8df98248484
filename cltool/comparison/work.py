"""One job of a comparison, done: the same in this process, in a worker beside it, and on a cluster."""

from __future__ import annotations

import shutil
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cltool.backbones import Backbone
from cltool.comparison.cells import Job, JointJob
from cltool.features import FeatureBank
from cltool.joint import JointPass
from cltool.learner import Features
from cltool.progress import Progress, Silent
from cltool.run import run
from cltool.rundir import RunDirectory
from cltool.setups import Setup

Steps = list[dict[str, Any]]  # of a joint reference, as journals keep them


@dataclass(frozen=True)
class Failure:
    """What stopped a job: the error in one line, and where it came from."""

    message: str
    trace: str = ""

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """An error as it can be sent: an exception of a plugin need not survive that."""
        message = " ".join(f"{type(error).__name__}: {error}".split())
        return cls(message, "".join(traceback.format_exception(error)))


@dataclass
class Answer:
    """What became of a job, and the lines that it had to say.

    `steps` and `seconds` of a joint reference; `files` of a cell that was run elsewhere, by their place in its
    run directory.
    """

    failure: Failure | None = None
    steps: Steps = field(default_factory=list)
    seconds: float = 0.0
    files: dict[str, bytes] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)


class Heard(Silent):
    """Progress of a worker: no bars; its lines are kept, to be told where somebody reads them."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        """Keep a line."""
        self.lines.append(message)


def do(
    job: Job,
    setup: Setup,
    backbone: Backbone,
    out: Path,
    known: Sequence[dict[str, Any]],
    progress: Progress,
    features: Features | None = None,
) -> Answer:
    """Do a job. `out` is a cell's run directory, taken up where it was left; `known` its joint reference.

    `features`, where there is no bank to read them from. What goes wrong is in the answer.
    """
    bank = FeatureBank(device=setup.device, progress=progress)
    found = features or (lambda blocks: bank.features(blocks, backbone))
    try:
        if isinstance(job, JointJob):
            return _solved(setup, found, progress)
        half = (out / "recipe.yaml").is_file()
        if not half and out.exists():
            shutil.rmtree(out)  # broken off before there was anything to go on from
        run(
            setup,
            RunDirectory(out),
            resume=half,
            progress=progress,
            backbone=backbone,
            joint=known,
            pictures=False,
            features=found,
        )
    except Exception as error:  # whatever a plugin does in one cell must not cost the others
        return Answer(Failure.of(error))
    return Answer()


def _solved(setup: Setup, features: Features, progress: Progress) -> Answer:
    """All steps of a joint reference."""
    lift = setup.learner.lift if setup.learner else None
    began = time.perf_counter()
    reference = JointPass(setup.stream, features, setup.recipe.seed, lift)
    with progress.track("joint reference", len(setup.stream)) as advance:
        for number in range(len(setup.stream)):
            reference.step(number)
            advance(1)
    return Answer(steps=reference.steps, seconds=round(time.perf_counter() - began, 4))
