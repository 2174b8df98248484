"""All that a report leaves: its files, their numbers, and what stands where."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import pytest
from PIL import Image

from cltool.report.published import TASK_INCREMENTAL
from cltool.report.runs import FinishedRun, grouped, in_order
from cltool.report.summary import summary
from cltool.report.tables import rows
from cltool.report.tradeoffs import floor, task_aware_final
from cltool.report.written import write_report


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_files_hold_every_strategy_and_unrounded_numbers(nine_runs: list[FinishedRun], tmp_path: Path) -> None:
    paths = write_report(nine_runs, tmp_path)
    assert sorted(paths) == sorted(tmp_path.iterdir())
    table, cells = read(tmp_path / "table.csv"), read(tmp_path / "cells.csv")
    assert [float(cell["accuracy_final"]) for cell in cells] == [run.metrics.accuracy_final for run in nine_runs]
    by_name = {row["strategy"]: row for row in table}
    for name in ("lda", "ncm", "qda"):
        finals = [run.metrics.accuracy_final for run in nine_runs if run.metrics.strategy == name]
        assert float(by_name[name]["accuracy_final"]) == pytest.approx(fmean(finals), abs=1e-15)
    grown = sum(nine_runs[0].metrics.cost.parameters_per_task or ())
    assert float(by_name["lda"]["parameters_grown"]) == grown > 0
    assert float(by_name["lda"]["samples_kept"]) == 0
    for name in ("curves", "tradeoffs"):
        drawn = (tmp_path / f"{name}.svg").read_text()
        assert all(strategy in drawn for strategy in ("lda", "ncm", "qda"))
        assert Image.open(tmp_path / f"{name}.png").size[0] > 800
    published = (tmp_path / "tradeoffs.svg").read_text()
    assert all(one.name in published for one in TASK_INCREMENTAL)
    assert "nother protocol" in published


@pytest.mark.slow
def test_what_is_not_ranked_stands_below(nine_runs: list[FinishedRun], changed: Callable) -> None:
    lda, ncm, qda = nine_runs[:3], nine_runs[3:6], nine_runs[6:]
    best = in_order(grouped(nine_runs))[0].label
    assert best != "ncm"
    runs = [*changed(lda, task_aware=True), *ncm, *changed(qda, keeps_all=True)]
    table = rows(grouped(runs))
    assert [row["strategy"] for row in table] == ["ncm", "qda (keeps all data)", "lda (task-aware)", "joint"]
    assert [row["ranked"] for row in table] == [True, False, False, False]
    told = summary(changed(lda, task_aware=True), lda[0].path.parent)["strategies"]
    assert [(one["task_aware"], one["keeps_all"]) for one in told] == [(True, False)]


@pytest.mark.slow
def test_summary_tells_pairs(nine_runs: list[FinishedRun]) -> None:
    told = summary(nine_runs, nine_runs[0].path.parent)
    assert {frozenset((pair["a"], pair["b"])) for pair in told["paired"]} == {
        frozenset(names) for names in (("lda", "ncm"), ("lda", "qda"), ("ncm", "qda"))
    }
    assert set(told["paired"][0]) == {"stream", "a", "b", "n", "difference", "low", "high", "p", "p_holm"}
    assert json.loads(json.dumps(told)) == told
    assert told["strategies"][0]["parameters_grown"]["n"] == 3


@pytest.mark.slow
def test_several_streams_have_a_panel_each(nine_runs: list[FinishedRun], changed: Callable, tmp_path: Path) -> None:
    values = {"score": "ccc", "stream": "va", "by_class": None, "joint": None, "gap_to_joint": None, "unknown": None}
    write_report([*nine_runs[3:], *changed(nine_runs[:2], **values)], tmp_path)
    drawn = (tmp_path / "curves.svg").read_text()
    assert "accuracy on all classes seen" in drawn
    assert "CCC on all groups seen" in drawn
    assert {row["stream"] for row in read(tmp_path / "table.csv")} == {"digits", "va"}


@pytest.mark.slow
def test_zero_has_a_place_on_a_logarithmic_axis(
    nine_runs: list[FinishedRun], changed: Callable, tmp_path: Path
) -> None:
    cost = nine_runs[0].metrics.cost
    nothing = changed(nine_runs[:1], cost=cost.model_copy(update={"bytes_kept": 0, "parameters_total": None}))
    untold = changed(nine_runs[3:4], cost=cost.model_copy(update={"bytes_kept": None, "samples_kept": None}))
    write_report([*nothing, *untold, *nine_runs[6:]], tmp_path)
    assert ">0<" in (tmp_path / "tradeoffs.svg").read_text().replace("\n", "").replace(" ", "")
    assert floor([0.0, 30.0]) == 1.0


@pytest.mark.slow
def test_the_task_told_is_no_score_of_values_or_of_one_task(nine_runs: list[FinishedRun]) -> None:
    metrics = nine_runs[0].metrics
    last = [value for value in metrics.matrix_task_aware[-1] if value is not None]
    assert task_aware_final(metrics) == pytest.approx(fmean(last))
    assert task_aware_final(metrics.model_copy(update={"score": "ccc"})) is None
    assert task_aware_final(metrics.model_copy(update={"matrix_task_aware": [[1.0]]})) is None
