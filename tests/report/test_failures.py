"""Wrong input of a report: one line that says what is wrong, and nothing written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cltool.errors import CallError
from cltool.report.runs import FinishedRun


@pytest.mark.slow
def test_wrong_calls_write_nothing(cltool: Callable, make: Callable[..., FinishedRun], tmp_path: Path) -> None:
    path, out = make("a", merge="concat").path, tmp_path / "out"
    assert "none of these runs" in cltool("report", path, "--against", "margin", "--out", out).err
    assert "there is no run" in cltool("report", path, tmp_path / "nowhere", "--out", out).err
    assert "is not empty" in cltool("report", path, "--out", path).err
    assert "is given twice" in cltool("report", path, path).err
    (tmp_path / "empty" / "cells" / "ncm" / "0").mkdir(parents=True)
    found = cltool("report", tmp_path / "empty", "--out", out)
    assert (found.code, found.err.count("\n")) == (2, 1)
    assert "no run of that comparison is finished; cltool compare --resume" in found.err
    assert not out.exists()
    (path / "metrics.json").write_text('{"schema": 2}')
    with pytest.raises(CallError, match=r"metrics\.json, schema"):
        FinishedRun.load(path)
    (path / "metrics.json").unlink()
    with pytest.raises(CallError, match="not finished; cltool run --resume"):
        FinishedRun.load(path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"tasks": []}, "matrix has not a number for each task"),
        ({"curve": [0.5]}, "curve has not a number for each task"),
        ({"curve": [float("nan")] * 5}, "curve has not a number for each task"),
        ({"by_class": {"0": []}}, "by_class has not a number for each task"),
        ({"accuracy_final": None}, r"metrics\.json, accuracy_final: Input should be a valid number"),
    ],
)
def test_metrics_that_contradict_themselves_are_damaged(
    make: Callable[..., FinishedRun], change: dict[str, object], told: str
) -> None:
    path = make("a", merge="concat").path
    content = json.loads((path / "metrics.json").read_text())
    (path / "metrics.json").write_text(json.dumps(content | change))
    with pytest.raises(CallError, match=told):
        FinishedRun.load(path)
