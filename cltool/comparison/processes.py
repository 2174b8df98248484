"""Jobs of a comparison in processes of this machine; one that dies costs only the job that it was doing."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Thread
from typing import Any

import torch

from cltool.backbones import Backbone
from cltool.comparison.cells import Cell, Job
from cltool.comparison.grounds import Ground
from cltool.comparison.recipes import ComparisonRecipe
from cltool.comparison.sending import Sent
from cltool.comparison.setups import Comparison
from cltool.comparison.work import Answer, Failure, Heard, do
from cltool.errors import CallError
from cltool.pictures import PictureSet
from cltool.setups import prepare

PATIENCE = 5  # seconds that a worker has to end in


@dataclass
class _Slot:
    """A worker, this end of the line to it, and what it does."""

    process: BaseProcess
    line: Connection
    job: Job | None = None
    grounds: set[tuple[str, str]] = field(default_factory=set)  # those that it knows


class Processes:
    """So many workers, each with its share of the cores; they are started as they are needed, and never forked."""

    again = 1

    def __init__(self, comparison: Comparison, root: Path, slots: int) -> None:
        self.comparison, self.root, self.slots = comparison, root, slots
        self.threads = max(1, min(cores() // slots, torch.get_num_threads()))
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Slot] = []
        self._facts: dict[tuple[str, str], bytes] = {}

    def start(self, job: Job, known: Sequence[dict[str, Any]], ground: Ground) -> None:
        """Hand a job to a worker that has nothing to do; raises CallError where facts of its ground cannot be sent."""
        key = (job.cell.stream, ground.backbone.fingerprint)
        if key not in self._facts:
            self._facts[key] = _packed(Sent.of(ground, "the data are not here"))
        slot = next((slot for slot in self._workers if slot.job is None), None) or self._worker()
        try:
            self._send(slot, job, known, key)
        except OSError:  # it died while it had nothing to do
            self._bury(slot)
            self._send(self._worker(), job, known, key)

    def _send(self, slot: _Slot, job: Job, known: Sequence[dict[str, Any]], key: tuple[str, str]) -> None:
        order: Order = (job, known, key, None if key in slot.grounds else self._facts[key])
        slot.line.send(order)
        slot.job = job
        slot.grounds.add(key)

    def wait(self) -> tuple[Job, Answer | None]:
        """The answer of whichever worker is done first; None of one that died."""
        busy = [slot for slot in self._workers if slot.job is not None]
        ready = wait([slot.line for slot in busy])
        slot = next(slot for slot in busy if slot.line in ready)
        job, slot.job = slot.job, None
        assert job is not None
        try:
            return job, slot.line.recv()
        except (EOFError, OSError):
            self._bury(slot)
            return job, None

    def close(self) -> None:
        """Stop all workers, whatever they do."""
        for slot in self._workers:
            slot.line.close()
            slot.process.terminate()
        for slot in list(self._workers):
            self._bury(slot)

    def _worker(self) -> _Slot:
        ours, theirs = self._context.Pipe()
        arguments = (theirs, self.comparison.recipe, self.root, self.threads)
        process = self._context.Process(target=_serve, args=arguments, name="cltool compare: worker")
        with _interrupts_held():
            process.start()
        theirs.close()  # so that the line ends when the worker does
        slot = _Slot(process, ours)
        self._workers.append(slot)
        return slot

    def _bury(self, slot: _Slot) -> None:
        slot.line.close()
        slot.process.join(PATIENCE)
        if slot.process.is_alive():
            slot.process.kill()
            slot.process.join()
        self._workers.remove(slot)


def _packed(sent: Sent) -> bytes:
    try:
        return pickle.dumps(sent)
    except Exception as error:  # PicklingError, TypeError, AttributeError: whatever it is made of
        what = " ".join(str(error).split())
        raise CallError(f"stream or backbone cannot be sent to other processes ({what}); take --jobs 1") from None


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """What is started in the block never hears of Ctrl-C, which a terminal sends to all: this process stops the others.

    For this one it is held until the block's end.
    """
    resource_tracker.ensure_running()  # it lets interrupts through again once it has been started
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


Order = tuple[Job, Sequence[dict[str, Any]], tuple[str, str], bytes | None]  # what to do; its ground, and facts of that


class _Bench:
    """What a worker keeps from job to job: facts of grounds, and data and backbones that somebody has asked for."""

    def __init__(self, recipe: ComparisonRecipe, root: Path) -> None:
        self.recipe, self.root = recipe, root
        self._grounds: dict[tuple[str, str], Sent] = {}
        self._pictures: dict[str, PictureSet] = {}

    def do(self, job: Job, known: Sequence[dict[str, Any]], key: tuple[str, str], sent: bytes | None) -> Answer:
        """Do a job; whatever goes wrong is in the answer."""
        heard, cell = Heard(), job.cell
        try:
            if sent is not None:
                self._grounds[key] = self._at_home(pickle.loads(sent), cell)
            ground = self._grounds[key]
            setup = prepare(self.recipe.cell(cell.stream, cell.strategy, cell.seed), heard, ground.pictures)
            answer = do(job, setup, ground.backbone, self.root / "cells" / cell.place, known, heard)
        except Exception as error:
            answer = Answer(Failure.of(error))
        answer.said = heard.lines
        return answer

    def _at_home(self, sent: Sent, cell: Cell) -> Sent:
        recipe = self.recipe.cell(cell.stream, cell.strategy, cell.seed)

        def pictures() -> PictureSet:
            if cell.stream not in self._pictures:
                self._pictures[cell.stream] = prepare(recipe).stream.pictures
            return self._pictures[cell.stream]

        @cache
        def backbone() -> Backbone:
            return prepare(recipe, pictures=pictures()).build()

        return sent.at_home(pictures, backbone)


def _serve(line: Connection, recipe: ComparisonRecipe, root: Path, threads: int) -> None:
    """A worker's life: jobs as they come down the line, until it ends."""
    Thread(target=_end_with_parent, daemon=True).start()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no result
    torch.set_num_threads(threads)
    bench = _Bench(recipe, root)
    while True:
        try:
            order: Order = line.recv()
            line.send(bench.do(*order))
        except (EOFError, OSError):
            return


def _end_with_parent() -> None:
    """End this process as soon as the one that started it is gone: nobody hears what it does, or stops it."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
