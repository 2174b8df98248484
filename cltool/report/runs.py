"""Finished runs side by side: grouped by strategy, their numbers averaged over seeds."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from pydantic import ValidationError

from cltool.catalogue import discover
from cltool.errors import CallError, PluginError
from cltool.places import split_place
from cltool.plugin import Spec
from cltool.recipe import Choice, Recipe
from cltool.rundir import Metrics


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
            return cls(path, Metrics.model_validate(content), Recipe.load(path / "recipe.yaml"))
        except ValidationError as error:
            first = error.errors()[0]
            raise CallError(f"{path}/metrics.json, {'.'.join(map(str, first['loc']))}: {first['msg']}") from None

    def option(self, name: str) -> float | None:
        """The number that an option of the run's surgery, merge, lift, unknown or head had; None without it.

        None, too, where another option has taken its place, as `relative` does with the default `margin`.
        """
        recipe = self.recipe
        others = {"merge": recipe.merge, "lift": recipe.lift, "unknown": recipe.unknown, "head": recipe.head}
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
        return f"{metrics.stream}, {metrics.backbone}, {' + '.join(map(str, sizes))} classes"

    def strategy(self, without: str | None = None) -> str:
        """The strategy as spelled; `without` leaves the value of an option out."""
        metrics, spelled = self.metrics, self.metrics.strategy
        if without is not None:
            for part in (metrics.merge, metrics.lift, metrics.unknown_from, metrics.head, *metrics.surgery):
                spelled = spelled.replace(part, without_option(part, without)) if part else spelled
        return spelled


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
        """The label, and a mark where surgeries changed nothing."""
        idle, total = self.no_ops, len(self.runs)
        return self.label + ("" if not idle else " (no-op)" if idle == total else f" (no-op in {idle} of {total})")

    def mean(self, of: Callable[[Metrics], float]) -> float:
        """Mean over the runs of a number of their metrics."""
        return fmean(of(run.metrics) for run in self.runs)

    def deviation(self, of: Callable[[Metrics], float]) -> float:
        """Standard deviation over the runs, ddof 1; 0 for a single one."""
        return stdev([of(run.metrics) for run in self.runs]) if len(self.runs) > 1 else 0.0


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


def without_option(part: str, option: str) -> str:
    """A plugin's spelling without the value of one of its options.

    >>> without_option("prune:bias=True,margin=0.1@task", "margin")
    'prune:bias=True@task'
    """
    text, place = split_place(part)
    spec = Spec.parse(text)
    return str(Spec(spec.name, {k: v for k, v in spec.options.items() if k != option})) + (f"@{place}" if place else "")


def sparsity(metrics: Metrics) -> float | None:
    """Share of zero weights that the run's last surgery left; None where it had none."""
    return metrics.surgery_effects[-1].of_final_head["sparsity"] if metrics.surgery_effects else None


def rows(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """A row of numbers per group: mean, deviation and each run's final accuracy, forgetting, gap, surgery."""
    table = []
    for group in groups:
        effects = [run.metrics.surgery_effects[-1].of_final_head for run in group.runs if run.metrics.surgery_effects]
        gaps = [run.metrics.gap_to_joint[-1] for run in group.runs if run.metrics.gap_to_joint]
        table.append(
            {
                "strategy": group.title,
                "runs": len(group.runs),
                "final": group.mean(lambda m: m.accuracy_final),
                "deviation": group.deviation(lambda m: m.accuracy_final),
                "each": [run.metrics.accuracy_final for run in group.runs],
                "average": group.mean(lambda m: m.accuracy_average_incremental),
                "forgetting": group.mean(lambda m: m.forgetting_chaudhry),
                "gap_to_joint": fmean(gaps) if gaps else None,
                "sparsity": fmean(e["sparsity"] for e in effects) if effects else None,
                "cosine_distance": fmean(e["cosine_distance"] for e in effects) if effects else None,
            }
        )
    return table


def markdown(table: Sequence[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| strategy | runs | final accuracy | average | forgetting | gap to joint | zero weights | cosine distance |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in table:
        spread = f" ± {row['deviation']:.3f}" if row["runs"] > 1 else ""
        first = [row["strategy"], str(row["runs"]), f"{row['final']:.3f}{spread}"]
        cells = [_cell(row[key]) for key in ("average", "forgetting", "gap_to_joint")]
        zero = "" if row["sparsity"] is None else f"{row['sparsity']:.1%}"
        lines.append(f"| {' | '.join([*first, *cells, zero, _cell(row['cosine_distance'])])} |")
    return "\n".join(lines) + "\n"


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
