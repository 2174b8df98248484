"""A cltool stream as an Avalanche benchmark."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import Tensor

from cltool import Block, CallError, Task, TaskStream
from cltool.backbones import PictureTransform
from cltool.learner import Features
from cltool_plugins.avalanche.experiences import Experiences, TaskSamples
from cltool_plugins.avalanche.library import library


def benchmark(
    stream: TaskStream,
    *,
    transform: Callable[[Tensor], Any] | PictureTransform | None = None,
    features: Features | None = None,
    old_data: bool = False,
) -> Any:
    """A stream of classes as Avalanche's class-incremental benchmark, a CLScenario of `train_stream` and `test_stream`.

    Classes are numbered 0 … C−1 in the order in which they come; `class_names[i]` of the benchmark is what class i is
    called. Samples are pictures, uint8 [C, H, W], or what `transform` makes of one, or with `features` (blocks →
    [n, D], such as `partial(bank.features, backbone=backbone)`) frozen features [D]. Pictures are decoded when they
    are asked for.

    Old data is gone: once the next experience of `train_stream` is drawn, by a loop or by its number, the samples of
    the one before raise DataGone, whoever holds it, and drawing it again does not bring them back. What a plugin of
    Avalanche puts aside during the turn, as a copy, is out of reach; what it keeps as a reference, as replay does, is
    not. A new loop over `train_stream` starts anew. With `old_data=True` all stay readable, which replay, joint and
    cumulative training need. Test samples always do.

    Raises CallError: Avalanche is not installed, a stream of values or of soft labels, `transform` beside `features`.
    """
    if stream.values or stream.pictures.soft:
        raise CallError("an Avalanche benchmark needs one class per picture; this stream has values or soft labels")
    if transform is not None and features is not None:
        raise CallError("benchmark: give transform for pictures or features, not both")
    library()
    from avalanche.benchmarks import CLScenario
    from avalanche.benchmarks.scenarios import EagerCLStream

    parts = _Parts(stream, Experiences(stream.groups), transform, features)
    tested = [parts.experience(n, parts.samples(f"test {n}", stream.test(g))) for n, g in enumerate(stream.groups)]
    trained = _streams()("train", parts, old_data)
    made = CLScenario([trained, EagerCLStream("test", tested, set_stream_info=False)])
    for part in (trained, made.test_stream):
        part.benchmark = made
    for experience in tested:
        experience.origin_stream, experience.benchmark = made.test_stream, made
    made.class_names = stream.seen(len(stream) - 1)
    made.n_classes = len(made.class_names)
    made.n_classes_per_exp = [len(group) for group in stream.groups]
    made.classes_order = list(range(made.n_classes))
    return made


class PictureSamples:
    """Pictures of blocks as a data set of pairs (picture, class), decoded when they are asked for.

    Raises DataGone for a picture of a task whose turn is over, as the blocks do.
    """

    def __init__(self, blocks: Sequence[Block], classes: Sequence[int], transform: Callable[[Tensor], Any] | None):
        self._places = [(block, i) for block in blocks for i in range(len(block))]
        self._transform = transform
        self.targets = [label for block, label in zip(blocks, classes, strict=True) for _ in range(len(block))]

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        block, place = self._places[index]
        picture = block.picture(place)
        return self._transform(picture) if self._transform else picture, self.targets[index]


@dataclass(frozen=True)
class _Parts:
    """What experiences are made of."""

    stream: TaskStream
    numbered: Experiences
    transform: Callable[[Tensor], Any] | PictureTransform | None
    features: Features | None

    def samples(self, name: str, blocks: Sequence[Block]) -> TaskSamples | PictureSamples:
        classes = [self.numbered.classes[block.output] for block in blocks]
        if self.features is not None:
            labels = torch.tensor(classes).repeat_interleave(torch.tensor([len(block) for block in blocks]))
            return TaskSamples(name, self.features(blocks), labels)
        transform = self.transform
        if isinstance(transform, PictureTransform):
            whole = transform
            return PictureSamples(blocks, classes, lambda picture: whole([picture])[0])
        return PictureSamples(blocks, classes, transform)

    def experience(self, number: int, samples: TaskSamples | PictureSamples) -> Any:
        """Avalanche's own experience of task `number` (from 0), with what its strategies and metrics ask of it."""
        from avalanche.benchmarks.scenarios import DatasetExperience
        from avalanche.benchmarks.utils import _make_taskaware_classification_dataset

        data = _make_taskaware_classification_dataset(samples, targets=samples.targets, task_labels=0)
        made = DatasetExperience(dataset=data, current_experience=number)
        own, seen = [self.numbered.classes[name] for name in self.stream.groups[number]], self.numbered.seen(number)
        made.classes_in_this_experience, made.classes_seen_so_far = own, seen
        made.previous_classes = self.numbered.seen(number - 1) if number else []
        made.future_classes = [label for label in self.numbered.classes.values() if label not in seen]
        made.task_label, made.task_labels = 0, [0]
        return made


@dataclass
class _Pass:
    """One way through the tasks, forward only; the samples of all but the last drawn are gone."""

    parts: _Parts
    old_data: bool
    _drawn: dict[int, Any] = field(default_factory=dict)
    _turns: dict[int, tuple[Iterator[Task], Any]] = field(default_factory=dict)

    def draw(self, number: int) -> Any:
        """The experience of task `number`; ends the turn of all before it, its own too if a later one was drawn."""
        if number not in self._drawn:
            tasks = self.parts.stream.tasks(number)
            task = next(tasks)
            samples = self.parts.samples(task.name, task.train)
            self._drawn[number] = self.parts.experience(number, samples)
            self._turns[number] = tasks, samples
        if not self.old_data:
            self._end([turn for turn in self._turns if turn < max(self._drawn)])
        return self._drawn[number]

    def _end(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            tasks, samples = self._turns.pop(number)
            tasks.close()  # type: ignore[attr-defined]  # a generator, which ends the turn of its task
            if isinstance(samples, TaskSamples):
                samples.keep([])


@cache
def _streams() -> Any:
    """The class of training streams, made when Avalanche has been imported."""
    from avalanche.benchmarks.scenarios import SequenceCLStream

    class TrainStream(SequenceCLStream):
        """Experiences of a cltool stream, drawn one after another."""

        def __init__(self, name: str, parts: _Parts, old_data: bool):
            self._parts, self._old_data, self._pass = parts, old_data, _Pass(parts, old_data)
            super().__init__(name, benchmark=None)

        def __iter__(self) -> Iterator[Any]:
            self._pass = _Pass(self._parts, self._old_data)
            for place in range(len(self)):
                yield self[place]

        def _full_length(self) -> int:
            return len(self._parts.stream)

        def _make_experience(self, experience_idx: int) -> Any:
            made = self._pass.draw(experience_idx)
            made.benchmark = self.benchmark
            return made

    return TrainStream
