"""Finished runs side by side: grouped by strategy, over seeds, and the joint references beside them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from cltool.catalogue import discover
from cltool.errors import CallError, PluginError
from cltool.places import split_place
from cltool.plugin import Spec
from cltool.recipe import Choice, Recipe
from cltool.report.curves import protocol, score_name, unit_name
from cltool.rundir import Metrics
from cltool.spread import Spread, half_width

MATRICES = ("matrix", "matrix_task_aware")


@dataclass(frozen=True)
class FinishedRun:
    """A run directory that holds a whole run."""

    path: Path
    metrics: Metrics
    recipe: Recipe

    @classmethod
    def load(cls, path: str | Path) -> FinishedRun:
        """Read it; raises CallError for a folder without a finished run."""
        path = Path(path)
        try:
            content = json.loads((path / "metrics.json").read_text(encoding="utf-8"))
        except OSError:
            unfinished = (path / "recipe.yaml").is_file()
            what = f"that run is not finished; cltool run --resume {path}" if unfinished else "there is no run"
            raise CallError(f"{path}: {what}") from None
        except ValueError as error:
            raise CallError(f"{path}/metrics.json is damaged: {error}") from None
        try:
            metrics = Metrics.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ", ".join([f"{path}/metrics.json", *([".".join(map(str, first["loc"]))] if first["loc"] else [])])
            raise CallError(f"{where}: {first['msg']}") from None
        if lacking := _lacking(metrics):
            raise CallError(f"{path}/metrics.json is damaged: {lacking} has not a number for each task")
        return cls(path, metrics, Recipe.load(path / "recipe.yaml"))

    @property
    def order(self) -> tuple[str, ...]:
        """The stream's outputs in the order in which they were learned."""
        return tuple(name for task in self.metrics.tasks for name in task.outputs)

    def option(self, name: str) -> float | None:
        """The number that an option of the run's strategy, surgery, merge, lift, unknown or head had; None without it.

        None, too, where another option has taken its place, as `relative` does with the default `margin`.
        """
        recipe = self.recipe
        others = {"strategy": recipe.strategy}
        if self.metrics.merge:
            others |= {"merge": recipe.merge, "lift": recipe.lift}
        if self.metrics.head:  # a recipe names one also where no head was fitted
            others |= {"unknown": recipe.unknown, "head": recipe.head}
        for kind, choice in (*(("surgery", choice) for choice in recipe.surgery), *others.items()):
            value = choice.options.get(name) if choice else None
            if choice is None or isinstance(value, bool) or not isinstance(value, int | float):
                continue
            if not _displaced(kind, choice, name):
                return float(value)
        return None

    @property
    def setting(self) -> str:
        """All that must be alike for runs to differ by their seed only, but for the strategy."""
        metrics = self.metrics
        sizes = [len(task.outputs) for task in metrics.tasks]
        held_out = f", {metrics.holdout:.0%} held out" if metrics.holdout else ""
        cut = f"{' + '.join(map(str, sizes))} {unit_name(metrics)}"
        return f"{metrics.stream}, {metrics.backbone}, {cut}{held_out}"

    def strategy(self, without: str | None = None) -> str:
        """The strategy as spelled; `without` leaves the value of an option out."""
        metrics, spelled = self.metrics, self.metrics.strategy
        if without is not None:
            whole = metrics.merge or metrics.strategy
            for part in (whole, metrics.lift, metrics.unknown_from, metrics.head, *metrics.surgery):
                spelled = spelled.replace(part, without_option(part, without)) if part else spelled
        return spelled


def _lacking(metrics: Metrics) -> str | None:
    """Which list over tasks is not one."""
    square = {name: [row[: i + 1] for i, row in enumerate(getattr(metrics, name))] for name in MATRICES}
    curves = {"curve": metrics.curve, **({"joint.curve": metrics.joint.curve} if metrics.joint else {})}
    total = len(metrics.tasks)
    wrong = [name for name, rows in square.items() if [len(row) for row in rows] != list(range(1, total + 1))]
    wrong += [name for name, curve in curves.items() if len(curve) != total or not np.isfinite(curve).all()]
    wrong += ["by_class" for values in (metrics.by_class or {}).values() if len(values) != total]
    return wrong[0] if wrong else "tasks" if not total else None


def _displaced(kind: str, choice: Choice, name: str) -> bool:
    """Whether an option is at its default because another of its plugin's `one_of` was given."""
    try:
        plugin = discover().find(kind, choice.name)
    except PluginError:  # of a file that is not here any more: what the recipe says must do
        return False
    rivals = plugin.facts.get("one_of", ())
    moved = [option for option in rivals if choice.options.get(option) != plugin.options.model_fields[option].default]
    return name in rivals and bool(moved) and name not in moved


@dataclass(frozen=True)
class Group:
    """Runs of one strategy on one stream, over seeds."""

    label: str
    runs: Sequence[FinishedRun]

    @property
    def no_ops(self) -> int:
        """In how many of the runs every surgery changed nothing: they are the strategy without them."""
        effects = [run.metrics.surgery_effects for run in self.runs]
        return sum(bool(of_run) and all(effect.no_op for effect in of_run) for of_run in effects)

    @property
    def title(self) -> str:
        """The label, marked where surgeries changed nothing, and where a strategy is not ranked with the others."""
        idle, total = self.no_ops, len(self.runs)
        no_op = "" if not idle else " (no-op)" if idle == total else f" (no-op in {idle} of {total})"
        told = " (task-aware)" if self.task_aware else ""
        return f"{self.label}{no_op}{told}{' (keeps all data)' if self.keeps_all else ''}"

    @property
    def task_aware(self) -> bool:
        """Whether the strategy is told the task of a test picture: its scores are of an easier problem."""
        return self.runs[0].metrics.task_aware

    @property
    def keeps_all(self) -> bool:
        """Whether the strategy keeps all samples of earlier tasks: an upper bound."""
        return self.runs[0].metrics.keeps_all

    @property
    def ranked(self) -> bool:
        """Whether the strategy solves the others' problem, so that its score can be held beside theirs."""
        return not (self.task_aware or self.keeps_all)

    @property
    def setting(self) -> str:
        """What the runs have in common with those of other strategies that they may be compared with."""
        return self.runs[0].setting

    def spread(self, of: Callable[[Metrics], float | None]) -> Spread | None:
        """Mean, deviation and interval over the runs of a number of their metrics; None where a run has none."""
        values = [value for run in self.runs if (value := of(run.metrics)) is not None]
        return Spread.of(values) if values and len(values) == len(self.runs) else None

    @property
    def final(self) -> Spread:
        """The final score over the runs."""
        return Spread.of([run.metrics.accuracy_final for run in self.runs])

    def mean(self, of: Callable[[Metrics], float | None]) -> float | None:
        """The mean alone."""
        found = self.spread(of)
        return found.mean if found else None

    def curve(self, of: Callable[[Metrics], Sequence[float]]) -> dict[str, list[float] | list[int] | None]:
        """A curve over tasks: `classes` seen, its `mean` over the runs, `low` and `high` (None for a single run)."""
        curves = np.array([of(run.metrics) for run in self.runs])
        mean = curves.mean(0)
        half = half_width(curves) if len(curves) > 1 else None
        return {
            "classes": np.cumsum([len(task.outputs) for task in self.runs[0].metrics.tasks]).tolist(),
            "mean": mean.tolist(),
            "low": None if half is None else (mean - half).tolist(),
            "high": None if half is None else (mean + half).tolist(),
        }

    @property
    def score(self) -> str:
        """What the runs are scored by, as a person says it."""
        return score_name(self.runs[0].metrics)

    @property
    def units(self) -> str:
        """What the runs' stream was cut into."""
        return unit_name(self.runs[0].metrics)

    @property
    def about(self) -> str:
        """What a table or picture of the runs must say of where they come from."""
        metrics = self.runs[0].metrics
        return f"{metrics.stream}{protocol(metrics)}"


def grouped(runs: Sequence[FinishedRun], without: str | None = None) -> list[Group]:
    """Runs by setting and strategy, in order of their coming; `without` leaves an option out of what tells apart.

    Where all runs have one setting (stream, backbone, tasks), labels do not repeat it. Raises CallError for a run
    that is given twice: it is no second seed.
    """
    places = [run.path.resolve() for run in runs]
    if twice := [run.path for place, run in zip(places, runs, strict=True) if places.count(place) > 1]:
        raise CallError(f"{twice[0]} is given twice")
    alone = len({run.setting for run in runs}) == 1
    groups: dict[str, list[FinishedRun]] = {}
    for run in runs:
        strategy = run.strategy(without)
        groups.setdefault(strategy if alone else f"{run.setting}: {strategy}", []).append(run)
    return [Group(label, members) for label, members in groups.items()]


def by_setting(runs: Sequence[FinishedRun]) -> dict[str, list[FinishedRun]]:
    """The runs of each setting (stream, backbone, tasks), in order of their coming: what can be compared."""
    found: dict[str, list[FinishedRun]] = {}
    for run in runs:
        found.setdefault(run.setting, []).append(run)
    return found


def in_order(groups: Sequence[Group]) -> list[Group]:
    """Setting by setting the highest final score first; below them what is not ranked: keeps all data, task-aware."""
    settings = list(dict.fromkeys(group.setting for group in groups))

    def place(group: Group) -> tuple[int, bool, bool, float]:
        return settings.index(group.setting), group.task_aware, group.keeps_all, -group.final.mean

    return sorted(groups, key=place)


def finished_runs(paths: Sequence[Path]) -> list[FinishedRun]:
    """The runs in these folders; a comparison's folder stands for its finished cells.

    Raises CallError for a folder without a finished run.
    """
    return [FinishedRun.load(place) for path in paths for place in _places(path)]


def _places(path: Path) -> list[Path]:
    """A run's folder itself, or those of a comparison's finished cells, seeds by number."""
    if not (path / "cells").is_dir():
        return [path]
    found = [file.parent for file in (path / "cells").rglob("metrics.json")]
    if not found:
        raise CallError(f"{path}: no run of that comparison is finished; cltool compare --resume {path}")
    return sorted(found, key=lambda cell: (cell.parent, len(cell.name), cell.name))


def references(groups: Sequence[Group]) -> list[Group]:
    """The joint references of the groups' runs, called `joint` or `joint+lift=…`: any one run for each seed.

    Strategies with one lift, on one setting and order of classes, have one reference between them.
    """
    runs = [run for group in groups for run in group.runs]
    alone = len({run.setting for run in runs}) == 1
    found: dict[str, dict[tuple, FinishedRun]] = {}
    for run in runs:
        metrics = run.metrics
        if metrics.joint is None:
            continue
        label = f"joint+lift={metrics.lift}" if metrics.lift else "joint"
        label = label if alone else f"{run.setting}: {label}"
        found.setdefault(label, {}).setdefault((metrics.seed, run.order), run)
    return [Group(label, list(members.values())) for label, members in found.items()]


def in_common(of: Callable[[Group], str], groups: Sequence[Group], otherwise: str) -> str:
    """What a property of all groups is, and `otherwise` where they differ."""
    found = {of(group) for group in groups}
    return found.pop() if len(found) == 1 else otherwise


def joint_curve(metrics: Metrics) -> list[float]:
    """The joint reference's curve of a run that has one."""
    assert metrics.joint is not None
    return metrics.joint.curve


def without_option(part: str, option: str) -> str:
    """A plugin's spelling without the value of one of its options.

    >>> without_option("prune:bias=True,margin=0.1@task", "margin")
    'prune:bias=True@task'
    """
    text, place = split_place(part)
    spec = Spec.parse(text)
    return str(Spec(spec.name, {k: v for k, v in spec.options.items() if k != option})) + (f"@{place}" if place else "")
