"""One run from recipe to run directory: learn task by task, score, write down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from torch import Tensor

from cltool.backbones import Backbone
from cltool.clock import Clock
from cltool.errors import CallError, PluginFailed
from cltool.features import FeatureBank
from cltool.joint import JointPass
from cltool.learner import Features, Knowledge, Learner, LinearPredictor, Predictor, told_of
from cltool.pictures import Block
from cltool.plugin import Configured
from cltool.progress import Progress, Silent
from cltool.results import Step, all_metrics, finished_step
from cltool.rundir import Metrics, RunDirectory
from cltool.seeding import generator
from cltool.setups import Setup as Setup
from cltool.setups import prepare as prepare
from cltool.spaces import FeatureSpace
from cltool.standardization import Standardization
from cltool.tasks import TaskStream

Watch = Callable[[Step], None]  # is shown every finished step


def run(
    setup: Setup,
    out: RunDirectory,
    *,
    resume: bool = False,
    progress: Progress | None = None,
    watch: Watch = lambda step: None,
    backbone: Backbone | None = None,
    joint: Sequence[Mapping[str, Any]] = (),
    pictures: bool = True,
    features: Features | None = None,
) -> Metrics:
    """Learn and score the whole stream, leaving a run directory; `watch` sees each finished step.

    `backbone` is the setup's, where it has been built before. `joint`: steps of the joint reference that have been
    solved before, on the same stream, backbone, lift and seed; they are not solved again. `pictures=False` draws
    none. `features`: those of blocks, where they are at hand; no bank is asked then, and no picture looked at.
    Raises CallError before anything is written where pictures cannot be read.
    """
    progress = progress or Silent()
    clock = Clock()
    if not resume:
        out.check_free()
    if backbone is None:
        with clock.measure("backbone_s"):
            backbone = setup.build(progress)
    found = features or _from_bank(setup, backbone, progress)

    def timed(blocks: Sequence[Block]) -> Tensor:
        with clock.measure("extract_s"):
            return found(blocks)

    with nullcontext() if resume else out.begun(setup.recipe):
        steps, knowledge = _learn(setup, out, backbone, timed, progress, watch, joint, clock)
        metrics = all_metrics(setup, backbone, steps, knowledge)
        if pictures:
            from cltool.report.pictures import draw_run

            draw_run(out, metrics, setup.learner)
        out.write_metrics(metrics)  # last: a run that has it is whole
    return metrics


def _from_bank(setup: Setup, backbone: Backbone, progress: Progress) -> Features:
    """Features that the bank has, or extracts and keeps; raises CallError for pictures that cannot be read."""
    check_pictures(setup, backbone, progress)
    bank = FeatureBank(device=setup.device, progress=progress)
    return lambda blocks: bank.features(blocks, backbone)


def check_pictures(setup: Setup, backbone: Backbone, progress: Progress) -> None:
    """Raise CallError for a picture that a run would need and cannot read."""
    FeatureBank(device=setup.device, progress=progress).check(needed_blocks(setup.stream), backbone)


def needed_blocks(stream: TaskStream) -> list[Block]:
    """The blocks that a run may read: training pictures of its tasks, test pictures also of what is left out."""
    pictures, names = stream.pictures, [name for group in stream.groups for name in group]
    return [*(pictures.train[n] for n in names), *(pictures.test[n] for n in (*names, *stream.left_out))]


def _learn(
    setup: Setup,
    out: RunDirectory,
    backbone: Backbone,
    features: Features,
    progress: Progress,
    watch: Watch,
    joint: Sequence[Mapping[str, Any]],
    clock: Clock,
) -> tuple[list[Step], Knowledge | None]:
    """All steps, those that an earlier session has finished included, and what is known in the end."""
    solved = [step["joint"] for step in out.journal() if step["joint"]]
    steps, knowledge = _taken_up(setup, out, backbone, progress)
    for step in steps:
        watch(step)
    lift = setup.learner.lift if setup.learner else None
    known = max(joint, solved, key=len)
    reference = JointPass(setup.stream, features, setup.recipe.seed, lift, known) if setup.recipe.joint else None
    operated = setup.learner is not None and setup.learner.operates_on_merged
    with progress.track("learning tasks", len(setup.stream)) as advance:
        advance(len(steps))
        for predictor in _predictors(setup, features, backbone, knowledge, len(steps), clock):
            step = finished_step(setup, len(steps), predictor, reference, clock)
            out.finish_step(len(steps) + 1, predictor, step, operated)
            knowledge = predictor.knowledge if isinstance(predictor, LinearPredictor) else None
            steps.append(step)
            watch(step)
            advance(1)
    return steps, knowledge


def _taken_up(
    setup: Setup, out: RunDirectory, backbone: Backbone, progress: Progress
) -> tuple[list[Step], Knowledge | None]:
    """The steps that are finished, and what was known after them.

    A strategy plugin keeps nothing between sessions: what it has not learned to the end it learns from the start.
    """
    steps = out.journal()
    for step, outputs in zip(steps, setup.stream.groups, strict=False):
        if step["outputs"] != list(outputs):
            raise CallError(f"task {step['task']} had other classes when this run began; the data have changed")
    if setup.learner is None:
        if 0 < len(steps) < len(setup.stream):
            progress.say(f"strategy {setup.strategy} cannot be taken up in the middle; it starts with task 001 again")
            out.start_again()
            steps = []
        return steps, None
    knowledge = out.knowledge(len(steps), setup.learner.lift, setup.learner.operates_on_merged)
    if knowledge and knowledge.head.space != knowledge.space.fingerprint(backbone.fingerprint):
        raise CallError(f"the weights of {backbone.name} are not those this run began with; start a new run")
    return steps, knowledge


def _predictors(
    setup: Setup, features: Features, backbone: Backbone, knowledge: Knowledge | None, done: int, clock: Clock
) -> Iterable[Predictor]:
    """A predictor after each task that is left to learn."""
    if isinstance(setup.method, Learner):
        learner = replace(setup.method, clock=clock)
        return learner(setup.stream, features=features, backbone=backbone.fingerprint, start=knowledge)
    if done == len(setup.stream):
        return ()
    rng = generator(setup.recipe.seed, "strategy")
    sound = _checked(features, setup.stream)
    found = setup.method(stream=setup.stream, features=sound, backbone=backbone, device=setup.device, rng=rng)
    return _one_per_task(setup.method, iter(found), len(setup.stream), clock)


def _checked(features: Features, stream: TaskStream) -> Features:
    """The same features; of training pictures those that nothing can be learned from are refused, as for heads."""
    moments: list[Standardization] = []

    def checked(blocks: Sequence[Block]) -> Tensor:
        x = features(blocks)
        seen = {block.output for block in blocks if block.split == "train"}
        task = next((i for i, outputs in enumerate(stream.groups) if seen & {*outputs}), None)
        if task is not None:
            with told_of(f"{task + 1:03d}"):
                if not moments:
                    moments.append(FeatureSpace.of(x, None).standardization)
                moments[0].check(x)
        return x

    return checked


def _one_per_task(strategy: Configured, found: Iterator[Predictor], tasks: int, clock: Clock) -> Iterator[Predictor]:
    """The predictors of a strategy, whose time counts as that of heads; raises PluginFailed for too few."""
    for number in range(tasks):
        with clock.measure("fit_s"):
            predictor = next(found, None)
        if predictor is None:
            raise PluginFailed(f"strategy {strategy} gave {number} predictors for {tasks} tasks")
        yield predictor
