"""Finished runs side by side: grouping, averaging, and the pictures."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev

import pytest
from matplotlib.figure import Figure
from scipy import stats

from cltool.report.comparison import draw_against, draw_comparison
from cltool.report.runs import FinishedRun, Group, grouped, references, without_option
from cltool.report.tables import caption, markdown, rows, sparsity, texts

WRITTEN = {
    "table.md",
    "table.csv",
    "cells.csv",
    "curves.png",
    "curves.svg",
    "tradeoffs.png",
    "tradeoffs.svg",
    "report.html",
}


@pytest.mark.slow
def test_runs_are_grouped_by_strategy_and_averaged_over_seeds(make: Callable[..., FinishedRun]) -> None:
    runs = [make(f"{merge}-{seed}", merge=merge, seed=seed) for merge in ("concat", "alpha") for seed in (0, 1, 2)]
    groups = grouped(runs)
    assert [group.label for group in groups] == ["concat+head=ridge", "alpha+head=ridge"]
    table = {row["strategy"]: row for row in rows(groups)}
    assert list(table) == sorted(table, key=lambda name: -table[name]["final"])
    first = table["concat+head=ridge"]
    finals = [r.metrics.accuracy_final for r in runs[:3]]
    assert first["each"] == finals
    assert first["final"] == pytest.approx(fmean(finals))
    assert first["deviation"] == pytest.approx(stdev(finals))
    low, high = stats.t.interval(0.95, 2, loc=fmean(finals), scale=stats.sem(finals))
    assert (first["low"], first["high"]) == pytest.approx((low, high))
    start = f"| concat+head=ridge | 3 | {fmean(finals):.3f} ± {stdev(finals):.3f} | {low:.3f} … {high:.3f} |"
    assert start in markdown(rows(groups))
    assert first["bytes_kept"] == runs[0].metrics.cost.bytes_kept
    assert "zero weights" not in markdown(rows(groups))


@pytest.mark.slow
def test_sparsity_and_no_ops_stand_in_the_table(make: Callable[..., FinishedRun]) -> None:
    cut = make("cut", surgery=["prune:quantile=0.1@merged"])
    idle = make("idle", surgery=["prune:margin=50"])
    table = {row["strategy"]: row for row in rows(grouped([cut, idle]))}
    sparse, same = (table[group.title] for group in (grouped([cut])[0], grouped([idle])[0]))
    assert sparse["sparsity"] == pytest.approx(0.8, abs=0.02)
    assert sparsity(cut.metrics) == sparse["sparsity"]
    assert same["strategy"].endswith("prune:margin=50.0@task (no-op)")
    assert "no-op" not in sparse["strategy"]
    assert "zero weights" in markdown([sparse, same])


@pytest.mark.slow
def test_what_surgery_on_tasks_left_is_a_mean_over_tasks(make: Callable[..., FinishedRun]) -> None:
    found = make("cut", surgery=["prune:margin=0.1@task"])
    (effect,) = found.metrics.surgery_effects
    assert effect.of_final_head["sparsity"] == pytest.approx(fmean(effect.sparsity))


@pytest.mark.slow
def test_an_option_is_found_wherever_it_belongs_and_left_out_of_the_label(make: Callable[..., FinishedRun]) -> None:
    found = make("cut", surgery=["clahe", "prune:margin=0.1"], merge="alpha:alpha=0.3")
    assert (found.option("margin"), found.option("alpha"), found.option("clip")) == (0.1, 0.3, 100)
    assert found.option("nothing") is None
    (group,) = grouped([found], without="margin")
    assert group.label == "alpha:alpha=0.3+head=ridge+surgery=clahe@merged+surgery=prune@task"


@pytest.mark.parametrize(
    ("strategy", "left"),
    [
        ("prune:margin=0.1@task", "prune@task"),
        ("prune:bias=True,margin=0.1@task", "prune:bias=True@task"),
        ("alpha:margin=1,x=2", "alpha:x=2"),
        ("alpha:margins=1", "alpha:margins=1"),
        ("mine:margin=1e+20,k=a@b", "mine:k=a@b"),
    ],
)
def test_a_label_without_an_option(strategy: str, left: str) -> None:
    assert without_option(strategy, "margin") == left


@pytest.mark.slow
def test_the_pictures_hold_every_group(make: Callable[..., FinishedRun], tmp_path: Path) -> None:
    swept = [make(f"m{m}", surgery=[f"prune:margin={m}"], merge="concat") for m in (0.0, 0.01, 0.02)]
    plain = make("plain", merge="concat")
    draw_comparison([plain, *swept], [tmp_path / "curves.svg"])
    draw_against("margin", grouped([plain, *swept], "margin"), [tmp_path / "margin.svg"])
    drawn, against = (tmp_path / "curves.svg").read_text(), (tmp_path / "margin.svg").read_text()
    assert drawn.count("surgery=prune:margin=") == 3
    assert "concat+head=ridge+surgery=prune@task" in against
    assert "zero weights" in against
    assert "no-op" not in against
    draw_against(
        "margin",
        grouped([*swept, make("idle", surgery=["prune:margin=50"], merge="concat")], "margin"),
        [tmp_path / "idle.svg"],
    )
    assert (tmp_path / "idle.svg").read_text().count("no-op") == 1


@pytest.mark.slow
def test_the_command_prints_and_writes(cltool: Callable, make: Callable[..., FinishedRun], tmp_path: Path) -> None:
    paths = [make("a", merge="concat").path, make("b", surgery=["prune:margin=0.1"]).path]
    told = cltool("report", *paths, "--against", "margin", "--out", tmp_path / "out", "--json")
    assert [row["runs"] for row in json.loads(told.out)["rows"]] == [1, 1]
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {*WRITTEN, "margin.png", "margin.svg"}
    assert "concat+head=ridge" in cltool("report", paths[0]).out


@pytest.mark.slow
def test_runs_of_other_settings_are_no_seeds(make: Callable[..., FinishedRun]) -> None:
    runs = [make("a"), make("b", backbone="random:features=16"), make("c", tasks=2)]
    assert [len(group.runs) for group in grouped(runs)] == [1, 1, 1]
    assert grouped(runs)[1].label.startswith("digits, random:features=16,size=8,seed=0, 2 + 2 + 2 + 2 + 2 classes: ")


@pytest.mark.slow
def test_a_margin_that_another_option_displaced_is_none(make: Callable[..., FinishedRun]) -> None:
    found = make("relative", surgery=["prune:relative=0.1"])
    assert (found.option("margin"), found.option("relative")) == (None, 0.1)
    assert make("default", surgery=["prune"]).option("margin") == 0.3


@pytest.mark.slow
def test_a_single_run_has_no_spread(make: Callable[..., FinishedRun]) -> None:
    group = Group("one", [make("a", merge="concat")])
    found = group.spread(lambda metrics: metrics.accuracy_final)
    assert (found.deviation, found.low, found.high) == (None, None, None)
    assert group.curve(lambda metrics: metrics.curve)["low"] is None
    (_, ((_, runs, final, interval, *_),)) = texts(rows([group]))
    assert (runs, final, interval) == ("1", f"{group.runs[0].metrics.accuracy_final:.3f}", "")


@pytest.mark.slow
def test_strategies_of_one_lift_share_a_joint_reference(make: Callable[..., FinishedRun], tmp_path: Path) -> None:
    lift = {"lift": "relu:dim=30"}
    settings = [{"merge": "concat"}, {"merge": "alpha"}, {"merge": "concat", **lift}, {"merge": "alpha", **lift}]
    runs = [make(f"{i}-{s}", seed=s, joint=True, **asked) for i, asked in enumerate(settings) for s in (0, 1)]
    everything = [*runs, make("without", merge="concat", seed=2)]
    groups = grouped(everything)
    assert [(group.label, len(group.runs)) for group in references(groups)] == [
        ("joint", 2),
        ("joint+lift=relu:dim=30", 2),
    ]
    table = {row["strategy"]: row for row in rows(groups)}
    assert table["joint"]["each"] == [run.metrics.joint.curve[-1] for run in runs[:2]]
    assert table["alpha+head=ridge"]["gap_to_joint"] == pytest.approx(
        table["joint"]["final"] - table["alpha+head=ridge"]["final"]
    )
    assert table["concat+head=ridge"]["gap_to_joint"] is None  # one of its runs has no reference
    draw_comparison(everything, [tmp_path / "curves.svg"])
    drawn = (tmp_path / "curves.svg").read_text()
    assert drawn.count("joint reference") == 2
    assert "joint reference+lift=relu:dim=30" in drawn


@pytest.mark.slow
def test_a_reference_has_one_line_in_all_panels(
    make: Callable[..., FinishedRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make("one", joint=True)
    many = []
    for place in range(8):  # the highest two are lifted: theirs comes first among the six that lead
        score, lift = 0.9 - place / 10, "relu:dim=9" if place < 2 else None
        own = {"strategy": f"s{place}", "lift": lift, "accuracy_final": score}
        many.append(replace(run, path=run.path / str(place), metrics=run.metrics.model_copy(update=own)))
    figures: list[Figure] = []
    monkeypatch.setattr("cltool.report.comparison.save_figure", lambda figure, paths: figures.append(figure))
    draw_comparison([many[7], *many[:7]], [])
    (figure,) = figures
    panels = [{line.get_label(): line.get_linestyle() for line in axes.get_lines()} for axes in figure.axes]
    assert len(panels) == 2
    lines = [{panel[name] for panel in panels if name in panel} for name in panels[0] if "joint" in name]
    assert sorted(len(styles) for styles in lines) == [1, 1]
    assert len(set().union(*lines)) == 2


@pytest.mark.slow
def test_what_a_universal_backbone_has_seen_stands_above_table_and_picture(
    make: Callable[..., FinishedRun], changed: Callable, tmp_path: Path
) -> None:
    (leaks,) = changed(
        [make("leaks")], backbone="universal:on=all", universal={"on": "all", "leaks": True, "classes": 10}
    )
    runs = [leaks, make("plain")]
    groups = grouped(runs)
    assert "universal trained on all classes (leaks: it has seen them all)" in markdown(rows(groups), caption(groups))
    draw_comparison(runs, [tmp_path / "curves.svg"])
    assert "leaks: it has seen them all" in (tmp_path / "curves.svg").read_text()


@pytest.mark.slow
def test_a_strategy_that_learns_by_itself_stands_beside_merges(
    make: Callable[..., FinishedRun], cltool: Callable
) -> None:
    runs = [make("qda", strategy="qda:shrinkage=0.3", head="softmax"), make("sums", merge="ncm", head="softmax")]
    assert [group.label for group in grouped(runs)] == ["qda:shrinkage=0.3", "ncm"]
    assert [group.label for group in grouped(runs, without="shrinkage")] == ["qda", "ncm"]
    assert (runs[0].option("shrinkage"), runs[0].option("epochs"), runs[1].option("epochs")) == (0.3, None, None)
    assert "qda:shrinkage=0.3" in cltool("report", *(run.path for run in runs)).out.replace("\n", "")
