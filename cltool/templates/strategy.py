"""Nearest class means, one class after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cltool import Block, TaskStream, strategy
from cltool.learner import Features


@dataclass(frozen=True)
class NearestMean:
    """A predictor: the nearer a class's mean feature is, the higher its score."""

    features: Features
    means: Mapping[str, Tensor]

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(self.means)

    def scores(self, blocks: Sequence[Block]) -> Tensor:
        """Minus the distances [n, C] of the blocks' pictures to the C means."""
        return -torch.cdist(self.features(blocks), torch.stack(list(self.means.values())))


@strategy(source="where the idea comes from")
def mine(stream: TaskStream, features: Features) -> Iterator[NearestMean]:
    """Keep the mean feature of every class; a picture belongs to the class whose mean is nearest.

    Gives a predictor after each task. Labels are taken as hard, and of a class that comes again the last mean
    is kept.

    >>> from cltool import discover
    >>> from cltool.tasks import arrange
    >>> tasks = arrange(discover().find("stream", "digits").function(), tasks=5)
    >>> learned = mine(tasks, lambda blocks: torch.rand(sum(map(len, blocks)), 4))
    >>> [len(predictor.outputs) for predictor in learned]
    [2, 4, 6, 8, 10]
    """
    means: dict[str, Tensor] = {}
    for task in stream:
        # The task's pictures can be read until the next task is asked for: keep what is made of them.
        means = means | {block.output: features([block]).mean(0) for block in task.train}
        yield NearestMean(features, means)
