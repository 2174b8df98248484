"""What the first screen says: sentences from numbers."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from cltool.report.pairs import paired
from cltool.report.runs import FinishedRun, grouped, in_order
from cltool.report.webpage.advice import Advice, commands


def advice(runs: list[FinishedRun]) -> Advice:
    return Advice.of(in_order(grouped(runs)), paired(runs))


def said(runs: list[FinishedRun]) -> str:
    told = advice(runs)
    return " ".join([*told.sentences(), *told.cautions()])


def finals(runs: list[FinishedRun], changed: Callable, *values: float) -> list[FinishedRun]:
    return [one for run, value in zip(runs, values, strict=True) for one in changed([run], accuracy_final=value)]


@pytest.mark.slow
def test_the_best_is_named_with_costs_and_what_may_be_as_good(nine_runs: list[FinishedRun], changed: Callable) -> None:
    lda = finals(nine_runs[:3], changed, 0.9, 0.91, 0.92)
    ncm = finals(nine_runs[3:6], changed, 0.5, 0.51, 0.521)
    qda = finals(nine_runs[6:], changed, 0.89, 0.915, 0.91)
    text = said([*ncm, *qda, *lda])
    assert "Use <strong>lda</strong>: it ends at 0.910 accuracy (3 seeds, 95 % interval" in text
    assert "the highest of 3 strategies" in text
    assert "Not surely better than <strong>qda</strong> (0.905)." in text
    assert "picked by the 3 seeds that scored it" in text
    assert "<strong>ncm</strong>" not in text
    kept = lda[0].metrics.cost.bytes_kept
    assert kept
    assert f"{kept / 1000:.3g} kB kept of what it has seen ({kept / 10:.0f} B a class)" in text
    assert f"loses {sum(r.metrics.forgetting_chaudhry for r in lda) / 3:.3f} accuracy" in text
    sure = said([*ncm, *lda])
    assert "With 95 % confidence the other is worse on this stream." in sure


def costing(
    runs: list[FinishedRun], changed: Callable, name: str, kept: int | None, took: float, *values: float
) -> list[FinishedRun]:
    cost = runs[0].metrics.cost
    spent = dict.fromkeys((key for key in type(cost).model_fields if key.endswith("_s")), 0.0) | {"fit_s": took}
    told = changed(runs, strategy=name, cost=cost.model_copy(update={"bytes_kept": kept, **spent}))
    told = [replace(one, path=one.path / name) for one in told]  # a run of its own
    return finals(told, changed, *values)


@pytest.mark.slow
def test_the_choices_cost_a_tenth_and_no_other_scores_higher_for_less(
    nine_runs: list[FinishedRun], changed: Callable
) -> None:
    lda, ncm, qda = nine_runs[:3], nine_runs[3:6], nine_runs[6:]
    dear = costing(lda, changed, "dear", 1_000_000, 50.0, 0.9, 0.92, 0.91)
    half = costing(ncm, changed, "half", 500_000, 45.0, 0.89, 0.9, 0.91)  # too dear still
    small = costing(qda, changed, "small", 50_000, 40.0, 0.85, 0.84, 0.86)
    worse = costing(ncm, changed, "worse", 60_000, 41.0, 0.8, 0.81, 0.8)
    nothing = costing(lda, changed, "nothing", 0, 0.25, 0.5, 0.51, 0.52)
    untold = costing(qda, changed, "untold", None, 4.0, 0.6, 0.61, 0.6)
    found = advice([*nothing, *untold, *worse, *small, *half, *dear])
    assert [(one.group.label, list(one.reasons)) for one in found.choices()] == [
        ("dear", ["highest score"]),
        ("small", ["1/20 of the memory", "may be as good"]),
        ("untold", ["1/12 of the time"]),
        ("nothing", ["none of the memory", "1/200 of the time"]),
    ]
    assert [one.kept for one in found.choices()] == ["1 MB", "50 kB", "", "0 B"]
    assert found.choices()[0].pace == "10 s"  # of five tasks
    compared = shlex.split(found.commands()[1][1])
    assert compared[:2] == ["cltool", "compare"]
    assert [word for before, word in pairwise(compared) if before == "--strategy"] == [
        one.group.label for one in found.choices()
    ]
    assert advice([*dear, *half]).choices() == []


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
    assert "kept" not in text
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
