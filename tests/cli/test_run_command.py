"""`cltool run` as a user sees it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

QUICK = ("run", "--stream", "digits", "--backbone", "random:features=32", "--head", "ridge")


def test_json_is_one_object_on_standard_output_and_nothing_else(cltool: Callable, tmp_path: Path) -> None:
    found = cltool(*QUICK, "--out", tmp_path / "run", "--json")
    assert found.code == 0
    assert json.loads(found.out) == json.loads((tmp_path / "run" / "metrics.json").read_text())


@pytest.mark.slow
def test_the_terminal_shows_table_curve_and_where_it_lies(cltool: Callable, tmp_path: Path) -> None:
    found = cltool(*QUICK, "--merge", "concat", "--out", tmp_path / "run")
    assert found.code == 0
    for words in ("task-aware", "10 classes █", "joint reference", "forgetting", "concat+head=ridge"):
        assert words in found.out
    assert str(tmp_path / "run") in found.out.replace("\n", "")


def test_without_out_a_run_gets_a_folder_of_its_own(cltool: Callable, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cltool(*QUICK, "--no-joint").code == 0
    (made,) = (tmp_path / "runs").iterdir()
    assert made.name.startswith("digits-alpha-")
    assert json.loads((made / "metrics.json").read_text())["joint"] is None


@pytest.mark.slow
def test_a_recipe_is_repeated_and_options_beside_it_win(cltool: Callable, tmp_path: Path) -> None:
    cltool(*QUICK, "--seed", 4, "--out", tmp_path / "one")
    cltool("run", tmp_path / "one" / "recipe.yaml", "--merge", "concat", "--out", tmp_path / "two")
    one, two = (json.loads((tmp_path / n / "metrics.json").read_text()) for n in ("one", "two"))
    assert (one["seed"], one["merge"]) == (4, "alpha")
    assert (two["seed"], two["merge"]) == (4, "concat")
    assert one["backbone"] == two["backbone"]


def test_class_order_comes_from_a_file(cltool: Callable, tmp_path: Path) -> None:
    order = tmp_path / "order.txt"
    order.write_text("7\n3\n9\n1\n")
    found = cltool(*QUICK, "--class-order", order, "--tasks", 2, "--out", tmp_path / "run", "--json")
    written = json.loads(found.out)
    assert [task["outputs"] for task in written["tasks"]] == [["7", "3"], ["9", "1"]]
    assert written["left_out"] == ["0", "2", "4", "5", "6", "8"]
    assert written["unknown"]["auroc"][-1] is not None  # what was left out is novel to the end


@pytest.mark.slow
def test_a_leaking_universal_says_so_in_every_output(cltool: Callable, tmp_path: Path) -> None:
    go = ("run", "--stream", "digits", "--head", "ridge", "--no-joint")
    found = cltool(*go, "--backbone", "universal:on=all,epochs=1", "--out", tmp_path / "run")
    assert "leaks" in found.out
    written = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert written["universal"] == {"on": "all", "leaks": True, "classes": 10}
    assert "leaks" in (tmp_path / "run" / "curves.svg").read_text()


@pytest.mark.slow
def test_surgery_of_a_recipe_can_be_taken_away_and_its_plugins_are_kept(cltool: Callable, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(
            f"from cltool import Head, merge, union\n\n\n@merge\ndef {name}(old: Head, new: Head) -> Head:\n"
            "    'Newest.'\n    return union(old, new, lambda n, a, b: b)\n"
        )
    call = (*QUICK, "--no-joint", "--plugin", tmp_path / "one.py", "--merge", "one", "--lift", "relu:dim=20")
    cltool(*call, "--surgery", "clahe:bits=8", "--surgery", "prune:quantile=.2@merged", "--out", tmp_path / "a")
    first = tmp_path / "a" / "recipe.yaml"
    kept = json.loads(cltool("run", first, "--plugin", tmp_path / "two.py", "--out", tmp_path / "b", "--json").out)
    assert kept["surgery"] == ["clahe:bits=8@merged", "prune:quantile=0.2@merged"]
    assert kept["lift"] == "relu:dim=20"
    away = ("run", first, "--surgery", "none", "--lift", "none", "--out", tmp_path / "c", "--json")
    without = json.loads(cltool(*away).out)
    assert (without["surgery"], without["lift"], without["merge"]) == ([], None, "one")


@pytest.mark.slow
def test_a_plugin_file_is_used_for_one_run_and_kept_in_its_recipe(cltool: Callable, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from cltool import Head, merge, union\n\n"
        "@merge\n"
        "def forgetful(old: Head, new: Head, *, keep: float = 0.0) -> Head:\n"
        '    """Old rows shrink."""\n'
        "    from dataclasses import replace\n"
        "    return union(replace(old, weight=old.weight * keep), new, lambda n, a, b: b)\n"
    )
    found = cltool(
        *QUICK, "--plugin", tmp_path / "mine.py", "--merge", "forgetful", "--out", tmp_path / "run", "--json"
    )
    assert found.code == 0, found.err
    assert json.loads(found.out)["matrix"][-1][0] < 0.5
    again = cltool("run", tmp_path / "run" / "recipe.yaml", "--out", tmp_path / "again", "--json")
    assert json.loads(again.out)["matrix"] == json.loads(found.out)["matrix"]


@pytest.mark.slow
def test_surgery_is_told_with_its_effect_and_a_no_op_is_called_one(cltool: Callable, tmp_path: Path) -> None:
    found = cltool(*QUICK, "--no-joint", "--surgery", "clahe", "--surgery", "prune:margin=9", "--out", tmp_path / "run")
    assert found.code == 0, found.err
    lines = found.out.splitlines()
    assert any(line.startswith("prune:margin=9.0@task (no-op)") for line in lines)
    (active,) = [line for line in lines if line.startswith("clahe@merged ")]
    assert "no-op" not in active
    assert "surgery.png" in found.out
    assert (tmp_path / "run" / "surgery.png").stat().st_size > 10_000


def test_a_failed_run_is_one_line_and_code_1_and_debug_shows_more(cltool: Callable, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from cltool import Head, merge\n\n"
        "@merge\n"
        "def breaks(old: Head, new: Head) -> Head:\n"
        '    """Break."""\n'
        "    raise ZeroDivisionError('on purpose')\n"
    )
    call = (*QUICK, "--plugin", tmp_path / "mine.py", "--merge", "breaks")
    found = cltool(*call, "--out", tmp_path / "a")
    assert found.code == 1
    assert found.err.splitlines() == ["cltool: ZeroDivisionError: on purpose (--debug shows where)"]
    assert "Traceback" in cltool(*call, "--out", tmp_path / "b", "--debug").err


@pytest.mark.slow
def test_the_bank_is_shown_and_pruned(cltool: Callable, tmp_path: Path) -> None:
    assert "empty" in cltool("data", "bank").out
    cltool(*QUICK, "--no-joint", "--out", tmp_path / "run")
    shown = json.loads(cltool("data", "bank", "--json").out)["backbones"]
    assert shown["random:features=32,size=8,seed=0"]["samples"] == 1797
    assert "1,797" in cltool("data", "bank").out
    assert "removed 0 files" in cltool("data", "bank", "--prune", "--older-than", 1).out
    assert "removed 20 files" in cltool("data", "bank", "--prune").out


def test_help_teaches(cltool: Callable) -> None:
    told = cltool("run", "--help").out
    for words in ("digits", "alpha", "softmax", "--resume", "Example"):
        assert words in told


@pytest.mark.slow
def test_taking_nothing_away_leaves_a_strategy_in_its_recipe(cltool: Callable, tmp_path: Path) -> None:
    quick = ("--backbone", "random:features=12", "--tasks", "2", "--classes-per-task", "2", "--no-joint")
    cltool("run", "--stream", "digits", "--strategy", "qda", *quick, "--out", tmp_path / "qda")
    found = cltool(
        "run",
        tmp_path / "qda" / "recipe.yaml",
        "--surgery",
        "none",
        "--lift",
        "none",
        "--json",
        "--out",
        tmp_path / "x",
    )
    assert json.loads(found.out)["strategy"] == "qda"
