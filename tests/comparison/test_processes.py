"""Cells side by side in processes of this machine."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from cltool.comparison.cells import CellJob
from cltool.comparison.grounds import lay_grounds
from cltool.comparison.outcome import Outcome
from cltool.comparison.processes import Processes, _serve
from cltool.comparison.running import run_comparison
from cltool.comparison.work import Heard
from cltool.files import slug
from cltool.progress import Silent
from cltool.run import run
from cltool.rundir import RunDirectory


@pytest.mark.slow
def test_two_at_a_time_measure_what_one_after_another_does_though_a_worker_dies(
    compare: Callable, begun: Callable, scores: Callable, plugin: str, tmp_path: Path
) -> None:
    dies, log = f"dies:until={tmp_path / 'dead'}", tmp_path / "log.txt"
    strategies = (dies, "concat+lift=relu:dim=20", f"counted:log={log}", "looks")
    changes = {"joint": True, "plugins": [plugin]}
    compare(tmp_path / "one", *strategies, **changes)
    assert not (tmp_path / "dead").exists()
    comparison = begun(tmp_path / "two", *strategies, **changes)
    half = next(cell for cell in comparison.cells() if cell.strategy.startswith("counted"))

    def stop(step: dict) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(comparison.setup(half), RunDirectory(tmp_path / "two" / "cells" / half.place), watch=stop)
    missing: list[int] = []

    def watch(outcome: Outcome) -> None:
        missing.append(len(json.loads((tmp_path / "two" / "comparison.json").read_text())["missing"]))

    heard = Heard()
    engine = Processes(comparison, tmp_path / "two", 2)
    outcome = run_comparison(comparison, tmp_path / "two", engine=engine, progress=heard, watch=watch)
    assert not outcome.failed
    assert missing == [8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert len(scores(tmp_path / "one")) == 8
    assert scores(tmp_path / "two") == scores(tmp_path / "one")
    for path in (tmp_path / "one" / "joint").rglob("*.json"):
        twin = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert json.loads(twin.read_text())["steps"] == json.loads(path.read_text())["steps"]
    places = [f"worker of cells/{slug(dies)}/{seed} died; it is started again" for seed in (0, 1)]
    assert any(place in heard.lines for place in places)
    assert any("cannot be taken up in the middle" in line for line in heard.lines)  # what a worker had to say


def start_a_worker(line: Connection) -> None:
    multiprocessing.get_context("fork").Process(target=_serve, args=(line, None, None, 1)).start()
    line.send("started")
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_ends_with_whoever_started_it_however_that_ends() -> None:
    fork = multiprocessing.get_context("fork")  # quicker than a start from nothing
    ours, theirs = fork.Pipe()
    starter = fork.Process(target=start_a_worker, args=(theirs,))
    starter.start()
    theirs.close()
    assert ours.recv() == "started"
    starter.join()
    assert ours.poll(30)  # the line's end: nobody is there
    with pytest.raises(EOFError):
        ours.recv()


def test_a_worker_is_started_deaf_to_ctrl_c(begun: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    comparison = begun(tmp_path / "cmp", "ncm", seeds=[0])
    (cell,) = comparison.cells()
    engine, blocked = Processes(comparison, tmp_path / "cmp", 1), []

    class Started:
        def start(self) -> None:
            blocked.append(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))

        def __getattr__(self, name: str) -> Any:
            return lambda *_: False

    monkeypatch.setattr(engine._context, "Process", lambda **_: Started(), raising=False)
    with pytest.raises(BrokenPipeError):  # of a worker that there is not
        engine.start(CellJob(cell, None), [], lay_grounds(comparison, [cell], Silent())[cell.ground])
    assert blocked == [True, True]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    engine.close()
