"""Small comparisons on real digits, and a plugin file whose merges and strategies leave traces and break on demand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cltool.comparison.outcome import Outcome
from cltool.comparison.recipes import ComparisonRecipe
from cltool.comparison.running import run_comparison
from cltool.comparison.setups import Comparison, begin, prepare_comparison

SMALL = {"backbone": "random:features=12", "tasks": 2, "classes_per_task": 2}
PLUGIN = """
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from cltool import Backbone, Head, Statistics, TaskStream, merge, strategy
from cltool_plugins.strategies.qda import qda


def means(statistics):
    weight = statistics.means.float()
    return Head(statistics.names, weight, -weight.square().sum(1) / 2, statistics.count.float(), statistics.space)


@strategy
def counted(stream: TaskStream, features: Callable, *, log: str = ""):
    "Leaves a line whenever it begins and after every task."
    with Path(log).open("a") as file:
        file.write("begin\\n")
    for predictor in qda(stream, features):
        yield predictor


@strategy
def whole(stream: TaskStream, features: Callable, *, train: str = "head"):
    "Could train the whole network, and does not."
    yield from qda(stream, features)


@strategy
def looks(stream: TaskStream, backbone: Backbone):
    "Puts pictures through the backbone by itself."
    def features(blocks):
        return torch.cat([backbone(block.pictures(range(len(block)))) for block in blocks])
    yield from qda(stream, features)


@strategy
def waits(stream: TaskStream, features: Callable, *, at: str):
    "On the cluster's node that the file `at` names, wait for its end, and say so in another; elsewhere, wait for that."
    reached = Path(at + ".reached")
    if "ray" in sys.modules and (ray := sys.modules["ray"]).is_initialized():
        if ray.get_runtime_context().get_node_id() == Path(at).read_text():
            reached.touch()
            time.sleep(600)
        while not reached.exists():
            time.sleep(0.05)
    yield from qda(stream, features)


@merge
def picky(statistics: Statistics, *, over: str = "") -> Head:
    "Class means, but not of this class; stops as if by Ctrl-C while the file `over` is there."
    if over and Path(over).exists():
        raise KeyboardInterrupt
    if "7" in statistics.names:
        raise RuntimeError("seven is not\\nfor me")
    return means(statistics)


@merge
def dies(statistics: Statistics, *, until: str) -> Head:
    "Class means; takes the worker with it, as a lack of memory would, until the file `until` is there, which it makes."
    if multiprocessing.parent_process() is not None and not Path(until).exists():
        if Path(until).parent.is_dir():
            Path(until).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return means(statistics)
"""


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    """A file with plugins that a comparison may be given."""
    (tmp_path / "mine.py").write_text(PLUGIN)
    return str(tmp_path / "mine.py")


@pytest.fixture
def asked() -> Callable[..., ComparisonRecipe]:
    """The recipe of strategies on two tasks of two digits, two seeds, no joint reference, unless told otherwise."""

    def ask(*strategies: str, streams: tuple[str, ...] = ("digits",), **changes: Any) -> ComparisonRecipe:
        return ComparisonRecipe.spelled(streams, strategies, **{**SMALL, "seeds": [0, 1], "joint": False, **changes})

    return ask


@pytest.fixture
def begun(asked: Callable[..., ComparisonRecipe]) -> Callable[..., Comparison]:
    """A comparison that is prepared, its directory made."""

    def start(root: Path, *strategies: str, **changes: Any) -> Comparison:
        comparison = prepare_comparison(asked(*strategies, **changes))
        begin(comparison, root)
        return comparison

    return start


@pytest.fixture
def compare(begun: Callable[..., Comparison]) -> Callable[..., Outcome]:
    """A comparison, run in this process."""

    def whole(root: Path, *strategies: str, **changes: Any) -> Outcome:
        return run_comparison(begun(root, *strategies, **changes), root)

    return whole


@pytest.fixture
def scores() -> Callable[[Path], dict[str, Any]]:
    """All that the cells of a comparison have measured, but for what they cost, by their folder."""

    def read(root: Path) -> dict[str, Any]:
        found = {path.parent: json.loads(path.read_text()) for path in sorted((root / "cells").rglob("metrics.json"))}
        return {path.relative_to(root).as_posix(): {**of, "cost": None} for path, of in found.items()}

    return read
