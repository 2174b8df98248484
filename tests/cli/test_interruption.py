"""Ctrl-C: one line on standard error that says what can be done now, and exit code 130."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

AGAIN = "cltool: interrupted; take it up again with --resume and its folder"

# A shell that starts the tests in the background has its children pass over SIGINT.
CHILD = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from cltool.cli import main
main()
"""


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """Plugins that take a minute to load, and make a file `begun` beside theirs before."""
    file = tmp_path / "slow.py"
    file.write_text(
        "import time\nfrom pathlib import Path\nPath(__file__).with_name('begun').touch()\ntime.sleep(60)\n"
    )
    return file


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "told"),
    [
        (("data", "check", "va-puppet", "--data-root", "."), "cltool: interrupted"),
        (("video", "extract", "--corpus", "va-puppet", "--data-root", ".", "--out", "store"), AGAIN),
    ],
)
def test_a_signal_ends_a_call_with_a_line(call: tuple[str, ...], told: str, slow: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, *call, "--plugin", slow],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        while not (tmp_path / "begun").exists():
            assert running.poll() is None
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate()
    assert (running.returncode, out, err.splitlines()) == (130, "", [told])


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (("run", "--stream", "digits"), AGAIN),
        (("compare", "--stream", "digits", "--strategy", "concat"), AGAIN),
        (("universal", "train", "--stream", "digits"), AGAIN),
        (("video", "extract", "--corpus", "va-puppet", "--data-root", ".", "--out", "store"), AGAIN),
        (("data", "check", "va-puppet", "--data-root", "."), "cltool: interrupted"),
        (("data", "make", "va-puppet"), "cltool: interrupted"),
    ],
)
def test_what_can_be_taken_up_is_told_to(
    call: tuple[str, ...], told: str, cltool: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("stop.py").write_text("raise KeyboardInterrupt")
    found = cltool(*call, "--plugin", "stop.py")
    assert (found.code, found.out, found.err.splitlines()) == (130, "", [told])


def test_a_command_that_tells_more_says_it_alone(cltool: Callable, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from pathlib import Path\n"
        "from cltool import maker\n"
        "from cltool.progress import Progress\n"
        "@maker\n"
        "def mine(out: Path, videos: int, seconds: float, seed: int, progress: Progress) -> None:\n"
        "    '''Be interrupted.'''\n"
        "    raise KeyboardInterrupt\n"
    )
    found = cltool("data", "make", "mine", "--out", tmp_path / "out", "--plugin", tmp_path / "mine.py")
    assert found.code == 130
    assert found.err.splitlines() == [f"cltool: interrupted; {tmp_path / 'out'} is as it was"]


@pytest.mark.slow
def test_a_comparison_that_is_interrupted_stops_its_workers_and_tells_how_far_it_came(tmp_path: Path) -> None:
    (tmp_path / "waits.py").write_text(
        "import os, time\nfrom collections.abc import Callable\nfrom pathlib import Path\n"
        "from cltool import TaskStream, strategy\nfrom cltool_plugins.strategies.qda import qda\n\n\n"
        "@strategy\ndef waits(stream: TaskStream, features: Callable):\n    'Wait for a minute.'\n"
        "    here = Path(__file__).parent\n    (here / 'begun').write_text(str(os.getpid()))\n"
        "    time.sleep(60)\n    yield from qda(stream, features)\n"
    )
    shared = ("--stream", "digits", "--backbone", "random:features=12", "--tasks", "2", "--classes-per-task", "2")
    chosen = ("--strategy", "ncm", "--strategy", "waits", "--plugin", "waits.py", "--seeds", "1", "--no-joint")
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, "compare", *shared, *chosen, "--jobs", "2", "--out", "cmp"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as running:
        wanted = (tmp_path / "begun", tmp_path / "cmp" / "cells" / "ncm" / "0" / "metrics.json")
        while not all(path.exists() for path in wanted):
            assert running.poll() is None
            time.sleep(0.05)
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to all of them
        out, err = running.communicate()
    told = "cltool: interrupted; 1 of 2 cells finished; cltool compare --resume cmp goes on"
    assert (running.returncode, err.splitlines()[-1]) == (130, told)
    assert "Traceback" not in err
    assert "ncm" in out
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "begun").read_text()), 0)
    left = json.loads((tmp_path / "cmp" / "comparison.json").read_text())
    assert [cell["strategy"] for cell in left["missing"]] == ["waits"]
    assert "ncm" in (tmp_path / "cmp" / "table.md").read_text()
    assert (tmp_path / "cmp" / "report.html").is_file()
