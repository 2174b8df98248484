"""A run from recipe to run directory, broken off anywhere and taken up again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from cltool import metrics as measures
from cltool.errors import CallError
from cltool.features import FeatureBank
from cltool.heads import Head
from cltool.recipe import Recipe
from cltool.report.curves import title
from cltool.report.runs import FinishedRun
from cltool.run import prepare, run
from cltool.rundir import Metrics, RunDirectory
from cltool.statistics import Statistics

KEYS = {
    *("schema", "score", "stream", "strategy", "merge", "surgery", "head", "unknown_from", "backbone"),
    *("surgery_effects", "lift", "holdout", "curve_by_output"),
    *("universal", "seed", "note", "tasks", "left_out", "matrix", "matrix_task_aware", "curve"),
    *("accuracy_final", "accuracy_average_incremental", "forgetting_chaudhry", "forgetting_avalanche"),
    *("bwt_gem", "joint", "gap_to_joint", "unknown", "cost"),
    *("task_aware", "keeps_all", "by_class"),
}


def recipe(**changes: Any) -> Recipe:
    quick = {"stream": "digits", "backbone": "random", "head": "ridge", "unknown": "statistics", "merge": "alpha"}
    return Recipe.of({**quick, **changes})


def start(out: Path, **changes: Any) -> Metrics:
    return run(prepare(recipe(**changes)), RunDirectory(out))


def resume(out: Path) -> Metrics:
    directory, found = RunDirectory.open(out)
    return run(prepare(found), directory, resume=True)


def without_cost(out: Path) -> dict[str, Any]:
    found = json.loads((out / "metrics.json").read_text())
    found.pop("cost")
    return found


@pytest.mark.slow
def test_a_run_leaves_what_it_says(tmp_path: Path) -> None:
    metrics = start(tmp_path / "run")
    files = {path.relative_to(tmp_path / "run").as_posix() for path in (tmp_path / "run").rglob("*.*")}
    assert files == {
        *("recipe.yaml", "journal.jsonl", "metrics.json", "head.safetensors", "statistics.safetensors"),
        *("standardization.safetensors", "curves.png", "curves.svg", "weights.png", "report.html"),
        *(f"heads/{number:03d}.safetensors" for number in range(1, 6)),
    }
    written = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert set(written) == KEYS
    assert written["schema"] == 1
    assert Metrics.model_validate(written) == metrics
    head = Head.load(tmp_path / "run" / "head.safetensors")
    assert head.names == (*"0123456789", "unknown")
    assert float(Statistics.load(tmp_path / "run" / "statistics.safetensors").count.sum()) == 1442


@pytest.mark.slow
def test_metrics_agree_with_each_other_and_the_data(tmp_path: Path) -> None:
    found = start(tmp_path / "run")
    assert [len(row) for row in found.matrix] == [5] * 5
    assert all((value is None) == (j > i) for i, row in enumerate(found.matrix) for j, value in enumerate(row))
    filled = torch.tensor([[float("nan") if v is None else v for v in row] for row in found.matrix]).double().numpy()
    counts = [task.test for task in found.tasks]
    assert found.curve == pytest.approx(measures.curve(filled, counts))
    assert found.accuracy_final == found.curve[-1]
    assert found.forgetting_chaudhry == pytest.approx(measures.forgetting_chaudhry(filled))
    assert found.bwt_gem == -found.forgetting_avalanche
    assert sum(task.train for task in found.tasks) == 1442
    assert [task.outputs for task in found.tasks] == [[str(2 * i), str(2 * i + 1)] for i in range(5)]
    assert found.joint is not None
    assert found.unknown is not None
    assert found.gap_to_joint == pytest.approx([j - a for j, a in zip(found.joint.curve, found.curve, strict=True)])
    assert found.unknown.auroc[-1] is None
    assert all(value is not None for value in found.unknown.auroc[:-1])
    assert found.cost.parameters_per_task == [2 * 513] * 5
    assert found.cost.parameters_total == 512 * 65 + 11 * 513
    for row, aware in zip(found.matrix, found.matrix_task_aware, strict=True):
        assert all(b >= a for a, b in zip(row, aware, strict=True) if a is not None and b is not None)


@pytest.mark.slow
def test_a_run_with_a_hold_out_never_sees_the_test_split(tmp_path: Path) -> None:
    plain, held = start(tmp_path / "plain"), start(tmp_path / "held", holdout=0.25)
    for whole, cut in zip(plain.tasks, held.tasks, strict=True):
        assert cut.train + cut.test == whole.train
        assert abs(cut.test - 0.25 * whole.train) <= 1
    assert (plain.holdout, held.holdout) == (None, 0.25)
    assert plain.accuracy_final != held.accuracy_final
    assert FinishedRun.load(tmp_path / "plain").setting != FinishedRun.load(tmp_path / "held").setting
    assert title(held).endswith("scored on 25% of the training pictures, held out")


@pytest.mark.slow
def test_alpha_changes_what_unknown_does_and_no_accuracy(tmp_path: Path) -> None:
    """thesis.md §1.3: `unknown` never wins, so α cannot change accuracy; it changes rejection."""
    old = start(tmp_path / "old", merge="alpha:alpha=1", joint=False)
    new = start(tmp_path / "new", merge="alpha:alpha=0", joint=False)
    assert old.matrix == new.matrix
    assert old.unknown != new.unknown
    assert old.joint is None
    assert old.gap_to_joint is None


@pytest.mark.slow
@pytest.mark.parametrize("finished", [1, 4])
def test_a_run_broken_off_between_tasks_ends_the_same(tmp_path: Path, finished: int) -> None:
    start(tmp_path / "whole")

    def stop(step: dict[str, Any]) -> None:
        if step["task"] == f"{finished:03d}":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(prepare(recipe()), RunDirectory(tmp_path / "cut"), watch=stop)
    assert not (tmp_path / "cut" / "metrics.json").exists()
    resume(tmp_path / "cut")
    assert_same(tmp_path / "whole", tmp_path / "cut")


@pytest.mark.slow
@pytest.mark.parametrize("where", ["before the line", "within the line", "after the line"])
def test_a_run_killed_while_a_step_is_written_ends_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    start(tmp_path / "whole")

    class Killed(BaseException):
        pass

    whole_settle, calls = RunDirectory._settle, []

    def die(self: RunDirectory, number: int) -> None:
        calls.append(number)
        if number != 3:
            return whole_settle(self, number)
        journal = self.path / "journal.jsonl"
        lines = journal.read_bytes().splitlines(keepends=True)
        if where == "before the line":
            journal.write_bytes(b"".join(lines[:-1]))
        elif where == "within the line":
            journal.write_bytes(b"".join(lines)[:-20])
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(RunDirectory, "_settle", die)
        with pytest.raises(Killed):
            start(tmp_path / "cut")
    assert (tmp_path / "cut" / "statistics-003.safetensors").exists()
    resume(tmp_path / "cut")
    assert_same(tmp_path / "whole", tmp_path / "cut")


def assert_same(one: Path, other: Path) -> None:
    for name in ("head.safetensors", "statistics.safetensors", "curves.svg", "recipe.yaml"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    assert without_cost(one) == without_cost(other)
    assert {p.name for p in one.iterdir()} == {p.name for p in other.iterdir()}


@pytest.mark.slow
def test_a_process_killed_with_9_is_taken_up_again(tmp_path: Path) -> None:
    program = [sys.executable, "-c", "from cltool.cli import main; main()", "run"]
    go = [*program, "--stream", "digits", "--merge", "alpha", "--seed", "3"]
    subprocess.run([*go, "--out", str(tmp_path / "whole")], check=True, capture_output=True)
    victim = subprocess.Popen(
        [*go, "--out", str(tmp_path / "cut")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    journal = tmp_path / "cut" / "journal.jsonl"
    while victim.poll() is None and not (journal.is_file() and journal.read_bytes().count(b"\n") >= 2):
        time.sleep(0.01)
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    assert not (tmp_path / "cut" / "metrics.json").exists()
    subprocess.run([*program, "--resume", str(tmp_path / "cut")], check=True, capture_output=True)
    assert_same(tmp_path / "whole", tmp_path / "cut")


@pytest.mark.slow
def test_surgery_on_the_merged_head_acts_on_a_copy_that_no_merge_receives(tmp_path: Path) -> None:
    plain = start(tmp_path / "plain", joint=False)
    cut = start(tmp_path / "cut", joint=False, surgery=["prune:quantile=0.05@merged"])
    unpruned, scored = (Head.load(tmp_path / run / "head.safetensors") for run in ("plain", "cut"))
    assert torch.equal(Head.load(tmp_path / "cut" / "merged.safetensors").weight, unpruned.weight)
    assert 0.85 < float((scored.weight[:-1] == 0).double().mean()) < 0.95
    assert cut.matrix != plain.matrix
    assert cut.surgery == ["prune:quantile=0.05@merged"]


@pytest.mark.slow
def test_surgery_on_tasks_acts_before_merging_and_the_fitted_heads_are_kept(tmp_path: Path) -> None:
    start(tmp_path / "plain", joint=False)
    found = start(tmp_path / "cut", joint=False, surgery=["prune:quantile=0.05"])  # its own place is the task
    heads = [Head.load(tmp_path / run / "heads" / "002.safetensors") for run in ("plain", "cut")]
    assert torch.equal(heads[0].weight, heads[1].weight)
    merged = Head.load(tmp_path / "cut" / "head.safetensors")
    for row in ("2", "3"):
        kept = merged.row(row).weight
        assert torch.equal(kept[kept != 0], heads[0].row(row).weight[kept != 0])
    (effect,) = found.surgery_effects
    assert effect.surgery == "prune:quantile=0.05@task"
    assert all(0.88 < share < 0.92 for share in effect.sparsity)
    assert not effect.no_op
    assert not (tmp_path / "cut" / "merged.safetensors").exists()
    assert (tmp_path / "cut" / "surgery.png").exists()


@pytest.mark.slow
def test_surgeries_act_in_the_given_order_at_their_places(tmp_path: Path) -> None:
    both = ["clahe@merged", "prune:quantile=0.1@task", "prune:quantile=0.05@merged"]
    found = start(tmp_path / "run", joint=False, surgery=both)
    assert found.surgery == both
    acted = [effect.surgery for effect in found.surgery_effects]
    assert acted == ["prune:quantile=0.1@task", "clahe@merged", "prune:quantile=0.05@merged"]
    assert found.surgery_effects[1].range_after == found.surgery_effects[2].range_before


@pytest.mark.slow
def test_a_surgery_that_changes_nothing_is_labelled_wherever_it_is_shown(tmp_path: Path) -> None:
    found = start(tmp_path / "run", joint=False, surgery=["prune:margin=50"])
    assert found.surgery_effects[0].no_op
    assert found.surgery_effects[0].sparsity[-1] < 0.2
    assert "prune:margin=50.0@task: no-op" in (tmp_path / "run" / "curves.svg").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("finished", [1, 4])
def test_a_run_with_surgery_and_lift_broken_off_between_tasks_ends_the_same(tmp_path: Path, finished: int) -> None:
    asked = {"surgery": ["prune:quantile=0.1@task", "equalize"], "lift": "relu:dim=100"}
    start(tmp_path / "whole", **asked)

    def stop(step: dict[str, Any]) -> None:
        if step["task"] == f"{finished:03d}":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(prepare(recipe(**asked)), RunDirectory(tmp_path / "cut"), watch=stop)
    resume(tmp_path / "cut")
    assert_same(tmp_path / "whole", tmp_path / "cut")
    assert (tmp_path / "whole" / "merged.safetensors").read_bytes() == (
        tmp_path / "cut" / "merged.safetensors"
    ).read_bytes()


@pytest.mark.slow
def test_a_lift_is_under_all_heads_and_the_joint_one(tmp_path: Path) -> None:
    found, plain = start(tmp_path / "lifted", lift="relu:dim=300"), start(tmp_path / "plain")
    assert found.lift == "relu:dim=300"
    assert found.strategy == "alpha+lift=relu:dim=300+head=ridge+unknown=statistics"
    assert Head.load(tmp_path / "lifted" / "head.safetensors").weight.shape == (11, 300)
    assert found.cost.parameters_per_task == [2 * 301] * 5
    assert found.cost.parameters_total == 512 * 65 + 512 * 300 + 11 * 301
    assert found.joint is not None
    assert plain.joint is not None
    assert found.joint.curve != plain.joint.curve


HALF = """
import os
from cltool import Head, merge, surgery, union

@surgery
def sometimes(head: Head) -> Head:
    "Leave larger heads as they are."
    from dataclasses import replace
    return head if len(head.names) > 4 else replace(head, weight=head.weight * 2)

@merge
def breaks(old: Head, new: Head) -> Head:
    "Break at the last task, if asked to."
    if "9" in new.names and os.environ.get("BREAK"):
        raise RuntimeError("asked to")
    return union(old, new, lambda name, a, b: b)
"""


@pytest.mark.slow
def test_a_surgery_that_gives_back_what_it_was_given_can_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "half.py").write_text(HALF)
    asked = {"plugins": [str(tmp_path / "half.py")], "merge": "breaks", "surgery": ["sometimes"], "joint": False}
    start(tmp_path / "whole", **asked)
    monkeypatch.setenv("BREAK", "1")
    with pytest.raises(RuntimeError, match="asked to"):
        start(tmp_path / "cut", **asked)
    monkeypatch.delenv("BREAK")
    resume(tmp_path / "cut")
    assert_same(tmp_path / "whole", tmp_path / "cut")
    (tmp_path / "cut" / "merged.safetensors").unlink()
    with pytest.raises(CallError, match=r"merged\.safetensors is no head"):
        resume(tmp_path / "cut")


@pytest.mark.slow
def test_a_run_begun_before_there_was_surgery_is_taken_up(tmp_path: Path) -> None:
    start(tmp_path / "run", joint=False)
    journal = tmp_path / "run" / "journal.jsonl"
    steps = [json.loads(line) for line in journal.read_text().splitlines()]
    journal.write_text("".join(json.dumps({k: v for k, v in s.items() if k != "surgery"}) + "\n" for s in steps))
    assert resume(tmp_path / "run").surgery_effects == []


def test_surgery_on_heads_that_no_merge_looks_at_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from cltool import Head, Statistics, merge\n\n\n"
        "@merge\ndef sums(statistics: Statistics) -> Head:\n    'From statistics alone.'\n"
    )
    with pytest.raises(CallError, match="looks at no task's head; take @merged"):
        prepare(recipe(plugins=[str(tmp_path / "mine.py")], merge="sums", surgery=["prune"]))


@pytest.mark.slow
def test_resuming_a_finished_run_changes_nothing(tmp_path: Path) -> None:
    start(tmp_path / "run")
    before = without_cost(tmp_path / "run")
    resume(tmp_path / "run")
    assert without_cost(tmp_path / "run") == before


@pytest.mark.slow
def test_the_recipe_of_a_run_repeats_it(tmp_path: Path) -> None:
    start(tmp_path / "one", class_order="random", seed=5, merge="alpha:alpha=0.3", unknown="noise:amount=2")
    again = Recipe.load(tmp_path / "one" / "recipe.yaml")
    run(prepare(again), RunDirectory(tmp_path / "two"))
    assert_same(tmp_path / "one", tmp_path / "two")
    written = yaml.safe_load((tmp_path / "one" / "recipe.yaml").read_text())
    assert written["backbone"] == {"name": "random", "options": {"features": 512, "size": None, "seed": 0}}
    assert written["classes_per_task"] == [2] * 5


@pytest.mark.slow
def test_the_seed_moves_a_random_order_and_neither_split_nor_backbone(tmp_path: Path) -> None:
    one = start(tmp_path / "one", class_order="random", seed=1, joint=False)
    two = start(tmp_path / "two", class_order="random", seed=2, joint=False)
    assert [t.outputs for t in one.tasks] != [t.outputs for t in two.tasks]
    assert sum(t.test for t in one.tasks) == sum(t.test for t in two.tasks)
    assert two.cost.extract_s < 10  # and the bank was warm: see the next line
    entries = len(list((tmp_path / "cache").rglob("*.safetensors")))
    assert entries == 20


def test_a_missing_file_of_a_finished_step_is_named(tmp_path: Path) -> None:
    def stop(step: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(prepare(recipe()), RunDirectory(tmp_path / "cut"), watch=stop)
    (tmp_path / "cut" / "statistics.safetensors").unlink()
    with pytest.raises(CallError, match=r"statistics\.safetensors"):
        resume(tmp_path / "cut")


@pytest.mark.parametrize(("key", "value", "told"), [("backbone", "random:seed=1", "weights"), ("seed", 9, "classes")])
def test_a_run_is_not_taken_up_with_other_data_or_weights(tmp_path: Path, key: str, value: Any, told: str) -> None:
    def stop(step: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(prepare(recipe(class_order="random")), RunDirectory(tmp_path / "cut"), watch=stop)
    changed = recipe(class_order="random", **{key: value})
    changed.save(tmp_path / "cut" / "recipe.yaml")
    with pytest.raises(CallError, match=told):
        resume(tmp_path / "cut")


@pytest.mark.slow
def test_nothing_of_the_backbone_moves_in_a_run(tmp_path: Path) -> None:
    setup = prepare(recipe(backbone="random:features=32"))
    kept = {}
    make = setup.backbone.plugin.function

    def remember(**given: Any) -> Any:
        kept["backbone"] = made = make(**given)
        kept["before"] = {k: v.clone() for k, v in made.body.state_dict().items()}
        return made

    object.__setattr__(setup.backbone.plugin, "function", remember)
    try:
        run(setup, RunDirectory(tmp_path / "run"))
    finally:
        object.__setattr__(setup.backbone.plugin, "function", make)
    after = kept["backbone"].body.state_dict()
    assert all(torch.equal(after[key], value) for key, value in kept["before"].items())
    assert not kept["backbone"].body.training


SUMS = """
from cltool import CallError, Head, Statistics, merge


@merge
def sums(statistics: Statistics, *, refuse_at: int = 0, break_at: int = 0) -> Head:
    "Class means, from sums alone; refuses or breaks at so many classes."
    if refuse_at and len(statistics.names) >= refuse_at:
        raise CallError("feature 3 is constant")
    weight = statistics.means.float()
    if break_at and len(statistics.names) >= break_at:
        weight[0, 0] = float("nan")
    return Head(
        statistics.names, weight, -weight.square().sum(1) / 2, statistics.count.float(), statistics.space
    )
"""


def of_sums(folder: Path, options: str = "", **changes: Any) -> dict[str, Any]:
    """The recipe of a merge that asks for statistics alone."""
    (folder / "sums.py").write_text(SUMS)
    shared = {"stream": "digits", "plugins": [str(folder / "sums.py")], "joint": False}
    return {**shared, "head": "softmax", "unknown": "none", "merge": f"sums{options}", **changes}


@pytest.mark.slow
def test_a_merge_of_sums_leaves_no_heads_of_tasks(tmp_path: Path) -> None:
    found = start(tmp_path / "run", **of_sums(tmp_path))
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {
        *("recipe.yaml", "journal.jsonl", "metrics.json", "head.safetensors", "statistics.safetensors"),
        *("standardization.safetensors", "curves.png", "curves.svg", "weights.png", "report.html"),
    }
    assert (found.strategy, found.merge, found.head, found.unknown_from) == ("sums", "sums", None, None)
    assert found.unknown is None
    assert found.cost.bytes_kept == 8 * 512 + Statistics.load(tmp_path / "run" / "statistics.safetensors").nbytes
    assert found.cost.parameters_per_task == [2 * 513] * 5
    again = run(prepare(Recipe.load(tmp_path / "run" / "recipe.yaml")), RunDirectory(tmp_path / "again"))
    assert again.matrix == found.matrix


@pytest.mark.slow
@pytest.mark.parametrize("finished", [1, 4])
def test_a_merge_of_sums_broken_off_between_tasks_ends_the_same(tmp_path: Path, finished: int) -> None:
    asked = of_sums(tmp_path, surgery=["prune:quantile=0.1@merged"])
    start(tmp_path / "whole", **asked)

    def stop(step: dict[str, Any]) -> None:
        if step["task"] == f"{finished:03d}":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(prepare(recipe(**asked)), RunDirectory(tmp_path / "cut"), watch=stop)
    resume(tmp_path / "cut")
    assert_same(tmp_path / "whole", tmp_path / "cut")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"head": "ridge"}, "--head ridge: merge 'sums' asks for no head"),
        ({"head": "softmax:epochs=2"}, "--head softmax:epochs=2: merge 'sums' asks for no head"),
        ({"unknown": "noise"}, "--unknown noise: merge 'sums' asks for no head"),
    ],
)
def test_how_to_fit_heads_that_no_merge_asks_for_is_refused(tmp_path: Path, changes: dict, told: str) -> None:
    with pytest.raises(CallError, match=told):
        prepare(recipe(**of_sums(tmp_path, **changes)))


def test_what_a_wrong_call_has_begun_is_taken_away(tmp_path: Path) -> None:
    asked = of_sums(tmp_path, ":refuse_at=2")
    with pytest.raises(CallError, match="task 001: feature 3 is constant"):
        start(tmp_path / "deep" / "run", **asked)
    assert not (tmp_path / "deep").exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(CallError, match="task 001"):
        start(tmp_path / "empty", **asked)
    assert list((tmp_path / "empty").iterdir()) == []


def test_finished_steps_outlive_a_later_failure_and_no_half_step_stays(tmp_path: Path) -> None:
    from cltool.errors import PluginFailed

    for name, error, told in (
        ("refuse_at", CallError, "task 003: feature 3 is constant"),
        ("break_at", PluginFailed, r"task 003: merge sums:break_at=6 gave row '0' numbers that are not finite"),
    ):
        with pytest.raises(error, match=told):
            start(tmp_path / name, **of_sums(tmp_path, f":{name}=6"))
        left = {path.name for path in (tmp_path / name).iterdir()}
        assert left == {
            *("recipe.yaml", "journal.jsonl", "head.safetensors", "statistics.safetensors"),
            "standardization.safetensors",
        }
        assert len(RunDirectory(tmp_path / name).journal()) == 2
        assert len(Head.load(tmp_path / name / "head.safetensors").names) == 4


QDA = {"stream": "digits", "strategy": "qda", "backbone": "random:features=24"}


def start_strategy(out: Path, **changes: Any) -> Metrics:
    return run(prepare(Recipe.of({**QDA, **changes})), RunDirectory(out))


@pytest.mark.slow
def test_a_strategy_leaves_scores_and_no_heads(tmp_path: Path) -> None:
    found = start_strategy(tmp_path / "run", strategy="qda:shrinkage=0.2")
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"recipe.yaml", "journal.jsonl", "metrics.json", "curves.png", "curves.svg", "report.html"}
    written = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert set(written) == KEYS
    assert (found.strategy, found.merge, found.head) == ("qda:shrinkage=0.2", None, None)
    assert found.joint is not None
    assert found.accuracy_final > 0.8
    assert found.cost.fit_s > 0
    again = run(prepare(Recipe.load(tmp_path / "run" / "recipe.yaml")), RunDirectory(tmp_path / "again"))
    assert again.matrix == found.matrix


@pytest.mark.parametrize(
    ("value", "where", "told"),
    [
        (float("nan"), 1, "task 001: feature 2 of the backbone is not a finite number"),
        (1e20, 1, "task 001: feature 2 of the backbone varies"),
        (1e20, 2, "task 002: feature 2 of the backbone reaches"),
    ],
)
def test_features_that_a_strategy_cannot_learn_from_are_named_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float, where: int, told: str
) -> None:
    read = FeatureBank.features

    def broken(bank: FeatureBank, blocks: Any, backbone: Any) -> torch.Tensor:
        x = read(bank, blocks, backbone).clone()
        if {block.output for block in blocks} & {*("01", "23")[where - 1]}:
            x[3, 2] = value
        return x

    monkeypatch.setattr(FeatureBank, "features", broken)
    with pytest.raises(CallError, match=told):
        start_strategy(tmp_path / "run", joint=False)
    assert (tmp_path / "run").exists() == (where == 2)


STRATEGIES = """
from cltool import TaskStream, strategy
from cltool_plugins.strategies.qda import qda


class Bare:
    def __init__(self, predictor): self._of = predictor
    outputs = property(lambda self: self._of.outputs)
    def scores(self, blocks): return self._of.scores(blocks)


class Sized(Bare):
    nbytes = 5
    parameters = property(lambda self: 7 * len(self.outputs))


@strategy
def bare(stream: TaskStream, features: "Callable", backbone: "Backbone", rng: "Generator"):
    "Tells nothing of its size."
    yield from map(Bare, qda(stream, features))


@strategy
def sized(stream: TaskStream, features: "Callable"):
    "Tells its size."
    yield from map(Sized, qda(stream, features))


@strategy
def short(stream: TaskStream, features: "Callable"):
    "Stops early."
    for predictor, _ in zip(qda(stream, features), range(2)):
        yield predictor


@strategy
def broken(stream: TaskStream, features: "Callable"):
    "Scores that are no numbers."
    for predictor in map(Bare, qda(stream, features)):
        predictor.scores = lambda blocks, p=predictor: p._of.scores(blocks) * float("nan")
        yield predictor


@strategy
def hoards(stream: TaskStream, features: "Callable"):
    "Looks back."
    tasks = []
    for task, predictor in zip(stream, qda(stream, features)):
        tasks.append(task)
        features(tasks[0].train)
        yield predictor
"""


@pytest.fixture
def strategies(tmp_path: Path) -> list[str]:
    types = "from collections.abc import Callable\nfrom torch import Generator\nfrom cltool import Backbone\n"
    (tmp_path / "strategies.py").write_text(types + STRATEGIES)
    return [str(tmp_path / "strategies.py")]


@pytest.mark.slow
def test_what_a_predictor_tells_of_its_size_is_told(tmp_path: Path, strategies: list[str]) -> None:
    asked = {"plugins": strategies, "joint": False}
    bare = start_strategy(tmp_path / "bare", strategy="bare", **asked).cost
    assert (bare.bytes_kept, bare.parameters_total, bare.parameters_per_task) == (None, None, None)
    sized = start_strategy(tmp_path / "sized", strategy="sized", **asked).cost
    assert (sized.bytes_kept, sized.parameters_total) == (5, 24 * 65 + 70)
    assert sized.parameters_per_task == [14] * 5
    own = start_strategy(tmp_path / "qda", **asked).cost
    assert own.bytes_kept > 10 * 8 * 24 * 24


def test_a_strategy_that_gives_too_little_or_nonsense_or_looks_back_fails(
    tmp_path: Path, strategies: list[str]
) -> None:
    from cltool.errors import DataGone, PluginFailed

    for name, error, told, steps in (
        ("short", PluginFailed, "strategy short gave 2 predictors for 5 tasks", 2),
        ("broken", PluginFailed, "task 001, broken: a score for '0' is not a finite number", 0),
        ("hoards", DataGone, "keep heads and statistics", 1),
    ):
        with pytest.raises(error, match=told):
            start_strategy(tmp_path / name, strategy=name, plugins=strategies, joint=False)
        assert len(RunDirectory(tmp_path / name).journal()) == steps


@pytest.mark.slow
def test_a_strategy_that_was_broken_off_starts_again_and_says_so(tmp_path: Path) -> None:
    from cltool.progress import Silent

    class Heard(Silent):
        said: list[str] = []  # noqa: RUF012

        def say(self, message: str) -> None:
            self.said.append(message)

    start_strategy(tmp_path / "whole")

    def stop(step: dict[str, Any]) -> None:
        if step["task"] == "003":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(prepare(Recipe.of(QDA)), RunDirectory(tmp_path / "cut"), watch=stop)
    directory, found = RunDirectory.open(tmp_path / "cut")
    seen: list[dict[str, Any]] = []
    run(prepare(found), directory, resume=True, progress=Heard(), watch=seen.append)
    assert [step["task"] for step in seen] == ["001", "002", "003", "004", "005"]
    assert Heard.said == ["strategy qda cannot be taken up in the middle; it starts with task 001 again"]
    assert without_cost(tmp_path / "cut") == without_cost(tmp_path / "whole")
    before = (tmp_path / "cut" / "journal.jsonl").read_bytes()
    assert resume(tmp_path / "cut").matrix  # a finished one is not learned anew
    assert (tmp_path / "cut" / "journal.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"merge": "concat"}, "--strategy qda learns by itself; leave out --merge"),
        ({"head": "softmax:epochs=3"}, "leave out --head"),
        ({"unknown": "noise"}, "leave out --unknown"),
        ({"lift": "relu"}, "leave out --lift"),
        ({"surgery": ["prune"]}, "leave out --surgery"),
        ({"strategy": "qad"}, "did you mean 'qda'"),
        ({"strategy": "qda:shrinkage=2"}, "shrinkage=2"),
    ],
)
def test_a_strategy_takes_nothing_of_merging(changes: dict, told: str) -> None:
    with pytest.raises(CallError, match=told):
        prepare(Recipe.of({**QDA, **changes}))


def test_a_strategy_takes_defaults_of_merging_written_out() -> None:
    merged = prepare(Recipe.of({"stream": "digits"})).recipe
    assert merged.merge.options == {"alpha": None}
    assert prepare(merged.model_copy(update={"strategy": Recipe.of(QDA).strategy})).strategy == "qda"


@pytest.mark.slow
def test_joint_steps_that_are_known_are_not_solved_again_and_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(tmp_path / "whole")
    steps = [step["joint"] for step in RunDirectory(tmp_path / "whole").journal()]
    run(prepare(recipe()), RunDirectory(tmp_path / "partly"), joint=steps[:2])
    assert_same(tmp_path / "whole", tmp_path / "partly")
    monkeypatch.setattr("cltool.joint.softmax_regression", None)
    run(prepare(recipe()), RunDirectory(tmp_path / "wholly"), joint=steps)
    assert_same(tmp_path / "whole", tmp_path / "wholly")


def test_a_run_without_pictures_has_all_else(tmp_path: Path) -> None:
    asked = recipe(joint=False, backbone="random:features=24")
    run(prepare(asked), RunDirectory(tmp_path / "run"), pictures=False)
    assert not list((tmp_path / "run").glob("*.png"))
    assert (tmp_path / "run" / "metrics.json").is_file()
