"""How a rival learns a stream: task by task, Avalanche's own loop over each, a predictor after each."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cltool import Block, CallError
from cltool.backbones import count_parameters
from cltool.learner import told_of
from cltool.tasks import Task
from cltool_plugins.avalanche.experiences import Experience, Experiences, TaskSamples, class_numbers
from cltool_plugins.avalanche.library import generators_left_alone, library
from cltool_plugins.strategies.avalanche.batches import in_memory
from cltool_plugins.strategies.avalanche.keeping import Kept, keep_only_reachable
from cltool_plugins.strategies.avalanche.options import UNTRAINED, Training
from cltool_plugins.strategies.avalanche.parts import Given, Method, Parts
from cltool_plugins.strategies.avalanche.samples import FrozenFeatures, PictureBody, Pictures, Samples

# Names under which strategies leave tensors of the last step: of no use to the next one, and they hold samples.
LEFT_LYING = (
    "mb_buffer_x",
    "mb_buffer_y",
    "mb_buffer_tid",
    "mb_buffer_out",
    "batch_logits",
    "reference_gradients",
    "old_logits",
    "G",
)


def learn(given: Given, training: Training, method: Method) -> Iterator[Learned]:
    """A predictor after each task of the stream.

    Raises CallError, before anything is learned: soft labels, a class in two tasks, Avalanche is not installed.
    """
    if given.stream.pictures.soft:
        raise CallError(f"strategy {method.name!r} needs one class per picture; this stream's labels are soft")
    names = [name for group in given.stream.groups for name in group]
    if twice := [name for i, name in enumerate(names) if name in names[:i]]:
        raise CallError(f"strategy {method.name!r} needs every class in one task alone; {twice[0]!r} is in several")
    library()  # before anybody measures how long the tasks take
    return _learned(given, training, method)


def _learned(given: Given, training: Training, method: Method) -> Iterator[Learned]:
    samples: Samples
    if training.train == "all":
        samples = Pictures(given.backbone, given.features)
    else:
        samples = FrozenFeatures(given.features, given.backbone.width, method.plain)
    rival = Rival(
        method, Parts(samples, training, given.classes, given.device), Experiences(given.stream.groups, method.told)
    )
    for task in given.stream:
        seed = int(torch.randint(2**62, (1,), generator=given.rng))
        with told_of(task.name), at_work(seed, given.device):
            kept = rival.learn(task)
        yield Learned(rival, rival.tasks, given.stream.seen(rival.tasks - 1), kept)


@dataclass
class Rival:
    """An Avalanche strategy on its way through a stream."""

    method: Method
    parts: Parts
    experiences: Experiences
    strategy: Any = None
    tasks: int = 0
    turns: list[TaskSamples] = field(default_factory=list)
    past: list[Experience] = field(default_factory=list)  # only where each task's strategy is given all of them
    captured: Any = None

    def learn(self, task: Task) -> Kept:
        """Learn a task; what is left of its samples and of earlier ones."""
        x = self.parts.samples(task.train)
        self.method.check(x)
        samples = TaskSamples(task.name, x, class_numbers(task.train_targets, task.outputs, self.experiences.classes))
        del x
        experience = self.experiences.train(self.tasks, samples)
        self.turns.append(samples)
        if self.strategy is None or self.method.anew:
            self.strategy = self.method.build(self.parts)
            self.captured = _capture(self.strategy)
        self.method.before(self.strategy, self.tasks)
        if self.method.anew:
            self.past.append(experience)
            self.strategy.train(list(self.past), eval_streams=[])
        else:
            self.strategy.train(experience, eval_streams=[])
        del experience
        self.tasks += 1
        _clear(self.strategy)
        return keep_only_reachable(self.strategy, self.turns, self.method.copies(self.strategy))

    def scores(self, blocks: Sequence[Block]) -> Tensor:
        """Scores [n, classes so far] as Avalanche's evaluation sees them; raises CallError where learning diverged."""
        if not self.experiences.told:
            return self._scores(blocks, 0)
        task_of = {name: number for number, group in enumerate(self.experiences.groups) for name in group}
        tasks = [min(task_of[block.output], self.tasks - 1) for block in blocks]
        return torch.cat([self._scores([block], task) for block, task in zip(blocks, tasks, strict=True)])

    def _scores(self, blocks: Sequence[Block], task: int) -> Tensor:
        classes, known = self.experiences.classes, len(self.experiences.seen(self.tasks - 1))
        # a class that is still to come has no score; the number given in its place decides nothing
        numbers = [min(classes[block.output], known - 1) for block in blocks for _ in range(len(block))]
        if not numbers:
            return torch.zeros(0, known)
        samples = TaskSamples("test", self.parts.samples(blocks), torch.tensor(numbers))
        self.captured.outputs.clear()
        with at_work(0, self.parts.device):
            self.strategy.eval([self.experiences.test(self.tasks - 1, samples, task)])
        scores = torch.cat(self.captured.outputs)[:, :known]
        self.captured.outputs.clear()
        if self.parts.training is not UNTRAINED and not torch.isfinite(scores).all():
            raise CallError(
                f"strategy {self.method.name!r} diverged: its scores after task {self.tasks:03d} are no numbers; take "
                f"a learning_rate below {self.parts.training.learning_rate:g}, or a lower strength where it has one"
            )
        return scores


@dataclass(frozen=True)
class Learned:
    """What a rival knows after a task; it can be asked until the rival learns the next."""

    rival: Rival
    after: int
    outputs: tuple[str, ...]
    kept: Kept

    @property
    def nbytes(self) -> int:
        """Bytes of all that goes from task to task: samples, weights that are trained, and what else is kept."""
        parts = self.rival.parts
        trained = [] if parts.training is UNTRAINED else self.rival.strategy.model.parameters()
        return self.kept.nbytes + parts.samples.nbytes + sum(weights.nbytes for weights in trained)

    @property
    def samples_kept(self) -> int:
        """How many samples of the tasks so far are kept."""
        return self.kept.samples

    @property
    def parameters(self) -> int:
        """Number of weights on top of the network."""
        if self.rival.method.weights:
            return self.rival.method.weights(len(self.outputs), self.rival.parts.samples.width)
        model = self.rival.strategy.model
        bodies = [module for module in model.modules() if isinstance(module, PictureBody)]
        return count_parameters(model) - sum(map(count_parameters, bodies))

    def scores(self, blocks: Sequence[Block]) -> Tensor:
        """Scores [n, len(outputs)] of all pictures of the blocks, in order.

        Raises RuntimeError once the rival has gone on to the next task.
        """
        if self.after != self.rival.tasks:
            raise RuntimeError(
                f"{self.rival.method.name} has learned task {self.rival.tasks} since; "
                f"what it knew after task {self.after} must be asked before"
            )
        return self.rival.scores(blocks)


@contextmanager
def at_work(seed: int, device: str) -> Iterator[None]:
    """What Avalanche's loops run in: global generators are seeded, and put back; warnings are not shown."""
    devices = [device] if device.startswith("cuda") else []
    # warnings are recorded rather than ignored: some of Avalanche's set the filters themselves
    with generators_left_alone(devices), warnings.catch_warnings(record=True), in_memory():
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        yield


def _capture(strategy: Any) -> Any:
    """A plugin of the strategy that notes what its evaluation gives out, after all other plugins had their say."""
    from avalanche.training.plugins import SupervisedPlugin

    class Captured(SupervisedPlugin):
        def __init__(self) -> None:
            super().__init__()
            self.outputs: list[Tensor] = []

        def after_eval_iteration(self, strategy: Any, **_: Any) -> None:
            self.outputs.append(strategy.mb_output.detach().cpu())

    captured = Captured()
    strategy.plugins.insert(0, captured)
    return captured


def _clear(strategy: Any) -> None:
    """Empty what a strategy and its plugins leave lying of the last step."""
    strategy._train_cleanup()
    for holder in (strategy, strategy._criterion, *strategy.plugins):
        for name in LEFT_LYING:
            if isinstance(getattr(holder, name, None), Tensor):
                setattr(holder, name, None if name == "old_logits" else torch.empty(0))
