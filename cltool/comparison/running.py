"""A comparison, run: jobs go to an engine as they become ready, and every result is written down as it comes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from cltool.comparison.cells import Cell, Job, JointJob
from cltool.comparison.engines import Engine, ThisProcess
from cltool.comparison.grounds import Ground, lay_grounds
from cltool.comparison.outcome import Outcome, finished_cell
from cltool.comparison.setups import Comparison
from cltool.comparison.work import Answer, Failure, Steps
from cltool.errors import CallError
from cltool.files import save_text
from cltool.progress import Progress, SaidOnce, Silent

Watch = Callable[[Outcome], None]  # is shown how far it is, after every cell
Warn = Callable[[Cell, Failure], None]  # is told of a cell that failed


def run_comparison(
    comparison: Comparison,
    root: Path,
    *,
    engine: Engine | None = None,
    progress: Progress | None = None,
    watch: Watch = lambda outcome: None,
    warn: Warn = lambda cell, failure: None,
) -> Outcome:
    """Run all cells that are not finished, and write comparison.json after each; finished ones are only read.

    `engine`: where (default: here, one after another); it is closed in the end. A cell that fails is told to `warn`
    and kept in the outcome; the others go on. What is wrong with a stream or a backbone is raised.
    """
    once = SaidOnce(progress or Silent())
    engine = engine or ThisProcess(comparison, root, once)
    try:
        outcome = Outcome.found(comparison, root)
        outcome.write(root)
        watch(outcome)
        left = [cell for cell in comparison.cells() if cell not in outcome.finished]
        grounds = lay_grounds(comparison, left, once)
        solved = _solved(comparison, left, grounds, root)
        work = _Work(outcome, root, grounds, solved, comparison.jobs(left, solved), watch, warn)
        with once.track("cells", len(comparison.cells())) as advance:
            advance(len(outcome.finished))
            work.through(engine, advance, once)
    finally:
        engine.close()
    return outcome


@dataclass
class _Work:
    """The jobs that are left, and what is known of those that are done."""

    outcome: Outcome
    root: Path
    grounds: Mapping[tuple[str, int], Ground]
    solved: dict[str, Steps | Failure]  # joint references
    left: list[Job]
    watch: Watch
    warn: Warn
    lost: Counter[Job] = field(default_factory=Counter)

    def through(self, engine: Engine, advance: Callable[[int], None], progress: Progress) -> None:
        """Keep an engine's slots filled until every job is done; each that goes on has a bar."""
        busy: dict[Job, ExitStack] = {}
        while self.left or busy:
            while len(busy) < engine.slots and (job := self._next()):
                failure = self._hopeless(job)
                if failure:
                    self._fail(job.cell, failure)
                    advance(1)
                    continue
                engine.start(job, self._known(job), self.grounds[job.cell.ground])
                busy[job] = ExitStack()
                busy[job].enter_context(progress.track(job.told, 1))
            if not busy:
                continue
            job, answer = engine.wait()
            busy.pop(job).close()
            if answer is None:
                answer = self._lost(job, engine, progress)
            if answer:
                for line in answer.said:
                    progress.say(line)
                self._take(job, answer)
                advance(0 if isinstance(job, JointJob) else 1)

    def _next(self) -> Job | None:
        """The first job that waits for nothing, taken out of those that are left."""
        for place, job in enumerate(self.left):
            if isinstance(job, JointJob) or job.reference is None or job.reference in self.solved:
                return self.left.pop(place)
        return None

    def _hopeless(self, job: Job) -> Failure | None:
        """Why a cell cannot be run: the reference that it waited for has failed."""
        found = None if isinstance(job, JointJob) or job.reference is None else self.solved[job.reference]
        return found if isinstance(found, Failure) else None

    def _known(self, job: Job) -> Steps:
        found = None if isinstance(job, JointJob) or job.reference is None else self.solved[job.reference]
        return found if isinstance(found, list) else []

    def _lost(self, job: Job, engine: Engine, progress: Progress) -> Answer | None:
        """Start a job again whose worker died, or give it up."""
        what = "joint reference of" if isinstance(job, JointJob) else "worker of"
        self.lost[job] += 1
        if self.lost[job] <= engine.again:
            progress.say(f"{what} {job.cell.facts['path']} died; it is started again")
            self.left.insert(0, job)
            return None
        times = f"{self.lost[job]} times"
        return Answer(Failure(f"its worker died {times}: killed, or out of memory; try fewer --jobs"))

    def _take(self, job: Job, answer: Answer) -> None:
        """Write down what became of a job."""
        if isinstance(job, JointJob):
            ground = self.grounds[job.cell.ground]
            self.solved[job.reference] = answer.steps
            if answer.failure:
                message = f"joint reference: {answer.failure.message}"
                self.solved[job.reference] = Failure(message, answer.failure.trace)
            else:
                content = {"schema": 1, "backbone": ground.backbone.fingerprint, "seconds": answer.seconds}
                text = json.dumps({**content, "steps": answer.steps})
                save_text(self.root / "joint" / job.reference, text + "\n")
        elif answer.failure:
            self._fail(job.cell, answer.failure)
        else:
            run = finished_cell(self.root, job.cell)
            assert run is not None  # a cell without a failure has left its metrics
            self.outcome.finished[job.cell] = run
            self._show()

    def _fail(self, cell: Cell, failure: Failure) -> None:
        self.outcome.failed[cell] = failure.message
        self.warn(cell, failure)
        self._show()

    def _show(self) -> None:
        self.outcome.write(self.root)
        self.watch(self.outcome)


def _solved(
    comparison: Comparison, cells: list[Cell], grounds: Mapping[tuple[str, int], Ground], root: Path
) -> dict[str, Steps | Failure]:
    """The joint references that an earlier session has solved; raises CallError for those on other weights."""
    found: dict[str, Steps | Failure] = {}
    for cell in cells:
        reference = comparison.reference(cell)
        if reference is None or reference in found or not (root / "joint" / reference).is_file():
            continue
        content = json.loads((root / "joint" / reference).read_text(encoding="utf-8"))
        backbone = grounds[cell.ground].backbone
        if content["backbone"] != backbone.fingerprint:
            raise CallError(f"the weights of {backbone.name} are not those this comparison began with; start a new one")
        found[reference] = content["steps"]
    return found
