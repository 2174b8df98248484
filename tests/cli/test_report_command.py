"""`cltool report` as a user sees it: any mixture of runs and comparisons."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cltool.recipe import Recipe
from cltool.run import prepare, run
from cltool.rundir import RunDirectory

QUICK = ("--stream", "digits", "--backbone", "random:features=24", "--tasks", 2, "--classes-per-task", 2, "--no-joint")


@pytest.mark.slow
def test_a_comparison_stands_for_its_runs_and_may_be_mixed_with_others(cltool: Callable, tmp_path: Path) -> None:
    cells = tmp_path / "cmp" / "cells"
    places = {cells / name / str(seed): (name, seed) for name in ("ncm", "lda") for seed in (0, 1)}
    quick = {"stream": "digits", "backbone": "random:features=24", "tasks": 2, "classes_per_task": 2, "joint": False}
    for out, (merge, seed) in places.items():
        recipe = Recipe.of({**quick, "merge": merge, "class_order": "random", "seed": seed})
        run(prepare(recipe), RunDirectory(out), pictures=False)
    done = cltool("run", *QUICK, "--merge", "ridge", "--class-order", "random", "--out", tmp_path / "one")
    assert done.code == 0, done.err
    assert "ridge" in (tmp_path / "one" / "report.html").read_text()
    found = cltool("report", tmp_path / "cmp", tmp_path / "one", "--out", tmp_path / "out", "--json")
    assert found.code == 0, found.err
    told = json.loads(found.out)["rows"]
    assert {(row["strategy"], row["runs"]) for row in told} == {("ncm", 2), ("lda", 2), ("ridge", 1)}
    assert [row["final"] for row in told] == sorted((row["final"] for row in told), reverse=True)
    page = (tmp_path / "out" / "report.html").read_text()
    assert all(f"recipe of {name}" in page for name in ("ncm", "lda", "ridge"))
    recipe = (cells / "ncm" / "0" / "recipe.yaml").read_text()
    assert recipe in html.unescape(page)
