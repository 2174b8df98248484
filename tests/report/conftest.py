"""Finished runs that several tests tell of: quick ones, of real digits on random features."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from cltool.recipe import Recipe
from cltool.report.runs import FinishedRun
from cltool.run import prepare, run
from cltool.rundir import RunDirectory


@pytest.fixture(scope="session")
def nine_runs(tmp_path_factory: pytest.TempPathFactory) -> list[FinishedRun]:
    """Three strategies over three class orders, with the joint reference: two merges, and one that learns by itself."""
    root = tmp_path_factory.mktemp("nine")
    methods = {"lda": {"merge": "lda"}, "ncm": {"merge": "ncm"}, "qda": {"strategy": "qda"}}
    shared = {"stream": "digits", "backbone": "random:features=24", "class_order": "random"}
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CLTOOL_CACHE", str(root / "cache"))
        for name, method in methods.items():
            for seed in range(3):
                recipe = Recipe.of({**shared, **method, "seed": seed})
                run(prepare(recipe), RunDirectory(root / f"{name}-{seed}"), pictures=False)
    return [FinishedRun.load(root / f"{name}-{seed}") for name in methods for seed in range(3)]


@pytest.fixture(scope="session")
def changed() -> Callable[..., list[FinishedRun]]:
    """Gives runs whose metrics are said to be otherwise."""

    def change(runs: Sequence[FinishedRun], **update: object) -> list[FinishedRun]:
        return [replace(one, metrics=one.metrics.model_copy(update=update)) for one in runs]

    return change


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes a run of real digits, once for all tests that ask for it."""
    root, found = tmp_path_factory.mktemp("runs"), dict[str, Path]()

    def place(**changes: object) -> Path:
        spelled = repr(sorted(changes.items()))
        if spelled not in found:
            found[spelled] = root / str(len(found))
            quick = {"stream": "digits", "backbone": "random:features=24", "head": "ridge", "joint": False}
            recipe = Recipe.of({**quick, "class_order": "random", **changes})
            with pytest.MonkeyPatch.context() as environment:
                environment.setenv("CLTOOL_CACHE", str(root / "cache"))
                run(prepare(recipe), RunDirectory(found[spelled]), pictures=False)
        return found[spelled]

    return place


@pytest.fixture
def make(kept: Callable[..., Path], tmp_path: Path) -> Callable[..., FinishedRun]:
    """Gives a folder `name` of a quick run whose recipe is changed so, to do with as one likes."""

    def made(name: str, **changes: object) -> FinishedRun:
        shutil.copytree(kept(**changes), tmp_path / name)
        return FinishedRun.load(tmp_path / name)

    return made
