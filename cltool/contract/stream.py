"""The contract of a stream: pictures with named outputs, before they are cut into tasks."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

import torch

from cltool.contract.clauses import Clause, NotChecked, first, told
from cltool.contract.trials import Make, Subject, Trial, each, try_all
from cltool.errors import CallError
from cltool.pictures import Block, PictureSet
from cltool.plugin import Configured
from cltool.progress import Silent
from cltool.setups import own_cut
from cltool.tasks import arrange


def subject(stream: Configured, data_root: Path | None = None) -> Subject:
    """Read the data at `data_root`; without it, what can be had without data and without a network."""
    cases: dict[str, Make] = {"the data": lambda: {"data_root": data_root, "progress": Silent()}}
    if not stream.asks("data_root") or data_root is not None:
        return try_all(stream, cases)
    with no_network():
        tried = try_all(stream, cases)
    return Subject(stream, [trial for trial in tried.trials if not isinstance(trial.error, CallError)])


def _runs(subject: Subject) -> str | None:
    if not subject.trials:
        raise NotChecked("it needs its data; give their folder (--data-root)")
    (trial,) = subject.trials
    if trial.error:
        return told(trial.error)
    return None if isinstance(trial.result, PictureSet) else f"a {type(trial.result).__name__}"


def _offline(subject: Subject) -> str | None:
    """Where the data are missing and cannot be had, a user must learn in one line what to do."""
    if not subject.plugin.asks("data_root"):
        raise NotChecked("it asks for no data_root")
    with tempfile.TemporaryDirectory() as folder, no_network(), suppress(CallError):
        subject.plugin(data_root=Path(folder), progress=Silent())
    return None  # any other error is what came


@contextmanager
def no_network() -> Iterator[None]:
    """Refuse every connection for a while: a check must not download gigabytes."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError("the contract allows no connection")

    connect, look_up = socket.socket.connect, socket.getaddrinfo
    socket.socket.connect = refuse  # type: ignore[method-assign]
    socket.getaddrinfo = refuse
    try:
        yield
    finally:
        socket.socket.connect = connect  # type: ignore[method-assign]
        socket.getaddrinfo = look_up


def _outputs(trial: Trial) -> str | None:
    outputs = trial.result.outputs
    if len(set(outputs)) < len(outputs) or not outputs:
        return f"{', '.join(outputs) or 'none'}"
    missing = [n for n in outputs if n not in trial.result.train or n not in trial.result.test]
    return f"none for {missing[0]!r}" if missing else None


def _blocks(trial: Trial) -> str | None:
    for name in trial.result.outputs:
        for block, split in ((trial.result.train[name], "train"), (trial.result.test[name], "test")):
            if (block.output, block.split) != (name, split):
                return f"one of {block.output!r}, {block.split}, as {name!r}, {split}"
            if not len(block):
                return f"no {split} pictures of {name!r}"
    return None


def _pictures(trial: Trial) -> str | None:
    for name in trial.result.outputs:
        for block in (trial.result.train[name], trial.result.test[name]):
            for index in {0, len(block) - 1}:
                picture = block.picture(index)
                if trial.result.values:
                    if picture.dtype != torch.float32 or picture.ndim != 3 or list(picture.shape[1:]) != [1, 1]:
                        return f"{picture.dtype} {list(picture.shape)}, {block.names[index]}"
                elif picture.dtype != torch.uint8 or picture.ndim != 3 or picture.shape[0] not in (1, 3):
                    return f"{picture.dtype} {list(picture.shape)}, {block.names[index]}"
    return None


def _targets(trial: Trial) -> str | None:
    classes = len(trial.result.outputs)
    blocks = (*trial.result.train.values(), *trial.result.test.values())
    if trial.result.values:
        return first([_values(block, len(trial.result.values)) for block in blocks])
    for block in blocks:
        if (block.targets is not None) != trial.result.soft:
            return f"{'hard' if trial.result.soft else 'soft'} labels of {block.output!r}"
        if block.targets is None:
            continue
        if list(block.targets.shape) != [len(block), classes]:
            return f"{list(block.targets.shape)} for {len(block)} pictures of {block.output!r} and {classes} outputs"
        total = block.targets.sum(1)
        if (block.targets < 0).any() or not torch.allclose(total, torch.ones(len(block))):
            least = float(block.targets.min())
            return f"rows of {block.output!r} from {least:.3f}, that sum to {float(total.min()):.3f}"
    return None


def _values(block: Block, count: int) -> str | None:
    if block.targets is None or list(block.targets.shape) != [len(block), count]:
        shape = "none" if block.targets is None else f"{list(block.targets.shape)}"
        return f"{shape} for {len(block)} frames of {block.output!r} and {count} values"
    if not torch.isfinite(block.targets).all():
        return f"values of {block.output!r} that are not finite"
    if sum(map(len, block.films)) != len(block):
        return f"{sum(map(len, block.films))} frames in the films of {block.output!r}, which has {len(block)}"
    return None


def _declared(subject: Subject) -> str | None:
    if not subject.trials:
        raise NotChecked("it needs its data")
    facts = subject.plugin.plugin.facts

    def judge(trial: Trial) -> str | None:
        if not isinstance(trial.result, PictureSet):
            return None  # said there
        says = bool(facts.get("values"))
        return None if says == bool(trial.result.values) else f"values: {trial.result.values}, where the fact is {says}"

    return each(judge)(subject)


def _tasks(subject: Subject) -> str | None:
    if not subject.trials:
        raise NotChecked("it needs its data")

    def judge(trial: Trial) -> str | None:
        arrange(trial.result, *own_cut(subject.plugin, trial.result))
        return None

    return each(judge)(subject)


def _deterministic(trial: Trial) -> str | None:
    def digests(pictures: PictureSet) -> list[str]:
        blocks: list[Block] = [*pictures.train.values(), *pictures.test.values()]
        return [block.digest for block in blocks]

    return None if digests(trial.result) == digests(trial.again) else "other pictures at the second time"


def _when_read(judge: Callable[[Trial], str | None]) -> Callable[[Subject], str | None]:
    def test(subject: Subject) -> str | None:
        if not subject.trials:
            raise NotChecked("it needs its data")
        return each(judge)(subject)

    return test


CLAUSES = (
    Clause("runs", "a PictureSet", _runs),
    Clause(
        "offline", "without its data and a network, a result or one line that says what to do (a CallError)", _offline
    ),
    Clause("outputs", "different names, each with training and test pictures", _when_read(_outputs)),
    Clause("blocks", "each under its own output and split, none empty", _when_read(_blocks)),
    Clause("pictures", "uint8 [C, H, W], C 1 or 3; of values, float32 [D, 1, 1]", _when_read(_pictures)),
    Clause("targets", "distributions over the outputs, where labels are soft; values [n, K]", _when_read(_targets)),
    Clause("values", "named where the fact `values` says so, and only there", _declared),
    Clause("tasks", "its own number of tasks fits its classes", _tasks),
    Clause("deterministic", "the same pictures at every call", _when_read(_deterministic)),
)
