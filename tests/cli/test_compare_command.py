"""`cltool compare` as a user sees it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

QUICK = ("compare", "--stream", "digits", "--backbone", "random:features=24", "--tasks", 2, "--classes-per-task", 2)
TWO = ("--strategy", "concat+head=ridge", "--strategy", "ncm", "--seeds", 2)
HERE = ("--jobs", 1)  # which every test takes but one: processes take longer to start than these cells


@pytest.mark.slow
def test_it_leaves_numbers_table_and_curves_and_prints_them(
    cltool: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cltool.cli import console

    found = cltool(*QUICK, *TWO, *HERE, "--out", tmp_path / "cmp")
    assert found.code == 0, found.err
    names = {path.name for path in (tmp_path / "cmp").iterdir()}
    pictures = {f"{stem}.{suffix}" for stem in ("curves", "tradeoffs") for suffix in ("png", "svg")}
    written = {"table.md", "table.csv", "cells.csv", "report.html", *pictures}
    assert names == {"comparison.yaml", "comparison.json", "cells", "joint", *written}
    for words in ("concat+head=ridge", "ncm", "joint", "95 %", "bytes", "4 runs in cells/"):
        assert words in found.out
    table = (tmp_path / "cmp" / "table.md").read_text()
    assert "| strategy | runs | final accuracy | 95 % interval |" in table
    assert "| joint | 2 |" in table
    drawn = (tmp_path / "cmp" / "curves.svg").read_text()
    assert all(words in drawn for words in ("concat+head=ridge", "ncm", "joint reference"))
    reported = cltool("report", *sorted((tmp_path / "cmp" / "cells").glob("*/*")), "--out", tmp_path / "report")
    assert reported.code == 0
    assert (tmp_path / "report" / "table.md").read_text() == table
    monkeypatch.setattr(console.results, "_width", 200)
    (tmp_path / "cmp" / "report.html").unlink()
    again = cltool("compare", "--resume", tmp_path / "cmp", *HERE)
    assert again.code == 0, again.err
    assert all(
        words in again.out for words in ("average", " ± ", "parameters grown")
    )  # a wide terminal has more columns
    assert (tmp_path / "cmp" / "report.html").is_file()


@pytest.mark.slow
def test_a_comparison_is_taken_up_where_a_cell_is_missing(cltool: Callable, tmp_path: Path) -> None:
    import shutil

    cltool(*QUICK, *TWO, *HERE, "--no-joint", "--out", tmp_path / "cmp")
    shutil.rmtree(tmp_path / "cmp" / "cells" / "ncm" / "0")
    found = cltool("compare", "--resume", tmp_path / "cmp", *HERE, "--json")
    assert found.code == 0, found.err
    told = json.loads(found.out)
    assert told == json.loads((tmp_path / "cmp" / "comparison.json").read_text())
    assert told["complete"]
    assert [[cell["seed"] for cell in entry["cells"]] for entry in told["strategies"]] == [[0, 1], [0, 1]]
    assert (tmp_path / "cmp" / "cells" / "ncm" / "0" / "metrics.json").is_file()


@pytest.mark.slow
def test_a_failed_cell_is_named_and_the_code_is_1(cltool: Callable, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from cltool import Head, merge\n\n\n@merge\ndef breaks(old: Head, new: Head) -> Head:\n"
        "    'Break.'\n    raise ZeroDivisionError('on purpose')\n"
    )
    call = (*QUICK, *TWO, "--strategy", "breaks", "--plugin", tmp_path / "mine.py", "--no-joint", *HERE)
    found = cltool(*call, "--out", tmp_path / "cmp", "--json")
    assert found.code == 1
    lines = found.err.splitlines()
    assert "ZeroDivisionError: on purpose" in found.err
    assert lines[-1] == f"cltool: 2 of 6 cells failed; cltool compare --resume {tmp_path / 'cmp'} tries them again"
    told = json.loads(found.out)
    assert [cell["path"] for cell in told["failed"]] == ["cells/breaks/0", "cells/breaks/1"]
    assert [len(entry["cells"]) for entry in told["strategies"]] == [2, 2]
    assert "Traceback" in cltool("compare", "--resume", tmp_path / "cmp", *HERE, "--debug").err


@pytest.mark.slow
def test_a_leaking_universal_is_said_everywhere(cltool: Callable, tmp_path: Path) -> None:
    go = ("compare", "--stream", "digits", "--tasks", 1, "--classes-per-task", 2, "--strategy", "ncm", "--seeds", 1)
    found = cltool(*go, "--no-joint", *HERE, "--backbone", "universal:on=all,epochs=1", "--out", tmp_path / "cmp")
    assert found.code == 0, found.err
    assert "leaks" in found.out
    assert json.loads((tmp_path / "cmp" / "comparison.json").read_text())["streams"][0]["universal"]["leaks"] is True
    assert all("leaks" in (tmp_path / "cmp" / name).read_text() for name in ("table.md", "curves.svg"))


@pytest.mark.slow
def test_a_comparison_that_is_at_work_is_left_alone(cltool: Callable, tmp_path: Path) -> None:
    from cltool.files import alone

    call = (*QUICK, "--strategy", "ncm", "--no-joint", "--seeds", 1, *HERE)
    assert cltool(*call, "--out", tmp_path / "cmp").code == 0
    with alone(tmp_path / "cmp" / "comparison.yaml", "here"):
        found = cltool("compare", "--resume", tmp_path / "cmp", *HERE)
    told = f"cltool: another cltool compare is at work in {tmp_path / 'cmp'}; wait until it is done, or stop it"
    assert (found.code, found.out, found.err.splitlines()) == (2, "", [told])


def test_threads_that_have_nothing_to_do_sleep(cltool: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    assert cltool(*QUICK, "--strategy", "ncm", "--jobs", 0).code == 2
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"


def test_help_teaches(cltool: Callable) -> None:
    told = cltool("compare", "--help").out
    for words in ("What to compare", "--seeds", "--resume", "cltool compare --stream digits", "95 %", "qda", "--jobs"):
        assert words in told
    assert "costs about what its strategy costs" in " ".join(told.split())


@pytest.mark.slow
def test_a_strategy_is_told_what_to_train(cltool: Callable, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from collections.abc import Callable\nfrom cltool import TaskStream, strategy\n"
        "from cltool_plugins.strategies.qda import qda\n\n\n@strategy\n"
        "def both(stream: TaskStream, features: Callable, *, train: str = 'head'):\n"
        "    'Either.'\n    yield from qda(stream, features)\n"
    )
    call = (*QUICK, "--strategy", "both", "--strategy", "ncm", "--plugin", tmp_path / "mine.py", "--seeds", 1)
    found = cltool(*call, "--train", "all", "--no-joint", *HERE, "--out", tmp_path / "cmp", "--json")
    assert found.code == 0, found.err
    assert [entry["strategy"] for entry in json.loads(found.out)["strategies"]] == ["both:train=all", "ncm"]


def test_a_log_is_told_of_its_own_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from itertools import count

    from cltool.cli import console

    monkeypatch.setattr(console.time, "monotonic", count(step=31).__next__)
    screen = console.Screen()
    with screen.track("cells", 3) as advance, screen.track("ncm, seed 0", 1):
        advance(2)
    assert capsys.readouterr().err == "cells: 2 of 3\n"
