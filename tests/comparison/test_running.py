"""A comparison: its cells, what they share, and being taken up again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from scipy import stats

from cltool.comparison.cells import Job
from cltool.comparison.engines import ThisProcess
from cltool.comparison.grounds import Ground
from cltool.comparison.outcome import Outcome
from cltool.comparison.running import run_comparison
from cltool.comparison.setups import Comparison, open_comparison, prepare_comparison
from cltool.comparison.work import Answer, Heard
from cltool.files import slug
from cltool.progress import Silent
from cltool.recipe import Recipe
from cltool.run import prepare, run
from cltool.rundir import RunDirectory

SMALL = {"backbone": "random:features=12", "tasks": 2, "classes_per_task": 2}
Compare, Begun = Callable[..., Outcome], Callable[..., Comparison]


def take_up(root: Path) -> Outcome:
    return run_comparison(prepare_comparison(open_comparison(root), resumed=True), root)


def content(root: Path) -> dict[str, Any]:
    return json.loads((root / "comparison.json").read_text(encoding="utf-8"))


def without_cost(path: Path) -> dict[str, Any]:
    found = json.loads((path / "metrics.json").read_text())
    found.pop("cost")
    return found


@pytest.mark.slow
def test_a_cell_is_the_run_that_cltool_run_makes(compare: Compare, tmp_path: Path) -> None:
    strategies = ("concat+lift=relu:dim=20", "concat", "alpha+lift=relu:dim=20", "qda")
    compare(tmp_path / "cmp", *strategies, joint=True)
    cells = {"alpha+lift=relu:dim=20": "merge", "qda": "strategy", "concat": "merge"}
    for name, kind in cells.items():
        first, _, lift = name.partition("+lift=")
        recipe = {"stream": "digits", "class_order": "random", "seed": 1, kind: first, "lift": lift or None, **SMALL}
        run(prepare(Recipe.of(recipe)), RunDirectory(tmp_path / slug(name)), pictures=False)
        cell = tmp_path / "cmp" / "cells" / slug(name) / "1"
        assert without_cost(cell) == without_cost(tmp_path / slug(name))
        assert (cell / "recipe.yaml").read_text() == (tmp_path / slug(name) / "recipe.yaml").read_text()
        assert not (cell / "curves.png").exists()


@pytest.mark.slow
def test_the_joint_reference_is_solved_once_per_seed_and_lift(
    compare: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "cmp"
    from cltool.joint import JointReference

    solved = []
    whole = JointReference.solve
    monkeypatch.setattr(JointReference, "solve", lambda self: solved.append(1) or whole(self))
    compare(root, "concat", "alpha", "concat+lift=relu:dim=20", "qda", joint=True)
    assert len(solved) == 2 * 2 * 2  # seeds, lifts, tasks
    kept = {path.relative_to(root / "joint").as_posix() for path in (root / "joint").rglob("*.json")}
    assert kept == {f"{slug(f'lift={lift}')}/{seed}.json" for lift in ("none", "relu:dim=20") for seed in (0, 1)}
    found = content(root)
    assert [entry["strategy"] for entry in found["joint"]] == ["joint", "joint+lift=relu:dim=20"]
    assert found["joint"][0]["seeds"] == [0, 1]


@pytest.mark.slow
def test_comparison_json_tells_every_number_over_seeds(compare: Compare, tmp_path: Path) -> None:
    root = tmp_path / "cmp"
    outcome = compare(root, "concat+head=ridge", "concat+surgery=clahe@merged", joint=True, seeds=[0, 1, 5])
    found = content(root)
    assert (found["schema"], found["complete"], found["missing"], found["failed"]) == (1, True, [], [])
    assert (found["seeds"], found["class_order"]) == ([0, 1, 5], "random")
    (stream,) = found["streams"]
    assert stream == {
        **{"stream": "digits", "backbone": "random:features=12,size=8,seed=0", "universal": None},
        **{"score": "accuracy", "note": "", "holdout": None},
    }
    first, second = found["strategies"]
    assert (first["strategy"], first["head"], second["surgery"]) == ("concat+head=ridge", "ridge", ["clahe@merged"])
    assert [cell["seed"] for cell in first["cells"]] == [0, 1, 5]
    metrics = [json.loads((root / cell["path"] / "metrics.json").read_text()) for cell in first["cells"]]
    finals = [of["accuracy_final"] for of in metrics]
    assert [cell["accuracy_final"] for cell in first["cells"]] == finals
    low, high = stats.t.interval(0.95, 2, loc=sum(finals) / 3, scale=stats.sem(finals))
    told = first["accuracy_final"]
    assert (told["mean"], told["low"], told["high"], told["n"]) == pytest.approx((sum(finals) / 3, low, high, 3))
    for key in ("accuracy_average_incremental", "forgetting_chaudhry", "gap_to_joint", "joint_final", "bytes_kept"):
        assert first[key]["n"] == 3
    assert first["gap_to_joint"]["mean"] == pytest.approx(first["joint_final"]["mean"] - told["mean"])
    novel = [[value for value in of["unknown"]["auroc"] if value is not None] for of in metrics]
    assert first["unknown_auroc"]["mean"] == pytest.approx(fmean(map(fmean, novel)))
    costs = [of["cost"] for of in metrics]
    own = [c["fit_s"] + c["merge_s"] + c["statistics_s"] + c["evaluate_s"] for c in costs]
    assert first["seconds"]["mean"] == pytest.approx(sum(own) / 3, abs=1e-3)
    assert first["curve"]["classes"] == [2, 4]
    assert first["curve"]["mean"][-1] == pytest.approx(told["mean"])
    assert first["curve"]["low"][-1] == pytest.approx(low)
    assert outcome.content(root) == found


def test_one_seed_has_no_interval(compare: Compare, tmp_path: Path) -> None:
    root = tmp_path / "cmp"
    compare(root, "concat+head=ridge", seeds=[3])
    (entry,) = content(root)["strategies"]
    assert (entry["accuracy_final"]["low"], entry["curve"]["low"], entry["gap_to_joint"]) == (None, None, None)


@pytest.mark.slow
def test_seeds_shuffle_the_classes_unless_their_order_is_given(compare: Compare, tmp_path: Path) -> None:
    orders = {}
    for order in ("random", "given"):
        outcome = compare(tmp_path / order, "concat+head=ridge", class_order=order)
        orders[order] = [[task.outputs for task in run.metrics.tasks] for run in outcome.runs]
    assert orders["random"][0] != orders["random"][1]
    assert orders["given"][0] == orders["given"][1] == [["0", "1"], ["2", "3"]]


@pytest.mark.slow
def test_what_is_finished_is_not_run_again_and_what_is_half_done_is_taken_up(
    begun: Begun, tmp_path: Path, plugin: str
) -> None:
    root, log, brake = tmp_path / "cmp", tmp_path / "log.txt", tmp_path / "brake"
    slow = f"picky:over={brake}+surgery=prune:quantile=0.1@merged"
    comparison = begun(
        root, f"counted:log={log}", "concat+head=ridge", slow, seeds=[0], tasks=3, class_order="given", plugins=[plugin]
    )

    def stop(outcome: Outcome) -> None:
        if len(outcome.finished) == 2:
            brake.touch()

    with pytest.raises(KeyboardInterrupt):
        run_comparison(comparison, root, watch=stop)
    partial = content(root)
    assert not partial["complete"]
    assert [cell["strategy"] for cell in partial["missing"]] == [slow]
    assert [len(entry["cells"]) for entry in partial["strategies"]] == [1, 1]
    kept = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file() and "cells" in path.parts}
    brake.unlink()
    outcome = take_up(root)
    assert content(root)["complete"]
    assert len(outcome.runs) == 3
    assert log.read_text() == "begin\n"
    finished = [path for path in kept if slug(slow) not in path.parts]
    assert finished
    assert all(path.stat().st_mtime_ns == kept[path] for path in finished)


@pytest.mark.slow
def test_half_a_merge_goes_on_and_half_a_strategy_begins_anew(begun: Begun, tmp_path: Path, plugin: str) -> None:
    root, log = tmp_path / "cmp", tmp_path / "log.txt"
    comparison = begun(root, "concat+head=ridge", f"counted:log={log}", seeds=[0], tasks=3, plugins=[plugin])

    def stop(step: dict[str, Any]) -> None:
        if step["task"] == "002":
            raise KeyboardInterrupt

    for cell in comparison.cells():
        with pytest.raises(KeyboardInterrupt):
            run(comparison.setup(cell), RunDirectory(root / "cells" / cell.place), watch=stop)
    first = (root / "cells" / slug("concat+head=ridge") / "0" / "heads" / "001.safetensors").stat().st_mtime_ns
    take_up(root)
    assert (root / "cells" / slug("concat+head=ridge") / "0" / "heads" / "001.safetensors").stat().st_mtime_ns == first
    assert log.read_text() == "begin\nbegin\n"
    assert content(root)["complete"]


@pytest.mark.slow
def test_a_cell_that_fails_is_told_and_costs_no_other(begun: Begun, tmp_path: Path, plugin: str) -> None:
    root = tmp_path / "cmp"
    comparison = begun(root, "picky", "concat+head=ridge", class_order="given", tasks=5, seeds=[0], plugins=[plugin])
    told = []
    outcome = run_comparison(comparison, root, warn=lambda cell, failure: told.append((cell.strategy, failure.message)))
    assert told == [("picky", "RuntimeError: seven is not for me")]
    assert [run.metrics.strategy for run in outcome.runs] == ["concat+head=ridge"]
    (failed,) = content(root)["failed"]
    cell = {"stream": "digits", "strategy": "picky", "seed": 0, "path": "cells/picky/0"}
    assert failed == {**cell, "message": "RuntimeError: seven is not for me"}
    assert not content(root)["complete"]
    assert content(root)["missing"] == []
    Path(plugin).write_text(Path(plugin).read_text().replace('if "7" in statistics.names', "if False"))
    assert not take_up(root).failed
    assert content(root)["complete"]


@pytest.mark.slow
def test_several_streams_have_folders_and_rows_of_their_own(compare: Compare, tmp_path: Path) -> None:
    from PIL import Image

    for split, count in (("train", 4), ("val", 2)):
        for name in "abcd":
            (tmp_path / "data" / split / name).mkdir(parents=True)
            for i in range(count):
                Image.effect_noise((8, 8), 60).save(tmp_path / "data" / split / name / f"{i}.png")
    streams = ("digits", "folder")
    changes = {"streams": streams, "data_root": str(tmp_path / "data"), "seeds": [0]}
    outcome = compare(tmp_path / "cmp", "concat+head=ridge", "ncm", **changes)
    assert not outcome.failed
    found = content(tmp_path / "cmp")
    assert [entry["stream"] for entry in found["strategies"]] == ["digits", "digits", "folder", "folder"]
    assert [entry["stream"] for entry in found["streams"]] == ["digits", "folder"]
    assert (tmp_path / "cmp" / "cells" / "folder" / "ncm" / "0" / "metrics.json").is_file()


def test_a_cell_that_was_broken_off_before_its_recipe_was_there_begins_anew(begun: Begun, tmp_path: Path) -> None:
    comparison = begun(tmp_path / "cmp", "ncm", seeds=[0])
    (tmp_path / "cmp" / "cells" / "ncm" / "0").mkdir(parents=True)
    (tmp_path / "cmp" / "cells" / "ncm" / "0" / ".recipe-1.yaml").touch()
    assert not run_comparison(comparison, tmp_path / "cmp").failed
    assert not (tmp_path / "cmp" / "cells" / "ncm" / "0" / ".recipe-1.yaml").exists()


class Seen(Silent):
    """What there are bars of."""

    def __init__(self) -> None:
        self.bars: list[str] = []

    @contextmanager
    def track(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        self.bars.append(what)
        yield lambda count: None
        self.bars.remove(what)


def test_what_is_going_on_is_seen(begun: Begun, tmp_path: Path) -> None:
    comparison, seen = begun(tmp_path / "cmp", "ncm", "lda", seeds=[3]), Seen()
    engine, told = ThisProcess(comparison, tmp_path / "cmp", Heard()), []
    wait = engine.wait
    engine.slots, engine.wait = 2, lambda: told.append([*seen.bars]) or wait()  # type: ignore[method-assign,func-returns-value]
    run_comparison(comparison, tmp_path / "cmp", engine=engine, progress=seen)
    assert told == [["cells", "ncm, seed 3", "lda, seed 3"], ["cells", "lda, seed 3"]]
    assert seen.bars == []


class Deadly:
    """An engine whose workers die of one strategy; it does all else here."""

    slots, again = 2, 1

    def __init__(self, here: ThisProcess, deadly: str) -> None:
        self.here, self.deadly = here, deadly
        self.dead: list[Job] = []
        self.closed = False

    def start(self, job: Job, known: list, ground: Ground) -> None:
        if job.cell.strategy == self.deadly:
            self.dead.append(job)
        else:
            self.here.start(job, known, ground)

    def wait(self) -> tuple[Job, Answer | None]:
        return (self.dead.pop(), None) if self.dead else self.here.wait()

    def close(self) -> None:
        self.closed = True


def test_a_cell_whose_worker_dies_again_and_again_is_given_up(begun: Begun, tmp_path: Path) -> None:
    comparison, heard = begun(tmp_path / "cmp", "qda", "ncm", seeds=[0]), Heard()
    engine = Deadly(ThisProcess(comparison, tmp_path / "cmp", heard), "qda")
    outcome = run_comparison(comparison, tmp_path / "cmp", engine=engine, progress=heard)
    assert [run.metrics.strategy for run in outcome.runs] == ["ncm"]
    assert list(outcome.failed.values()) == ["its worker died 2 times: killed, or out of memory; try fewer --jobs"]
    assert heard.lines == ["worker of cells/qda/0 died; it is started again"]
    assert engine.closed


def test_a_reference_that_fails_costs_the_cells_that_wait_for_it(begun: Begun, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from torch import Tensor\nfrom cltool import lift\n\n\n@lift\ndef broken(width: int):\n"
        "    'Break.'\n    raise ZeroDivisionError('on purpose')\n"
    )
    plugins = [str(tmp_path / "mine.py")]
    comparison = begun(tmp_path / "cmp", "ncm", "ncm+lift=broken", joint=True, seeds=[0], plugins=plugins)
    outcome = run_comparison(comparison, tmp_path / "cmp")
    assert [run.metrics.strategy for run in outcome.runs] == ["ncm"]
    assert list(outcome.failed.values()) == ["joint reference: ZeroDivisionError: on purpose"]
