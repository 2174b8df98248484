"""Broken plugins, each caught by the clauses that name what is wrong with it, and by no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor, nn

from cltool import (
    Backbone,
    Block,
    CallError,
    Head,
    PictureSet,
    PictureTransform,
    Statistics,
    TaskStream,
    backbone,
    corpus,
    head,
    lift,
    loss,
    maker,
    merge,
    modality,
    network,
    preset,
    strategy,
    stream,
    surgery,
    union,
    unknown,
)
from cltool.contract import DECLARATION, ContractBroken, check, check_file, examine
from cltool.errors import PluginError
from cltool.heads import UNKNOWN
from cltool.learner import Features
from cltool.pictures import RawPixels
from cltool.plugin import KINDS
from cltool.video.films import Corpus, Film, Labels
from cltool.video.modalities import Extractor, Frames, Rows


@dataclass(frozen=True)
class Failure:
    """A broken plugin, the clauses that must catch it, in their order, and part of what the first one says."""

    plugin: Callable
    clauses: tuple[str, ...]
    came: str

    @property
    def kind(self) -> str:
        return self.plugin.__cltool_plugin__.kind  # type: ignore[attr-defined]

    def __str__(self) -> str:
        return f"{self.kind}-{self.plugin.__name__}"


FAILURES: list[Failure] = []


def breaks(*clauses: str, came: str = "") -> Callable[[Callable], Callable]:
    """Put a plugin into the table of failures."""

    def entered(plugin: Callable) -> Callable:
        FAILURES.append(Failure(plugin, clauses, came))
        return plugin

    return entered


# Every kind: how a plugin is declared


def newest(old: Head, new: Head) -> Head:
    return union(old, new, lambda name, before, after: after)


@breaks("documented", came="no docstring")
@merge
def silent(old: Head, new: Head) -> Head:
    return newest(old, new)


@breaks("options", "recipe", came="no default for share and no example")
@merge
def demanding(old: Head, new: Head, *, share: float) -> Head:
    """Want a number."""
    return newest(old, new)


@breaks("options", "recipe", came="option share: Input should be a valid integer")
@merge
def contradictory(old: Head, new: Head, *, share: int = "half") -> Head:  # type: ignore[assignment]
    """Say one thing and take another."""
    return newest(old, new)


@breaks("recipe", came="has no option 'b'")
@merge
def unspeakable(old: Head, new: Head, *, mark: str = "a,b=c") -> Head:
    """Have a default that a command line reads as two options."""
    return newest(old, new)


@breaks("recipe", came="loud=True, then")
@merge
def ambiguous(old: Head, new: Head, *, loud: bool | str = True) -> Head:
    """Have a default that a command line reads as a text."""
    return newest(old, new)


# Merge


@breaks("runs", came="KeyError: 'shared', for a class that both know")
@merge
def raises(old: Head, new: Head) -> Head:
    """Work for disjoint classes only."""
    if set(old.classes) & set(new.classes):
        raise KeyError("shared")
    return newest(old, new)


@breaks("shape", came="5 features instead of 6")
@merge
def narrow(old: Head, new: Head) -> Head:
    """Lose a feature."""
    found = newest(old, new)
    return replace(found, weight=found.weight[:, 1:].contiguous())


@breaks("shape", came="a Tensor")
@merge
def bare(old: Head, new: Head) -> Head:
    """Give a tensor, not a head."""
    return newest(old, new).weight  # type: ignore[return-value]


@breaks("names", came="b, c, d, e, unknown instead of a, b, c, d, e, unknown")
@merge
def loses_a_name(old: Head, new: Head) -> Head:
    """Forget the oldest class."""
    found = newest(old, new)
    return Head(found.names[1:], found.weight[1:], found.bias[1:], found.counts[1:], found.space)


@breaks("names", came="c, d, e, a, b, unknown instead of a, b, c, d, e, unknown")
@merge
def swaps_names(old: Head, new: Head) -> Head:
    """The new first."""
    return newest(new, old)


@breaks("finite", came="row 'a' is not")
@merge
def not_a_number(old: Head, new: Head) -> Head:
    """Normalise rows, those of length zero too."""
    found = newest(old, new)
    return replace(found, weight=found.weight / 0)


@breaks("dtype", came="torch.float64 instead of torch.float32")
@merge
def too_precise(old: Head, new: Head) -> Head:
    """Compute in float64 and stay there."""
    found = newest(old, new)
    return replace(found, weight=found.weight.double())


@breaks("dtype", came="torch.float64 instead of torch.float32")
@merge
def as_precise_as_sums(statistics: Statistics) -> Head:
    """Class means as rows, in the float64 of the sums."""
    count = statistics.cross[-1].clamp_min(1)
    weight = (statistics.cross[:-1] / count).T.contiguous()
    return Head(statistics.names, weight, -weight.square().sum(1) / 2, statistics.count.float(), statistics.space)


def by_hand(tensor: Tensor) -> Tensor:
    return torch.tensor(tensor.tolist(), dtype=tensor.dtype)


@breaks("device", came="weights on cpu")
@merge
def comes_home(old: Head, new: Head) -> Head:
    """Give back the weights in the computer's memory."""
    found = newest(old, new)
    return replace(found, weight=by_hand(found.weight), bias=by_hand(found.bias))


@breaks("space", came="'mine'")
@merge
def other_space(old: Head, new: Head) -> Head:
    """Name the space anew."""
    return replace(newest(old, new), space="mine")


@breaks("counts", came="-")
@merge
def negative_counts(old: Head, new: Head) -> Head:
    """Count backwards."""
    found = newest(old, new)
    return replace(found, counts=-found.counts - 1)


@breaks("rows", came="of the samples of a, b")
@merge
def scrambled(old: Head, new: Head) -> Head:
    """Put the right names on the wrong rows."""
    found = newest(old, new)
    return replace(found, weight=found.weight.flip(0), bias=found.bias.flip(0))


@breaks("inputs", came="an input changed, for new classes")
@merge
def mutates(old: Head, new: Head) -> Head:
    """Scale the old head where it stands."""
    old.weight.mul_(0.5)
    return newest(old, new)


@breaks("deterministic", came="draw from the input `rng: Generator`")
@merge
def unseeded(old: Head, new: Head) -> Head:
    """Add noise of one's own."""
    found = newest(old, new)
    return replace(found, weight=found.weight + 0.01 * torch.randn(found.weight.shape).to(found.weight.dtype))


@breaks("file", came="another head")
@merge
def lists_names_by_numpy(old: Head, new: Head) -> Head:
    """Name rows by what is no plain text."""
    found = newest(old, new)
    return replace(found, names=tuple(np.array(found.names)))


@breaks("exact", came="from the joint solution's, for tasks one by one")
@merge(exact=True)
def concatenated(old: Head, new: Head) -> Head:
    """Order and grouping do not matter, and it is not the joint solution."""
    return newest(old, new)


@breaks("rows", "exact", came="of the samples of a, b")
@merge(exact=True)
def latest(new_statistics: Statistics, statistics: Statistics) -> Head:
    """The sums of the newest task, under the names of all."""
    width = len(statistics.gram)
    rows = torch.zeros(len(statistics.names), width, dtype=torch.float64)
    known = torch.linalg.solve(new_statistics.gram + torch.eye(width), new_statistics.cross).T
    rows[[statistics.names.index(name) for name in new_statistics.names]] = known
    weight, bias = rows[:, :-1].float().contiguous(), rows[:, -1].float().contiguous()
    return Head(statistics.names, weight, bias, statistics.count.float(), statistics.space)


@breaks("rows", "exact", came="of the samples of a, b")
@merge(exact=True)
def zeros(statistics: Statistics) -> Head:
    """The same whatever comes."""
    rows, width = len(statistics.names), len(statistics.gram) - 1
    zero, counts = torch.zeros(rows, width), statistics.count.float()
    return Head(statistics.names, zero, zero[:, 0].clone(), counts, statistics.space)


@breaks("exact", came="classes")
@merge(exact=True)
def holds_five(old: Head, new: Head) -> Head:
    """Have no room for a sixth class."""
    found = newest(old, new)
    keep = [i for i, name in enumerate(found.names) if name not in found.classes[5:]]
    names = tuple(found.names[i] for i in keep)
    return Head(names, found.weight[keep], found.bias[keep], found.counts[keep], found.space)


@breaks("values", came="of a value's variance is wrong")
@merge(values=True)
def adding_up(old: Head, new: Head) -> Head:
    """Add rows that both own, as if they were of classes."""
    return union(old, new, lambda name, before, after: replace(before, weight=before.weight + after.weight))


@breaks("exact", came="for tasks one by one, one sample per class")
@merge(exact=True)
def newest_in_doubt(old_statistics: Statistics, statistics: Statistics) -> Head:
    """The ridge solution of all, unless there are too few samples for one: then that of the oldest."""
    enough = float(statistics.gram[-1, -1]) >= len(statistics.gram) or not old_statistics.names
    gram, cross = statistics.gram, statistics.cross
    if not enough:
        gram = old_statistics.gram
        cross = nn.functional.pad(old_statistics.cross, (0, len(statistics.names) - len(old_statistics.names)))
    rows = torch.linalg.solve(gram + torch.eye(len(gram)), cross).T.float()
    weight, bias = rows[:, :-1].contiguous(), rows[:, -1].contiguous()
    return Head(statistics.names, weight, bias, statistics.count.float(), statistics.space)


# Surgery


@breaks("runs", came="for a head without `unknown`")
@surgery
def leans_on_unknown(head: Head) -> Head:
    """Shift all rows by the one of `unknown`, there or not."""
    return replace(head, bias=head.bias - head.row(UNKNOWN).bias)


@breaks("shape", came="a Tensor")
@surgery
def bares(head: Head) -> Head:
    """Give a tensor, not a head."""
    return head.weight  # type: ignore[return-value]


@breaks("shape", came="weights [4, 5] instead of [4, 6]")
@surgery
def narrows(head: Head) -> Head:
    """Cut a feature off."""
    return replace(head, weight=head.weight[:, 1:].contiguous())


@breaks("names", came="unknown, c, b, a instead of a, b, c, unknown")
@surgery
def renames(head: Head) -> Head:
    """Sort rows."""
    return replace(head, names=head.names[::-1])


@breaks("counts", came="other counts")
@surgery
def forgets_counts(head: Head) -> Head:
    """Lose the counts."""
    return replace(head, counts=head.counts + 1)


@breaks("counts", came="space 'mine'")
@surgery
def moves(head: Head) -> Head:
    """Name the space anew."""
    return replace(head, space="mine")


@breaks("finite", came="row 'a' is not, for weights all zero")
@surgery
def divides(head: Head) -> Head:
    """Scale to the largest weight, zero or not."""
    return replace(head, weight=head.weight / head.weight.abs().max())


@breaks("dtype", came="torch.float64 instead of torch.float32")
@surgery
def sharpens(head: Head) -> Head:
    """Compute in float64 and stay there."""
    return replace(head, weight=head.weight.double())


@breaks("device", came="weights on cpu")
@surgery
def takes_home(head: Head) -> Head:
    """Give back the weights in the computer's memory."""
    return replace(head, weight=by_hand(head.weight), bias=by_hand(head.bias))


@breaks("inputs", came="an input changed")
@surgery
def halves(head: Head) -> Head:
    """Scale the head where it stands."""
    head.weight.mul_(0.5)
    return head


@breaks("deterministic", came="draw from the input `rng: Generator`")
@surgery
def shakes(head: Head) -> Head:
    """Add noise of one's own."""
    return replace(head, weight=head.weight + 0.01 * torch.randn(head.weight.shape).to(head.weight.dtype))


@breaks("file", came="RuntimeError")
@surgery
def clears(head: Head) -> Head:
    """Set all to zero, the biases in the memory of the weights."""
    zero = torch.zeros_like(head.weight)
    return replace(head, weight=zero, bias=zero.flatten()[: len(head.names)])


@breaks("place", came="on='nowhere'")
@surgery(on="nowhere")
def misplaced(head: Head) -> Head:
    """Know no place."""
    return head


# Head


def ridge(features: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    rows = torch.cat([features, torch.ones(len(features), 1)], 1).double()
    penalty = torch.eye(rows.shape[1], dtype=torch.float64)
    solution = torch.linalg.solve(rows.T @ rows + penalty, rows.T @ targets.double()).T.float()
    return solution[:, :-1], solution[:, -1]


@breaks("runs", came="ValueError: nothing to tell apart, for a single class")
@head
def needs_two(features: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Refuse a single class."""
    if targets.shape[1] < 2:
        raise ValueError("nothing to tell apart")
    return ridge(features, targets)


@breaks("values", came="of a value's variance is wrong")
@head(values=True)
def only_signs(features: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Learn whether a value is positive, and no more."""
    return ridge(features, 20 * torch.sign(targets))


@breaks("shape", came="[[3, 6], [1, 3]] instead of [3, 6], [3]")
@head
def stacked(features: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Give the bias as a row of its own."""
    weight, bias = ridge(features, targets)
    return weight, bias[None]


@breaks("shape", "learns", came="Tensor")
@head
def together(features: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Give one tensor for both."""
    weight, bias = ridge(features, targets)
    return torch.cat([weight, bias[:, None]], 1)  # type: ignore[return-value]


@breaks("finite", came="numbers that are not, for a feature that does not move")
@head
def standardised(features: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Divide by the deviation, zero or not."""
    deviation = features.std(0)
    weight, bias = ridge(features / deviation, targets)
    return weight / deviation, bias


@breaks("dtype", came="torch.float64")
@head
def exacting(features: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Leave the bias in the precision of the sums."""
    weight, bias = ridge(features, targets)
    return weight, bias.double()


@breaks("learns", came="% of the training samples right")
@head
def lazy(features: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Learn nothing."""
    return torch.zeros(targets.shape[1], features.shape[1]), torch.zeros(targets.shape[1])


@breaks("inputs", came="an input changed")
@head
def centres(features: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Centre the features where they stand."""
    return ridge(features.sub_(features.mean(0)), targets)


@breaks("deterministic", came="draw from the input `rng: Generator`")
@head
def restless(features: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Start from numbers of one's own."""
    weight, bias = ridge(features, targets)
    return weight + 1e-4 * torch.randn(weight.shape), bias


# Unknown


@breaks("runs", came="AttributeError: 'NoneType' object has no attribute 'gram', for the first task")
@unknown
def experienced(features: Tensor, old_statistics: Statistics | None) -> Tensor:
    """Want an earlier task."""
    return features * float(old_statistics.gram.trace() > 0)  # type: ignore[union-attr]


@breaks("shape", came="where D is 6")
@unknown
def flat(features: Tensor) -> Tensor:
    """One number per stranger."""
    return features.mean(1)


@breaks("finite", came="numbers that are not, for one sample per class")
@unknown
def spread(features: Tensor, targets: Tensor) -> Tensor:
    """Stretch by a class's variance, which a single sample has not."""
    own = features[targets[:, 0] == 1]
    return features * (own - own.mean(0)).square().sum(0) / (len(own) - 1)


@breaks("dtype", came="torch.float64")
@unknown
def long(features: Tensor) -> Tensor:
    """Compute in float64 and stay there."""
    return -features.double()


@breaks("inputs", came="an input changed")
@unknown
def mirrors(features: Tensor) -> Tensor:
    """Turn the features round where they stand."""
    return features.neg_()


@breaks("deterministic", came="draw from the input `rng: Generator`")
@unknown
def guesses(features: Tensor) -> Tensor:
    """Draw from a global generator."""
    return torch.randn_like(features)


# Lift


class Reciprocal(nn.Module):
    """One over what is positive, and over nought elsewhere."""

    def forward(self, features: Tensor) -> Tensor:
        return features.relu().reciprocal()


class Long(nn.Module):
    """The same numbers in float64."""

    def forward(self, features: Tensor) -> Tensor:
        return features.double()


class Counting(nn.Module):
    """The same numbers, and how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("uses", torch.zeros(()))

    def forward(self, features: Tensor) -> Tensor:
        self.uses += 1
        return features


class Drifting(nn.Module):
    """A little more at every use."""

    uses = 0

    def forward(self, features: Tensor) -> Tensor:
        self.uses += 1
        return features + 1e-6 * self.uses


@breaks("runs", came="must be divisible by num_groups (2), for one feature")
@lift
def paired(width: int) -> nn.Module:
    """Want an even number of features."""
    return nn.GroupNorm(2, width)


@breaks("module", came="a builtin_function_or_method")
@lift
def function(width: int) -> nn.Module:
    """Give a function."""
    return torch.relu  # type: ignore[return-value]


@breaks("shape", came="[7, 1, 1] of features [7, D], for one feature")
@lift
def deep(width: int) -> nn.Module:
    """Give features another dimension."""
    return nn.Unflatten(1, (1, width))


@breaks("finite", came="numbers that are not")
@lift
def boundless(width: int) -> nn.Module:
    """Divide by nought."""
    return Reciprocal()


@breaks("finite", came="torch.float64")
@lift
def lengthens(width: int) -> nn.Module:
    """Compute in float64 and stay there."""
    return Long()


@breaks("fixed", "deterministic", came="another one after it was used")
@lift
def counts(width: int) -> nn.Module:
    """Change with use."""
    return Counting()


@breaks("fixed", "deterministic", came="another one after it was used")
@lift
def drifts(width: int) -> nn.Module:
    """Give other features at every use."""
    return Drifting()


@breaks("rows", came="ValueError: Expected more than 1 value per channel")
@lift
def batchwise(width: int) -> nn.Module:
    """Normalise by the batch."""
    return nn.BatchNorm1d(width, affine=False, track_running_stats=False)


class Centring(nn.Module):
    """The distance to the middle of the batch."""

    def forward(self, features: Tensor) -> Tensor:
        return features - features.mean(0)


@breaks("rows", came="a row that depends on its neighbours")
@lift
def relative(width: int) -> nn.Module:
    """Centre by the batch."""
    return Centring()


@breaks("deterministic", came="another map at the second time")
@lift
def projected(width: int) -> nn.Module:
    """Draw the weights from a global generator."""
    return nn.Linear(width, 2 * width)


@breaks("deterministic", came="other weights at the second time")
@lift
def burdened(width: int) -> nn.Module:
    """Draw weights that nothing goes through."""
    module = nn.Identity()
    module.register_buffer("spare", torch.rand(3))
    return module


# Backbone


GREY = PictureTransform(8, 1)


def of(*layers: nn.Module, width: int = 64, transform: PictureTransform = GREY) -> Backbone:
    return Backbone.of("mine", nn.Sequential(*layers, nn.Flatten()), transform, width)


@breaks("runs", came="ValueError: 3 channels, for oblong coloured pictures")
@backbone
def grey_only(stream: TaskStream) -> Backbone:
    """Refuse colours."""
    picture = stream.pictures.test[stream.groups[0][0]].picture(0)
    if len(picture) != 1:
        raise ValueError(f"{len(picture)} channels")
    return of()


@breaks("shape", came="a Flatten")
@backbone
def body_alone(stream: TaskStream) -> Backbone:
    """Give a module, not a backbone."""
    return nn.Flatten()  # type: ignore[return-value]


@breaks("shape", came="[3, 64] for 3 pictures, where width is 63")
@backbone
def miscounted(stream: TaskStream) -> Backbone:
    """Tell a width that is another."""
    return of(width=63)


@breaks("finite", came="numbers that are not")
@backbone
def dazzled(stream: TaskStream) -> Backbone:
    """Divide by nought."""
    return of(Reciprocal(), transform=PictureTransform(8, 1, mean=(0.5,)))


@breaks("finite", came="torch.float64")
@backbone
def lengthy(stream: TaskStream) -> Backbone:
    """Say float32 and give float64."""
    return of(Long())


@breaks("rows", came="features that depend on the batch")
@backbone
def sociable(stream: TaskStream) -> Backbone:
    """Normalise by the batch."""
    return of(nn.BatchNorm2d(1, affine=False, track_running_stats=False))


@breaks("frozen", "deterministic", came="other features at the second time")
@backbone
def thawing(stream: TaskStream) -> Backbone:
    """Give other features at every use."""
    return of(Drifting())


class Warm(Backbone):
    """A backbone that does not freeze its body."""

    @cached_property
    def body(self) -> nn.Module:
        return self.build().eval()


@breaks("frozen", came="weights that can be trained")
@backbone
def trainable(stream: TaskStream) -> Backbone:
    """Leave a weight to be trained."""
    return Warm.of("mine", nn.Sequential(nn.PReLU(), nn.Flatten()), GREY, 64)


@breaks("parameters", came="0, where 1 are there")
@backbone
def understated(stream: TaskStream) -> Backbone:
    """Tell too few weights."""
    return replace(of(nn.PReLU()), parameters=0)


@breaks("deterministic", came="another fingerprint at the second time")
@backbone
def untaught(stream: TaskStream) -> Backbone:
    """Draw the weights from a global generator."""
    return of(nn.Conv2d(1, 1, 1))


@breaks("deterministic", came="other features at the second time")
@backbone
def impostor(stream: TaskStream) -> Backbone:
    """Call all weights that may be drawn by one name."""
    return replace(of(nn.Conv2d(1, 1, 1)), identity="mine")


# Stream


def block(output: str, split: str, count: int = 2, **changes: Any) -> Block:
    pictures = [bytes([len(split), i, ord(output[0]), 0]) for i in range(count)]
    names = [f"{output} {i}" for i in range(count)]
    return replace(Block(output, split, names, pictures.__getitem__, RawPixels(1, 2, 2)), **changes)  # type: ignore[arg-type]


def quartet(outputs: Sequence[str] = "abcd", soft: bool = False, **changes: Any) -> PictureSet:
    train, test = ({n: block(n, split, **changes) for n in "abcd"} for split in ("train", "test"))
    return PictureSet(tuple(outputs), train, test, soft)


def as_floats(encoded: bytes) -> Tensor:
    return RawPixels(1, 2, 2)(encoded).float() / 255


def flattened(encoded: bytes) -> Tensor:
    return RawPixels(1, 2, 2)(encoded).flatten()


def two_channels(encoded: bytes) -> Tensor:
    return RawPixels(2, 1, 2)(encoded)


@breaks("runs", came="ZeroDivisionError")
@stream
def fails() -> PictureSet:
    """Divide by nought."""
    return quartet("a" * (1 // 0))


@breaks("runs", "outputs", "blocks", "pictures", "targets", "tasks", "deterministic", came="a dict")
@stream
def unpacked() -> PictureSet:
    """Give the fields of a picture set."""
    return vars(quartet())  # type: ignore[return-value]


@breaks("values", came="where the fact is True")
@stream(values=True)
def boastful() -> PictureSet:
    """Claim values, and have classes."""
    return quartet()


@breaks("offline", came="FileNotFoundError")
@stream
def presumes(data_root: Path | None) -> PictureSet:
    """Read a file that may not be there."""
    if data_root is None:
        raise CallError("give a folder (--data-root)")
    return quartet((data_root / "names.txt").read_text())


@breaks("runs", "offline", came="OSError: the contract allows no connection")
@stream
def dials(data_root: Path | None) -> PictureSet:
    """Let a broken connection be the user's riddle."""
    import socket

    socket.create_connection(("127.0.0.1", 9))
    return quartet()


@breaks("outputs", came="a, b, c, d, a")
@stream
def repeats() -> PictureSet:
    """Name an output twice."""
    return quartet("abcda")


@breaks("outputs", "tasks", came="none")
@stream(classes_per_task=1)
def nameless() -> PictureSet:
    """Name no output."""
    return quartet("")


@breaks("outputs", "blocks", "pictures", came="none for 'e'")
@stream
def promises() -> PictureSet:
    """Name an output that has no pictures."""
    return quartet("abcde")


@breaks("blocks", came="one of 'a', test, as 'a', train")
@stream
def swaps_splits() -> PictureSet:
    """Give test pictures to learn from."""
    pictures = quartet()
    return replace(pictures, train=pictures.test, test=pictures.train)


@breaks("blocks", "pictures", came="no train pictures of 'a'")
@stream
def empty() -> PictureSet:
    """Have no pictures of an output."""
    return quartet(count=0)


@breaks("pictures", came="torch.float32 [1, 2, 2], a 0")
@stream
def scaled() -> PictureSet:
    """Decode to numbers from 0 to 1."""
    return quartet(decode=as_floats)


@breaks("pictures", came="torch.uint8 [4], a 0")
@stream
def strung() -> PictureSet:
    """Decode to a row of pixels."""
    return quartet(decode=flattened)


@breaks("pictures", came="torch.uint8 [2, 1, 2], a 0")
@stream
def two_tone() -> PictureSet:
    """Decode to two channels."""
    return quartet(decode=two_channels)


@breaks("targets", came="hard labels of 'a'")
@stream
def says_soft() -> PictureSet:
    """Say that labels are soft which are not."""
    return quartet(soft=True)


@breaks("targets", came="soft labels of 'a'")
@stream
def says_hard() -> PictureSet:
    """Say that labels are hard which are soft."""
    return quartet(targets=torch.full((2, 4), 0.25))


@breaks("targets", came="rows of 'a' from 1.000, that sum to 4.000")
@stream
def votes() -> PictureSet:
    """Give votes for distributions."""
    return quartet(soft=True, targets=torch.ones(2, 4))


@breaks("targets", came="[2, 2] for 2 pictures of 'a' and 4 outputs")
@stream
def short_targets() -> PictureSet:
    """Give distributions over other outputs."""
    return quartet(soft=True, targets=torch.full((2, 2), 0.5))


@breaks("tasks", came="4 classes cannot be cut into 3 equal tasks")
@stream(tasks=3)
def uneven() -> PictureSet:
    """Ask for tasks that do not divide the outputs."""
    return quartet()


@breaks("deterministic", came="other pictures at the second time")
@stream
def draws() -> PictureSet:
    """Make pictures up from a global generator."""
    pixels = bytes(torch.randint(256, (4,)).tolist())
    return quartet(read=lambda index: pixels)


# Strategy


@dataclass
class Means:
    """A predictor whose score for a class is how near its mean is."""

    features: Features
    means: dict[str, Tensor]

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(self.means)

    def scores(self, blocks: Sequence[Block]) -> Tensor:
        return -torch.cdist(self.features(blocks), torch.stack(list(self.means.values())))


def learn(stream: TaskStream, features: Features, predictor: type[Means] = Means) -> Iterator[Means]:
    means: dict[str, Tensor] = {}
    for task in stream:
        means = {**means, **{block.output: features([block]).mean(0) for block in task.train}}
        yield predictor(features, means)


@breaks("runs", came="belong to a task whose turn is over")
@strategy
def looks_back(stream: TaskStream, features: Features) -> Iterator[Means]:
    """Keep all blocks."""
    hoard: list = []
    for task, predictor in zip(stream, learn(stream, features), strict=True):
        hoard += task.train
        features(hoard)
        yield predictor


@breaks("predictors", came="0 for two tasks")
@strategy
def keeps_to_itself(stream: TaskStream, features: Features) -> Iterator[Means]:
    """Give no predictor."""
    list(learn(stream, features))
    yield from ()


@breaks("outputs", came="upper left, upper right, lower left, lower right after task 1")
@strategy
def foresees(stream: TaskStream, features: Features) -> Iterator[Means]:
    """Name classes that are yet to come."""
    for predictor in learn(stream, features):
        coming = {name: torch.full((64,), 9.0) for name in stream.pictures.outputs}
        yield Means(features, {**coming, **predictor.means})


@breaks("outputs", "learns", came="lower left, lower right after task 2")
@strategy
def forgets(stream: TaskStream, features: Features) -> Iterator[Means]:
    """Know the classes of the present task only."""
    for task, predictor in zip(stream, learn(stream, features), strict=True):
        yield Means(features, {name: predictor.means[name] for name in task.outputs})


class Verbose(Means):
    def scores(self, blocks: Sequence[Block]) -> Tensor:
        return nn.functional.pad(super().scores(blocks), (0, 1), value=-99.0)


@breaks("scores", came="[48, 3] of 48 pictures and 2 outputs")
@strategy
def talkative(stream: TaskStream, features: Features) -> Iterator[Means]:
    """Score one output more than it names."""
    yield from learn(stream, features, Verbose)


class Decided(Means):
    def scores(self, blocks: Sequence[Block]) -> Tensor:
        return nn.functional.one_hot(super().scores(blocks).argmax(1), len(self.means)).log()


@breaks("scores", came="numbers that are not finite")
@strategy
def certain(stream: TaskStream, features: Features) -> Iterator[Means]:
    """Leave losers no chance, in logarithms."""
    yield from learn(stream, features, Decided)


class Undecided(Means):
    def scores(self, blocks: Sequence[Block]) -> Tensor:
        return 0 * super().scores(blocks)


@breaks("learns", came="25% right, where chance is 25 %")
@strategy
def indifferent(stream: TaskStream, features: Features) -> Iterator[Means]:
    """Like all classes alike."""
    yield from learn(stream, features, Undecided)


class Noisy(Means):
    def scores(self, blocks: Sequence[Block]) -> Tensor:
        found = super().scores(blocks)
        return found + 0.1 * torch.rand(found.shape)


@breaks("deterministic", came="other scores; draw from the input `rng: Generator`")
@strategy
def moody(stream: TaskStream, features: Features, rng: Generator) -> Iterator[Means]:
    """Draw from a global generator."""
    yield from learn(stream, features, Noisy)


class Fading(Means):
    def scores(self, blocks: Sequence[Block]) -> Tensor:
        age = torch.arange(len(self.means), 0, -1)
        return super().scores(blocks) * (1 + 0.01 * age)


@breaks("exact", came="of the largest from those of one task of all, the other way round, one by one")
@strategy(exact=True)
def fades(stream: TaskStream, features: Features) -> Iterator[Means]:
    """Trust a class less the earlier it came."""
    yield from learn(stream, features, Fading)


# Loss


def apart(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Squared differences, nought in masked frames."""
    return torch.where(mask[..., None], prediction - target, 0.0).square()


@breaks("runs", came="ValueError: no course, for a single frame")
@loss
def needs_a_course(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Refuse a single frame."""
    if prediction.shape[1] < 2:
        raise ValueError("no course")
    return apart(prediction, target, mask).sum()


@breaks("shape", came="tensor([")
@loss
def boxed(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Give a vector of one number."""
    return apart(prediction, target, mask).sum()[None]


@breaks("shape", "gradient", came="a float")
@loss
def unboxed(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Give a number that has no gradient."""
    return float(apart(prediction, target, mask).sum().detach())  # type: ignore[return-value]


@breaks("shape", came="nan, for nothing but masked frames")
@loss
def averaged(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Divide by the number of valid frames, none or some."""
    return apart(prediction, target, mask).sum() / mask.sum()


@breaks("shape", "gradient", "mask", came="nan, for masked frames that hold no numbers")
@loss
def blind(prediction: Tensor, target: Tensor) -> Tensor:
    """Look at masked frames too."""
    return (prediction - target).square().mean()


@breaks("gradient", came="a gradient that is not")
@loss
def rooted(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """A root whose gradient at zero is none."""
    return apart(prediction, target, mask).sum().sqrt()


@breaks("mask", came=" and ")
@loss
def patched(prediction: Tensor, target: Tensor) -> Tensor:
    """Put zeros for what is no number, and look at masked frames otherwise."""
    return (prediction.nan_to_num() - target.nan_to_num()).square().mean()


@breaks("lower", came="for a perfect prediction")
@loss
def upside_down(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Reward being apart."""
    return -apart(prediction, target, mask).sum()


@breaks("inputs", came="an input changed")
@loss
def wipes(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Clear masked frames of the target where they stand."""
    target[~mask] = 0
    return apart(prediction, target, mask).sum()


@breaks("deterministic", came="draw from the input")
@loss
def jittery(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Add noise of one's own; two calls, as the clause `mask` makes, are never alike."""
    return apart(prediction, target, mask).sum() + 0.01 * torch.rand(())


# Network


class Framewise(nn.Module):
    """Each frame's Mel spectrogram through one layer."""

    def __init__(self, width: int, outputs: int = 2) -> None:
        super().__init__()
        self.outputs = nn.Linear(width, outputs)

    def forward(self, features: Mapping[str, Tensor], mask: Tensor) -> Tensor:
        return self.outputs(seen(features, mask))


def seen(features: Mapping[str, Tensor], mask: Tensor) -> Tensor:
    return torch.where(mask[..., None], features["mel"], 0)


@breaks("reads", "runs", came="'mel'")
@network(reads="mel")
def spelled(widths: Mapping[str, int]) -> nn.Module:
    """Name a tensor where a tuple of names is due."""
    return Framewise(widths["mel"])


@breaks("reads", came="('mel', 'mel')")
@network(reads=("mel", "mel"))
def stutters(widths: Mapping[str, int]) -> nn.Module:
    """Name a tensor twice."""
    return Framewise(widths["mel"])


@breaks("runs", came="KeyError: 'gaze'")
@network
def gazes(widths: Mapping[str, int]) -> nn.Module:
    """Read what is not there."""
    return Framewise(widths["gaze"])


@breaks("runs", came="KeyError: 'body'")
@network(reads=("mel",))
def peeps(widths: Mapping[str, int]) -> nn.Module:
    """Read what it does not say."""
    return Framewise(widths["mel"] + widths["body"])


@breaks("shape", "outputs", came="[3, 7, 1]")
@network
def valence_only(widths: Mapping[str, int]) -> nn.Module:
    """Give one number per frame."""
    return Framewise(widths["mel"], 1)


@breaks("shape", "finite", "mask", "trains", "settled", "outputs", "sizes", came="a function")
@network
def untrained(widths: Mapping[str, int]) -> nn.Module:
    """Give a function."""
    return lambda features, mask: features["mel"][..., :2]  # type: ignore[return-value]


class Ranged(nn.Module):
    """Features over their range: the batch's in training, else one that was never taken down."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.outputs = nn.Linear(width, 2)

    def forward(self, features: Mapping[str, Tensor], mask: Tensor) -> Tensor:
        found = seen(features, mask)
        return self.outputs(found / (found.detach().abs().max() + 1e-6 if self.training else 0))


@breaks("finite", "mask", "settled", "outputs", "sizes", came="numbers that are not")
@network
def ranged(widths: Mapping[str, int]) -> nn.Module:
    """Divide by nought in eval mode."""
    return Ranged(widths["mel"])


class Smeared(Framewise):
    def forward(self, features: Mapping[str, Tensor], mask: Tensor) -> Tensor:
        return self.outputs(features["mel"] + features["mel"].nan_to_num().mean(1, keepdim=True))


@breaks("mask", came="other scores for valid frames where masked ones hold 9.0")
@network
def smeared(widths: Mapping[str, int]) -> nn.Module:
    """Add the mean of all frames, masked or not."""
    return Smeared(widths["mel"])


class Weighed(Framewise):
    def forward(self, features: Mapping[str, Tensor], mask: Tensor) -> Tensor:
        kept = features["mel"] * mask[..., None]
        return self.outputs(kept + kept.sum(1, keepdim=True))


@breaks("mask", came="other scores for valid frames where masked ones hold nan")
@network
def weighed(widths: Mapping[str, int]) -> nn.Module:
    """Multiply masked frames by nought, which leaves NaN there."""
    return Weighed(widths["mel"])


@breaks("trains", "sizes", came="none at spare.weight")
@network
def idle(widths: Mapping[str, int]) -> nn.Module:
    """Hold a layer that nothing goes through."""
    module = Framewise(widths["mel"])
    module.spare = nn.Linear(2, 2)
    return module


class Forgetful(Framewise):
    def forward(self, features: Mapping[str, Tensor], mask: Tensor) -> Tensor:
        return self.outputs(nn.functional.dropout(seen(features, mask)))


@breaks("mask", "settled", came="other scores for valid frames")
@network
def forgetful(widths: Mapping[str, int]) -> nn.Module:
    """Leave units out in eval mode too; two calls, as the clause `mask` makes, are never alike."""
    return Forgetful(widths["mel"])


class Renamed(Framewise):
    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.last, self.outputs = self.outputs, None  # type: ignore[assignment]

    def forward(self, features: Mapping[str, Tensor], mask: Tensor) -> Tensor:
        return self.last(seen(features, mask))


@breaks("outputs", came="outputs is not there")
@network
def renamed(widths: Mapping[str, int]) -> nn.Module:
    """Call the last layer something else."""
    return Renamed(widths["mel"])


class Bounded(Framewise):
    def forward(self, features: Mapping[str, Tensor], mask: Tensor) -> Tensor:
        return super().forward(features, mask).tanh()


@breaks("outputs", came="scores that are not what outputs gives")
@network
def bounded(widths: Mapping[str, int]) -> nn.Module:
    """Do something behind the last layer."""
    return Bounded(widths["mel"])


class Turned(Framewise):
    def forward(self, features: Mapping[str, Tensor], mask: Tensor) -> Tensor:
        return self.outputs(seen(features, mask).transpose(0, 1)).transpose(0, 1)


@breaks("outputs", came="what goes into outputs is [7, 3, 9]")
@network
def turned(widths: Mapping[str, int]) -> nn.Module:
    """Go through the last layer sequence first."""
    return Turned(widths["mel"])


class Centred(Framewise):
    def forward(self, features: Mapping[str, Tensor], mask: Tensor) -> Tensor:
        frames, count = seen(features, mask), mask.sum(1)[:, None, None]
        return self.outputs(frames - frames.sum(1, keepdim=True) / count)


@breaks("sizes", came="numbers that are not, for a batch [1, 7, all masked]")
@network
def centred(widths: Mapping[str, int]) -> nn.Module:
    """Divide by the number of valid frames, none or some."""
    return Centred(widths["mel"])


class Normalised(Framewise):
    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.norm = nn.BatchNorm1d(width)

    def forward(self, features: Mapping[str, Tensor], mask: Tensor) -> Tensor:
        frames = seen(features, mask)
        return self.outputs(self.norm(frames.flatten(0, 1)).view_as(frames))


@breaks("sizes", came="ValueError: Expected more than 1 value per channel")
@network
def normalised(widths: Mapping[str, int]) -> nn.Module:
    """Normalise over frames, of which there is but one."""
    return Normalised(widths["mel"])


class Remembering(Framewise):
    """The running sum of all frames so far."""

    def forward(self, features: Mapping[str, Tensor], mask: Tensor) -> Tensor:
        return self.continued(features, mask, None)[0]

    def continued(self, features: Mapping[str, Tensor], mask: Tensor, state: Any) -> Any:
        sums = seen(features, mask).cumsum(1) + (0 if state is None else state[0][0][:, None])
        return self.outputs(sums), (sums[:, -1][None],)


class Restarting(Remembering):
    def continued(self, features: Mapping[str, Tensor], mask: Tensor, state: Any) -> Any:
        return super().continued(features, mask, None)


class Sideways(Remembering):
    def continued(self, features: Mapping[str, Tensor], mask: Tensor, state: Any) -> Any:
        scores, (sums,) = super().continued(features, mask, None if state is None else (state[0][None],))
        return scores, (sums[0],)


class StartingElsewhere(Remembering):
    def forward(self, features: Mapping[str, Tensor], mask: Tensor) -> Tensor:
        return self.outputs(seen(features, mask))


@breaks("state", came="other scores")
@network
def restarting(widths: Mapping[str, int]) -> nn.Module:
    """Begin every window anew."""
    return Restarting(widths["mel"])


@breaks("state", came="a state of tuple [[3, 9]]")
@network
def sideways(widths: Mapping[str, int]) -> nn.Module:
    """Hand on a state with the batch in front."""
    return Sideways(widths["mel"])


@breaks("state", came="other scores from a film's start")
@network
def elsewhere(widths: Mapping[str, int]) -> nn.Module:
    """Do something else at a film's start."""
    return StartingElsewhere(widths["mel"])


@breaks("longest", came="scores of 10 frames, where longest is 9")
@network
def unending(widths: Mapping[str, int]) -> nn.Module:
    """Take more frames than it says."""
    module = Framewise(widths["mel"])
    module.longest = 9  # type: ignore[assignment]
    return module


# Corpus


HERE = Path(__file__)


def film(name: str = "a", values: Any = ((0, 0), (1, -1)), dtype: Any = np.float32, **changes: Any) -> Film:
    labels = Labels(np.array(values, dtype), HERE)
    return Film(name, **{"pictures": HERE, "labels": lambda: labels, **changes})


@breaks("runs", came="ZeroDivisionError")
@corpus
def unlucky() -> Corpus:
    """Divide by nought."""
    return Corpus((film(),) * (1 // 0))


@breaks("runs", "films", "names", "pictures", "splits", "labels", "deterministic", came="a list")
@corpus
def listed() -> Corpus:
    """Give films, not a corpus."""
    return [film()]  # type: ignore[return-value]


@breaks("absent", came="FileNotFoundError")
@corpus
def trusting(data_root: Path) -> Corpus:
    """Read a file that may not be there."""
    return Corpus(tuple(map(film, (data_root / "names.txt").read_text().split())))


@breaks("absent", came="a Corpus, of an empty folder")
@corpus
def content(data_root: Path) -> Corpus:
    """Find nothing, and say so by an empty corpus."""
    return Corpus(tuple(film(path.stem) for path in data_root.glob("*.mp4")))


@breaks("absent", came="2 lines, of an empty folder")
@corpus
def wordy(data_root: Path) -> Corpus:
    """Explain at length."""
    raise CallError("nothing there\nput it there")


@breaks("films", came="none")
@corpus
def filmless() -> Corpus:
    """Have none."""
    return Corpus(())


@breaks("names", came="'a' twice")
@corpus
def namesakes() -> Corpus:
    """Call two films by one name."""
    return Corpus((film(), film()))


@breaks("names", came="'train/a'")
@corpus
def pathlike() -> Corpus:
    """Call films by their paths."""
    return Corpus((film("train/a"),))


@breaks("pictures", came="nothing at nowhere.mp4, for 'a'")
@corpus
def hopeful() -> Corpus:
    """Count films that are not there among those that are."""
    return Corpus((film(pictures=Path("nowhere.mp4")),))


@breaks("pictures", came="rate None of the numbered pictures of 'a'")
@corpus
def timeless() -> Corpus:
    """Have pictures and no rate."""
    return Corpus((film(pictures=HERE.parent),))


@breaks("pictures", came="no sound at nowhere.wav, for 'a'")
@corpus
def unheard() -> Corpus:
    """Have sound that is not there."""
    return Corpus((film(sound=Path("nowhere.wav")),))


@breaks("splits", came="'dev', for 'a'")
@corpus
def develops() -> Corpus:
    """Call a split otherwise."""
    return Corpus((film(split="dev"),))


@breaks("labels", came="float64 [2, 2], for 'a'")
@corpus
def long_labels() -> Corpus:
    """Give labels in float64."""
    return Corpus((film(dtype=np.float64),))


@breaks("labels", came="float32 [0], for 'b'")
@corpus
def labelless() -> Corpus:
    """Have a film without pictures, its labels empty."""
    return Corpus((film(),), unseen=(film("b", ()),))


@breaks("labels", came="-5, for 'a'")
@corpus
def marked() -> Corpus:
    """Leave the mark of missing labels where it stands."""
    return Corpus((film(values=((0, 0), (-5, -5))),))


@breaks("labels", came="one number of a row alone is missing")
@corpus
def halved() -> Corpus:
    """Give valence without arousal."""
    return Corpus((film(values=((0, np.nan),)),))


@breaks("labels", "deterministic", came="a ndarray")
@corpus
def raw() -> Corpus:
    """Give numbers, not labels."""
    return Corpus((film(labels=lambda: np.zeros((2, 2), np.float32)),))


@breaks("deterministic", came="other films at the second time, or in another order")
@corpus
def shuffled() -> Corpus:
    """Draw the order from a global generator."""
    return Corpus(tuple(film(str(number)) for number in np.random.permutation(20)))


@breaks("deterministic", came="other labels at the second time, for 'a'")
@corpus
def whimsical() -> Corpus:
    """Draw labels from a global generator."""
    return Corpus((film(values=np.random.uniform(-1, 1, (2, 2))),))


# Maker


def leave(out: Path, number: float, says: str = "Synthetic.") -> None:
    (out / "README.md").write_text(says)
    (out / "a.csv").write_text(f"{number}")


@breaks("runs", came="ValueError: no time")
@maker
def hasty(out: Path, seconds: float) -> None:
    """Refuse short films."""
    if seconds < 10:
        raise ValueError("no time")


@breaks("runs", came="nothing was made")
@maker
def empty_handed(out: Path) -> None:
    """Make a folder with an empty file."""
    (out / "videos").mkdir()
    (out / "videos" / "a.mp4").touch()


@breaks("within", came="'log.txt' outside it")
@maker
def untidy(out: Path, seed: int) -> None:
    """Leave a log in the working folder."""
    leave(out, seed)
    Path("log.txt").write_text("done")


@breaks("within", came="'README.md' outside it")
@maker
def spilling(out: Path, seed: int) -> None:
    """Write beside the folder, too."""
    leave(out, seed)
    leave(out.parent, seed)


@breaks("marked", came="none of 2 files of text does")
@maker
def pretends(out: Path, seed: int) -> None:
    """Say nothing of being made."""
    leave(out, seed, "Filmed by us.")


@breaks("deterministic", came="another a.csv at the second time")
@maker
def inspired(out: Path) -> None:
    """Draw from a global generator."""
    leave(out, np.random.uniform())


@breaks("deterministic", came="other files at the second time")
@maker
def renaming(out: Path, seed: int) -> None:
    """Call files by what is drawn from a global generator."""
    leave(out, seed)
    (out / f"{np.random.randint(1_000_000)}.csv").write_text("0")


@breaks("seed", came="the same files under another")
@maker
def stubborn(out: Path) -> None:
    """Have no ear for the seed."""
    leave(out, 0)


# Presets


@breaks("runs", came="ValueError: not today")
@preset
def unready() -> Mapping[str, Any]:
    """Refuse."""
    raise ValueError("not today")


@breaks("mapping", came="a list")
@preset
def keys_alone() -> Mapping[str, Any]:
    """Give keys without values."""
    return ["sequence"]  # type: ignore[return-value]


@breaks("keys", came="'sequenz', which is none")
@preset
def misspelt() -> Mapping[str, Any]:
    """Name a key that a recipe has not."""
    return {"sequenz": 64}


@breaks("keys", came="'store', which is none")
@preset
def possessive() -> Mapping[str, Any]:
    """Say which features to train on."""
    return {"store": "mine"}


@breaks("values", came="greater than or equal to 1")
@preset
def endless() -> Mapping[str, Any]:
    """Train for no epoch."""
    return {"epochs": 0}


@breaks("deterministic", came="")
@preset
def gambling() -> Mapping[str, Any]:
    """Draw the rate from a global generator."""
    return {"learning_rate": float(np.random.uniform(0.1, 1))}


# Modalities


class Brightness(Extractor):
    """The mean of a frame's picture; what is broken in it, its children say."""

    shapes: Mapping[str, tuple[int, ...]] = {"bright": (1,)}

    def __call__(self, frames: Frames) -> Mapping[str, Rows]:
        rows = Rows.none(len(frames), (1,))
        for number, picture in enumerate(frames.pictures):
            if picture is not None:
                rows.values[number], rows.valid[number] = picture.mean() / 255, True
        return {"bright": rows}


@breaks("runs", came="ZeroDivisionError")
@modality
def dividing() -> Extractor:
    """Fail in the midst."""

    class Dividing(Brightness):
        def __call__(self, frames: Frames) -> Mapping[str, Rows]:
            return super().__call__(frames) if 1 / frames.first else {}

    return Dividing()


@breaks("runs", came="has no attribute 'close'")
@modality
def mere() -> Extractor:
    """Give no extractor."""
    return "rows"  # type: ignore[return-value]


@breaks("announced", came="rows of 'dark', which is not among them")
@modality
def stray() -> Extractor:
    """Give more than is announced."""

    class Stray(Brightness):
        def __call__(self, frames: Frames) -> Mapping[str, Rows]:
            rows = super().__call__(frames)
            return {**rows, "dark": rows["bright"]}

    return Stray()


@breaks("announced", came="nothing")
@modality
def shapeless() -> Extractor:
    """Announce nothing, give nothing."""

    class Shapeless(Brightness):
        shapes: Mapping[str, tuple[int, ...]] = {}

        def __call__(self, frames: Frames) -> Mapping[str, Rows]:
            return {}

    return Shapeless()


@breaks("rows", came="15 rows of 'bright' and 15 masks for 16 frames")
@modality
def dropping() -> Extractor:
    """Leave out frames without a picture."""

    class Dropping(Brightness):
        def __call__(self, frames: Frames) -> Mapping[str, Rows]:
            shown = [picture for picture in frames.pictures if picture is not None]
            kept = Frames(frames.first, frames.times[: len(shown)], shown)
            return super().__call__(kept if shown else frames)

    return Dropping()


@breaks("rows", came="rows of 'bright' of [1], where [3] is announced")
@modality
def narrow_row() -> Extractor:
    """Announce more numbers than are given."""
    found = Brightness()
    found.shapes = {"bright": (3,)}
    return found


@breaks("finite", came="numbers that are not in 'bright'")
@modality
def not_finite() -> Extractor:
    """Let a masked row hold what is no number."""

    class NotFinite(Brightness):
        def __call__(self, frames: Frames) -> Mapping[str, Rows]:
            rows = super().__call__(frames)["bright"]
            rows.values[~rows.valid] = np.inf
            return {"bright": rows}

    return NotFinite()


@breaks("finite", came="float64 and masks of bool in 'bright'")
@modality
def doubled() -> Extractor:
    """Give wide numbers."""

    class Doubled(Brightness):
        def __call__(self, frames: Frames) -> Mapping[str, Rows]:
            rows = super().__call__(frames)["bright"]
            return {"bright": Rows(rows.values.astype(np.float64), rows.valid)}  # type: ignore[arg-type]

    return Doubled()


@breaks("masked", came="'bright' is not")
@modality
def inventing() -> Extractor:
    """Take what has no picture for black."""

    class Inventing(Brightness):
        def __call__(self, frames: Frames) -> Mapping[str, Rows]:
            rows = super().__call__(frames)["bright"]
            return {"bright": Rows(rows.values, np.ones(len(rows), bool))}

    return Inventing()


@breaks("batches", came="other rows of 'bright'")
@modality
def by_its_batch() -> Extractor:
    """Measure a frame by its batch."""

    class Relative(Brightness):
        def __call__(self, frames: Frames) -> Mapping[str, Rows]:
            rows = super().__call__(frames)["bright"]
            return {"bright": Rows(rows.values / max(1e-6, rows.values.max()), rows.valid)}

    return Relative()


@breaks("inputs", came="a picture changed")
@modality
def brightening() -> Extractor:
    """Work on the pictures themselves."""

    class Brightening(Brightness):
        def __call__(self, frames: Frames) -> Mapping[str, Rows]:
            for picture in frames.pictures:
                if picture is not None:
                    picture //= 2
            return super().__call__(frames)

    return Brightening()


@breaks("batches", "deterministic", came="other rows of 'bright'")
@modality
def drawn_rows() -> Extractor:
    """Add noise of a global generator."""

    class Drawn(Brightness):
        def __call__(self, frames: Frames) -> Mapping[str, Rows]:
            rows = super().__call__(frames)["bright"]
            noise = np.random.normal(size=(len(rows), 1)) * rows.valid[:, None]
            return {"bright": Rows((rows.values + noise).astype(np.float32), rows.valid)}

    return Drawn()


# What must hold of the table


class Elsewhere(Tensor):
    """Stands in for a tensor on a GPU, as do all that are computed from it."""

    is_cuda = True  # type: ignore[assignment]


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU, or what a contract takes for one."""
    if not torch.cuda.is_available():
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(Tensor, "cuda", lambda tensor: tensor.as_subclass(Elsewhere))


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("failure", FAILURES, ids=str)
def test_a_broken_plugin_is_caught_by_the_clauses_that_name_it(failure: Failure) -> None:
    broken = examine(failure.plugin).broken
    assert tuple(finding.clause for finding in broken) == failure.clauses, "\n".join(map(str, broken))
    assert failure.came in broken[0].came


def test_every_clause_of_every_kind_catches_a_broken_plugin() -> None:
    clauses = {(kind, clause.name) for kind in KINDS for clause in import_module(f"cltool.contract.{kind}").CLAUSES}
    caught = {(failure.kind, clause) for failure in FAILURES for clause in failure.clauses}
    assert clauses - caught == set()
    assert {clause.name for clause in DECLARATION} <= {clause for _, clause in caught}


@pytest.mark.usefixtures("gpu")
def test_a_merge_and_a_surgery_that_stay_on_their_device_are_sound() -> None:
    @merge
    def sound(old: Head, new: Head) -> Head:
        """Newer rows."""
        return newest(old, new)

    @surgery
    def doubles(head: Head) -> Head:
        """Twice the weights."""
        return replace(head, weight=2 * head.weight)

    assert all(f.kept for plugin in (sound, doubles) for f in check(plugin).findings if f.clause == "device")


def test_a_broken_contract_is_told_clause_by_clause() -> None:
    with pytest.raises(ContractBroken, match=r"merge 'latest' breaks its contract:\n  ✗ rows: .*\n  ✗ exact: "):
        check(latest)


def test_a_plugin_is_tried_with_the_options_it_is_given() -> None:
    assert not examine(demanding, {"share": 0.5}).broken


def written(folder: Path, signature: str, first: str = "") -> Path:
    file = folder / "mine.py"
    body = f"@merge\n{signature}\n    'Mine.'\n    return new\n"
    file.write_text(f"from __future__ import annotations\n\n{first}from cltool import Head, merge\n\n\n{body}")
    return file


@pytest.mark.parametrize(
    ("line", "clause", "came"),
    [
        ("share: Shares = 1", "annotations", "name 'Shares' is not defined"),
        ("share: object.missing = 1", "annotations", "missing"),
        ("share: complex | Head = 1", "annotations", "Head"),
        ("share=1", "annotations", "option 'share' has no annotation"),
        ("share: 'float[' = 1", "annotations", ""),
    ],
)
def test_an_annotation_that_cannot_be_validated_is_caught(tmp_path: Path, line: str, clause: str, came: str) -> None:
    (report,) = check_file(written(tmp_path, f"def mine(old: Head, new: Head, *, {line}) -> Head:"))
    assert [finding.clause for finding in report.broken] == [clause]
    assert came in report.broken[0].came


def test_an_import_error_is_caught(tmp_path: Path) -> None:
    line = "from nowhere_at_all import something\n"
    (report,) = check_file(written(tmp_path, "def mine(old: Head, new: Head) -> Head:", line))
    assert [finding.clause for finding in report.broken] == ["import"]
    assert "ModuleNotFoundError: No module named 'nowhere_at_all'" in report.broken[0].came


def test_what_was_never_decorated_is_no_plugin() -> None:
    with pytest.raises(PluginError, match="decorate it"):
        check(narrow_copy)


def narrow_copy(old: Head, new: Head) -> Head:
    return new
