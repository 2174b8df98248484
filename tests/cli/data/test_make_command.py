"""`cltool data make`: what it hands to a maker, and what it leaves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

MAKER = '''
from pathlib import Path
from cltool import maker
from cltool.progress import Progress

@maker
def mine(out: Path, videos: int, seconds: float, seed: int, progress: Progress, *, colour: str = "red") -> None:
    """Mine."""
    with progress.track("making films", videos) as advance:
        for number in range(videos):
            (out / f"{number}.txt").write_text(f"synthetic {seconds} {seed} {colour}")
            advance(1)
    if colour == "none":
        raise KeyboardInterrupt
'''


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    file = tmp_path / "mine.py"
    file.write_text(MAKER)
    return file


def test_a_maker_gets_what_was_asked_for(cltool: Callable, plugin: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    call = ("data", "make", "mine:colour=blue", "--videos", 2, "--seconds", 1.5, "--seed", 7, "--out", out)
    found = cltool(*call, "--plugin", plugin)
    assert found.code == 0, found.err
    assert sorted(path.name for path in out.iterdir()) == ["0.txt", "1.txt"]
    assert (out / "1.txt").read_text() == "synthetic 1.5 7 blue"
    assert found.out.splitlines() == [
        f"{out}: 2 synthetic films of 1.5 s, 2 files, 0.0 MB",
        f"next: cltool data check CORPUS --data-root {out}",
        f"next: cltool video extract --corpus CORPUS --data-root {out} --out STORE",
    ]


def test_json_alone_on_standard_output_and_a_folder_of_the_makers_name(
    cltool: Callable, plugin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = cltool("data", "make", "mine", "--videos", 1, "--plugin", plugin, "--json")
    told = json.loads(found.out)
    assert (told["maker"], told["videos"], told["files"], told["bytes"]) == ("mine", 1, 1, len("synthetic 6.0 0 red"))
    assert told["out"] == "mine"
    assert any((tmp_path / "mine").iterdir())


def test_an_interruption_leaves_nothing(cltool: Callable, plugin: Path, tmp_path: Path) -> None:
    found = cltool("data", "make", "mine:colour=none", "--out", tmp_path / "out", "--plugin", plugin)
    assert found.code == 130
    assert found.err.splitlines()[-1] == f"cltool: interrupted; {tmp_path / 'out'} is as it was"
    assert {path.name for path in tmp_path.iterdir()} <= {"mine.py", "cache", "__pycache__"}


def test_puppets_are_made_and_read_again(cltool: Callable, tmp_path: Path) -> None:
    out = tmp_path / "puppets"
    found = cltool("data", "make", "va-puppet:size=128", "--videos", 2, "--seconds", 1, "--out", out)
    assert found.code == 0, found.err
    check = next(line for line in found.out.splitlines() if "data check" in line).removeprefix("next: cltool ")
    told = json.loads(cltool(*check.split(), "--json").out)
    assert told["synthetic"]
    assert (told["missing"], told["notes"]) == ([], [])
    assert (told["all"]["films"], told["all"]["frames"], told["all"]["silent"]) == (2, 50, 0)
    assert told["all"]["labelled"] + told["all"]["unlabelled"] == 50
    assert all(film["subject"] for film in told["films"])
