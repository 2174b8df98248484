"""What the first screen says: sentences from numbers."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import pytest

from cltool.report.runs import FinishedRun, grouped, in_order
from cltool.report.webpage.advice import Advice, commands


def said(runs: list[FinishedRun]) -> str:
    return " ".join(Advice.of(runs).sentences())


def finals(runs: list[FinishedRun], changed: Callable, *values: float) -> list[FinishedRun]:
    return [one for run, value in zip(runs, values, strict=True) for one in changed([run], accuracy_final=value)]


@pytest.mark.slow
def test_the_best_is_named_with_what_is_as_good_and_cheapest(nine_runs: list[FinishedRun], changed: Callable) -> None:
    lda = finals(nine_runs[:3], changed, 0.9, 0.91, 0.92)
    ncm = finals(nine_runs[3:6], changed, 0.5, 0.51, 0.521)
    qda = finals(nine_runs[6:], changed, 0.89, 0.915, 0.91)
    text = said([*ncm, *qda, *lda])
    assert "Use <strong>lda</strong>: it ends at 0.910 accuracy (3 seeds, 95 % interval" in text
    assert "the highest of the 3 strategies" in text
    assert (
        "Not distinguishable from it (p ≥ .05; paired t tests over seeds, Holm’s correction): <strong>qda</strong>"
        in text
    )
    assert "<strong>ncm</strong>" not in text
    kept = lda[0].metrics.cost.bytes_kept
    assert kept
    assert kept < (qda[0].metrics.cost.bytes_kept or 0)
    assert f"<strong>lda</strong> keeps the least ({kept / 1000:.3g} kB)" in text
    assert f"({kept / 10_000:.3g} kB a class)" in text or f"({kept / 10:.0f} B a class)" in text
    assert f"forgets {sum(r.metrics.forgetting_chaudhry for r in lda) / 3:.3f} accuracy" in text


@pytest.mark.slow
def test_one_seed_is_no_test_and_one_strategy_no_choice(nine_runs: list[FinishedRun]) -> None:
    assert "cannot be tested" in said([nine_runs[0], nine_runs[3]])
    alone = said(nine_runs[:1])
    assert alone.startswith("<strong>lda</strong> ends at")
    assert "one seed" in alone
    assert "Use" not in alone


@pytest.mark.slow
def test_what_is_not_ranked_is_never_advised(nine_runs: list[FinishedRun], changed: Callable) -> None:
    best = in_order(grouped(nine_runs))[0].label
    aside = changed([run for run in nine_runs if run.metrics.strategy == best], keeps_all=True)
    text = said([*aside, *(run for run in nine_runs if run.metrics.strategy != best)])
    assert f"Use <strong>{best}" not in text
    assert f"Not ranked with the others: <strong>{best} (keeps all data)</strong>." in text


@pytest.mark.slow
def test_values_and_runs_that_tell_little_are_advised_on(nine_runs: list[FinishedRun], changed: Callable) -> None:
    cost = nine_runs[0].metrics.cost.model_copy(update={"bytes_kept": None, "parameters_per_task": None})
    little = {"score": "ccc", "joint": None, "gap_to_joint": None, "unknown": None, "by_class": None, "cost": cost}
    text = said([*changed(nine_runs[:3], **little), *changed(nine_runs[3:6], **little)])
    assert "CCC" in text
    assert "accuracy" not in text
    assert "keeps" not in text
    assert len(commands(changed(nine_runs[:1], **little)[0])) == 1  # no folder of pictures has values


@pytest.mark.slow
def test_the_commands_are_calls_that_can_be_made(
    nine_runs: list[FinishedRun], cltool: Callable, tmp_path: pytest.TempPathFactory
) -> None:
    own, here = (command for _, command in commands(nine_runs[0]))
    assert "MY-PICTURES" in own
    program, *arguments = shlex.split(here)
    assert program == "cltool"
    found = cltool(*arguments, "--no-joint", "--out", tmp_path / "again")
    assert found.code == 0, found.err
    assert FinishedRun.load(tmp_path / "again").setting == nine_runs[0].setting
    assert (tmp_path / "again" / "report.html").is_file()
