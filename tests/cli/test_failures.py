"""Wrong calls: one line that says what is wrong and what to do, exit code 2, and nothing made."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

RUN = ("run", "--stream", "digits")
COMPARE = ("compare", "--stream", "digits", "--strategy", "concat")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run", "--stream", "digit"), "did you mean 'digits'"),
        ((*RUN, "--merge", "alpah"), "did you mean 'alpha'"),
        ((*RUN, "--backbone", "resnet81"), "did you mean 'resnet18'"),
        ((*RUN, "--strategy", "icral"), "did you mean 'avalanche:icarl'"),
        ((*RUN, "--strategy", "avalanche"), "there are: avalanche:agem"),
        (("run", "--stream", "hf:"), "stream 'hf' wants an option name; spell it hf:NAME"),
        ((*RUN, "--head", "sofmax"), "did you mean 'softmax'"),
        ((*RUN, "--unknown", "nois"), "did you mean 'noise'"),
        ((*RUN, "--merge", "alpha:alpha=1.5"), "alpha=1.5: Input should be less than or equal to 1"),
        ((*RUN, "--merge", "alpha:alpha=-0.1"), "greater than or equal to 0"),
        ((*RUN, "--merge", "alpha:alpha=half"), "alpha=half"),
        ((*RUN, "--merge", "alpha:beta=1"), "no option 'beta'; its options: alpha"),
        ((*RUN, "--merge", "alpha:0.7"), "spell it alpha:key=value"),
        ((*RUN, "--head", "softmax:epochs=0"), "epochs=0"),
        ((*RUN, "--surgery", "prun"), "did you mean 'prune'"),
        ((*RUN, "--surgery", "prune:margin=-1"), "margin=-1"),
        ((*RUN, "--surgery", "prune:relative=.1,quantile=.1"), "give one of relative, quantile"),
        ((*RUN, "--surgery", "prune@head"), "prune[:k=v,…]@task"),
        ((*RUN, "--surgery", "prune@task:margin=.1"), "a place comes last"),
        ((*RUN, "--surgery", "clahe:bits=12"), "bits=12"),
        ((*RUN, "--lift", "rleu"), "did you mean 'relu'"),
        ((*RUN, "--lift", "relu:dim=0"), "dim=0"),
        ((*RUN, "--tasks", "3"), "10 classes cannot be cut into 3 equal tasks; take --tasks 1, 2, 5, 10"),
        ((*RUN, "--tasks", "0"), "at least one task"),
        ((*RUN, "--tasks", "4", "--classes-per-task", "3"), "12 classes asked for; there are 10"),
        ((*RUN, "--tasks", "4", "--classes-per-task", "3,2"), "lists 2 tasks"),
        ((*RUN, "--classes-per-task", "two"), "give a number, or a list such as 3,2,2"),
        ((*RUN, "--classes-per-task", "0"), "at least one class"),
        ((*RUN, "--class-order", "alphabetical"), "give 'given', 'random' or a file"),
        ((*RUN, "--universal", "all", "--backbone", "random"), "give one of the two"),
        ((*RUN, "--universal", "some"), "Input should be 'first', 'all'"),
        ((*RUN, "--universal", "first", "--classes-per-task", "1"), "cannot be trained on 1 class"),
        ((*RUN, "--holdout", "1.5"), "holdout: Input should be less than 1"),
        ((*RUN, "--holdout", "0.001"), "'0' has 143 training pictures, too few to be cut"),
        ((*RUN, "--device", "gpu"), "device"),
        ((*RUN, "--device", "cuda"), "no GPU here"),
        ((*RUN, "--data-root", "nowhere"), "nowhere"),
        ((*RUN, "--plugin", "nowhere.py"), "no such Python file"),
        ((*RUN, "--backbone", "resnet18:weights=nowhere.pth"), "nowhere.pth: No such file"),
        ((*RUN, "--backbone", "resnet18:size=4"), "size=4"),
        ((*RUN, "--taks", "5"), "--taks"),
        ((*RUN, "--tasks", "five"), "'--tasks'"),
        (("run",), "--stream is missing; there are: afew-va, affwild"),
        (("run", "nowhere.yaml"), "recipe nowhere.yaml: No such file"),
        (("run", "--resume", "nowhere"), "no run to take up"),
        ((*RUN, "--strategy", "qad"), "did you mean 'qda'"),
        ((*RUN, "--strategy", "qda", "--merge", "alpha"), "leave out --merge"),
        ((*RUN, "--strategy", "qda", "--surgery", "prune"), "leave out --surgery"),
        ((*RUN, "--strategy", "concat+lfit=relu"), "there is no part 'lfit'; did you mean 'lift'"),
        ((*RUN, "--merge", "ncm", "--head", "ridge"), "merge 'ncm' asks for no head"),
        ((*RUN, "--merge", "ncm", "--unknown", "noise"), "merge 'ncm' asks for no head"),
        (("compare",), "--stream is missing; there are: afew-va, affwild"),
        (("compare", "--stream", "digits"), "--strategy is missing; there are: "),
        ((*COMPARE, "--strategy", "alhpa"), "there is no merge or strategy 'alhpa'; did you mean 'alpha'"),
        ((*COMPARE, "--strategy", "alpha:alpha=2"), "alpha=2"),
        ((*COMPARE, "--strategy", "concat"), "--strategy concat is given twice"),
        ((*COMPARE, "--strategy", "concat+unknown=none"), "is the same as --strategy concat"),
        ((*COMPARE, "--stream", "digits"), "--stream digits is given twice"),
        ((*COMPARE, "--seeds", "0"), "at least one"),
        ((*COMPARE, "--seeds", "-2"), "at least one"),
        ((*COMPARE, "--seeds", "0,1,0"), "0 stands twice"),
        ((*COMPARE, "--seeds", "few"), "give a number, or a list such as 0,3,7"),
        ((*COMPARE, "--tasks", "3"), "10 classes cannot be cut into 3 equal tasks"),
        ((*COMPARE, "--class-order", "order.txt"), "class_order"),
        ((*COMPARE, "--universal", "all", "--backbone", "random"), "give one of the two"),
        ((*COMPARE, "--backbone", "resnet18:weights=nowhere.pth"), "nowhere.pth: No such file"),
        ((*COMPARE, "--jobs", "0"), "--jobs 0: there must be at least one"),
        ((*COMPARE, "--engine", "spark"), "--engine spark: give local or ray"),
        ((*COMPARE, "--address", "127.0.0.1:6379"), "add --engine ray"),
        ((*COMPARE, "--train", "both"), "--train both: give head"),
        ((*COMPARE, "--train", "all"), "no --strategy here has an option train"),
        (("compare", "--resume", "nowhere"), "no comparison to take up"),
        (("compare", "--resume", "nowhere", "--jobs", "2"), "no comparison to take up"),
        (("compare", "--resume", "nowhere", "--train", "all"), "leave out --train"),
        (("compare", "--resume", "nowhere", "--seeds", "3"), "leave out --seeds"),
        (("compare", "--resume", "nowhere", "--out", "x"), "leave out --out"),
        (("data", "bank", "--older-than", "3"), "needs --prune"),
        (("report", "nowhere"), "nowhere: there is no run"),
        (("report",), "Missing argument"),
        (("plugins", "list", "merges"), "there is no kind 'merges'; did you mean 'merge'?"),
        (("plugins", "show", "alhpa"), "there is no plugin 'alhpa'; did you mean 'alpha'?"),
        (("plugins", "show", "merge.softmax"), "there is no merge 'softmax'"),
        (("plugins", "check", "alpha:bogus=1"), "no option 'bogus'"),
        (("plugins", "new", "merge", "test-mine"), "pytest takes 'test_mine' for a test"),
        (("plugins", "new", "surgery", "conftest"), "choose another name"),
        (("plugins", "new", "merge", "plugins", "--package"), "there is a package cltool_plugins already"),
        (("plugins", "check"), "name a plugin or a file, or give --all"),
        (("plugins", "check", "alpha", "--all"), "name a plugin or a file, or give --all"),
        (("plugins", "check", "nowhere.py"), "nowhere.py: no such Python file"),
        (("plugins", "new", "merg", "mine"), "did you mean 'merge'"),
        (("plugins", "new", "merge", "not a name"), "not a name"),
        (("plugins", "new", "merge", "class"), "class"),
    ],
)
def test_wrong_calls(
    cltool: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if "cuda" in arguments:
        import torch

        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = cltool(*arguments)
    assert found.code == 2
    assert told in found.err
    assert len(found.err.splitlines()) == 1, found.err
    assert found.out == ""
    assert {path.name for path in tmp_path.iterdir()} <= {"cache"}


def assert_told(found: object, *words: str) -> None:
    assert found.code == 2, found.err  # type: ignore[attr-defined]
    assert len(found.err.splitlines()) == 1, found.err  # type: ignore[attr-defined]
    for word in words:
        assert word in found.err  # type: ignore[attr-defined]


def test_an_output_that_is_not_empty_is_left_alone(cltool: Callable, tmp_path: Path) -> None:
    kept = tmp_path / "out" / "precious.txt"
    kept.parent.mkdir()
    kept.write_text("mine")
    assert_told(cltool(*RUN, "--out", kept.parent), "is not empty", "--resume")
    assert [path.name for path in kept.parent.iterdir()] == ["precious.txt"]


def test_a_comparison_does_not_write_into_what_is_there(cltool: Callable, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious.txt").write_text("mine")
    assert_told(cltool(*COMPARE, "--out", tmp_path / "out"), "is not empty", "--resume")
    (tmp_path / "out" / "comparison.yaml").write_text("streams: {}\n")
    assert_told(cltool("compare", "--resume", tmp_path / "out"), "comparison.yaml, streams")


def test_an_output_below_a_file_cannot_be_made(cltool: Callable, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert_told(cltool(*RUN, "--out", tmp_path / "file" / "run"), "no folder one can write to")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_output_in_a_locked_folder_cannot_be_made(cltool: Callable, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    assert_told(cltool(*RUN, "--out", locked / "run"), "no folder one can write to")


def test_resume_takes_no_other_recipe(cltool: Callable, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("stream: digits\n")
    assert_told(cltool("run", "--resume", tmp_path, "--merge", "concat"), "leave out merge")
    assert_told(cltool("run", "--resume", tmp_path, "--out", tmp_path / "x"), "leave out out")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("stream: [", "is no YAML"),
        ("- digits", "holds no keys"),
        ("stream: digits\nmerges: alpha", "merges"),
        ("stream: digits\nseed: x", "seed"),
    ],
)
def test_a_recipe_that_is_wrong_says_where(cltool: Callable, tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "r.yaml").write_text(text)
    assert_told(cltool("run", tmp_path / "r.yaml", "--out", tmp_path / "out"), "r.yaml", told)
    assert not (tmp_path / "out").exists()


def test_a_class_order_names_classes_that_are_there_once(cltool: Callable, tmp_path: Path) -> None:
    order = tmp_path / "order.txt"
    order.write_text("3\n1\n11\n")
    assert_told(cltool(*RUN, "--class-order", order), "no class '11'")
    order.write_text("3\n1\n3\n")
    assert_told(cltool(*RUN, "--class-order", order), "'3' stands twice")


def test_a_picture_that_cannot_be_read_is_named_before_any_work(cltool: Callable, tmp_path: Path) -> None:
    from PIL import Image

    for split in ("train", "val"):
        for name in ("cat", "dog"):
            folder = tmp_path / "data" / split / name
            folder.mkdir(parents=True)
            for i in range(3):
                Image.effect_noise((32, 32), 60).save(folder / f"{i}.jpg")
    broken = tmp_path / "data" / "train" / "dog" / "2.jpg"
    broken.write_bytes(broken.read_bytes()[:-100])
    call = (
        "run",
        "--stream",
        "folder",
        "--data-root",
        tmp_path / "data",
        "--tasks",
        2,
        "--backbone",
        "random",
    )
    assert_told(cltool(*call, "--out", tmp_path / "out"), str(broken))
    assert not (tmp_path / "out").exists()


def test_weights_that_do_not_fit_say_which(cltool: Callable, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"conv1.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "w.safetensors")
    (tmp_path / "w.pth").write_bytes(b"no pickle")
    torch.save({"epoch": 3}, tmp_path / "e.pth")
    for file, told in (
        ("w.safetensors", "do not fit resnet18: the file lacks"),
        ("w.pth", "is neither a .safetensors"),
    ):
        found = cltool(*RUN, "--backbone", f"resnet18:weights={tmp_path / file}", "--out", tmp_path / "out")
        assert_told(found, told)
    assert_told(cltool(*RUN, "--backbone", f"resnet18:weights={tmp_path / 'e.pth'}"), "no state dict")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("import nothing_there\n", "No module named 'nothing_there'"),
        ("x = 1\n", "no decorated plugin"),
        ("from cltool import merge\n@merge\ndef m(a, b):\n    pass\n", "'a' is no input of a merge"),
        (
            "from cltool import merge, Head\n@merge\ndef m(old: int):\n    pass\n",
            "'old' must be annotated Head",
        ),
        ("from cltool import merge\n@merge\ndef m(*, x: object()):\n    pass\n", "unknown annotation"),
        ("from cltool import merge\n@merge\ndef m(*, x=1):\n    pass\n", "'x' has no annotation"),
        ("from cltool import merge\n@merge(colour=1)\ndef m():\n    pass\n", "not colour"),
        (
            "from cltool import Head, merge\n@merge\ndef alpha(old: Head, new: Head) -> Head:\n    return new\n",
            "merge 'alpha' comes from",
        ),
    ],
)
def test_a_broken_plugin_file_says_why(cltool: Callable, tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "mine.py").write_text(content)
    assert_told(cltool(*RUN, "--plugin", tmp_path / "mine.py", "--out", tmp_path / "out"), told)
    assert not (tmp_path / "out").exists()


def test_a_call_without_films_is_told_before_torch_is_there() -> None:
    program = (
        "import sys\n"
        "from cltool.cli import main\n"
        "sys.argv = ['cltool', 'video', 'extract']\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    print('torch' in sys.modules)\n"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (2, "False\n")
    assert found.stderr.startswith("cltool: give films, or a data set")


def test_a_comparison_without_a_finished_run_is_no_report(cltool: Callable, tmp_path: Path) -> None:
    (tmp_path / "cmp" / "cells" / "alpha" / "0").mkdir(parents=True)
    found = cltool("report", tmp_path / "cmp", "--out", tmp_path / "out")
    assert found.code == 2
    assert f"no run of that comparison is finished; cltool compare --resume {tmp_path / 'cmp'}" in found.err
    assert not (tmp_path / "out").exists()
