"""The run directory: what a run leaves, in which order it is written, and how it is taken up again.

A step is finished when its line stands in journal.jsonl; all else a step writes is there before. What a step
replaces rather than adds (the merged head, the sum of statistics) waits under a numbered name until then.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cltool.errors import CallError
from cltool.files import save_text
from cltool.heads import Head
from cltool.learner import Knowledge, LinearPredictor
from cltool.plugin import Configured
from cltool.recipe import Recipe
from cltool.spaces import FeatureSpace
from cltool.standardization import Standardization
from cltool.statistics import Statistics


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TaskFacts(_Strict):
    """A task's name, outputs, and how many training and test pictures it has."""

    name: str
    outputs: list[str]
    train: int
    test: int


class JointFacts(_Strict):
    """The joint reference's accuracy after each task, and the decay it used; None where it was left out."""

    curve: list[float]
    decay: list[float]


class SurgeryFacts(_Strict):
    """What one surgery did, an entry per task: see cltool.surgeries.Effect; `no_op` where it never did a thing."""

    surgery: str
    sparsity: list[float]
    cosine_distance: list[float]
    range_before: list[tuple[float, float]]
    range_after: list[tuple[float, float]]
    no_op: bool

    @property
    def of_final_head(self) -> dict[str, float]:
        """`sparsity` and `cosine_distance` of the last merged head; of surgery on tasks, the mean over tasks."""
        lists = {"sparsity": self.sparsity, "cosine_distance": self.cosine_distance}
        on_tasks = self.surgery.endswith("@task")
        return {key: sum(values) / len(values) if on_tasks else values[-1] for key, values in lists.items()}


class UnknownFacts(_Strict):
    """After each task: how often `unknown` scores highest on known and novel pictures, and its AUROC."""

    rate_known: list[float | None]
    rate_novel: list[float | None]
    auroc: list[float | None]


class Cost(_Strict):
    """Seconds by kind of work, peak memory of the process, bytes the method keeps, weights."""

    backbone_s: float = 0.0
    extract_s: float = 0.0
    fit_s: float = 0.0
    statistics_s: float = 0.0
    merge_s: float = 0.0
    evaluate_s: float = 0.0
    joint_s: float = 0.0
    peak_rss_mb: float
    bytes_kept: int
    parameters_total: int
    parameters_per_task: list[int]


class Metrics(_Strict):
    """metrics.json, schema 1: see docs/run-directory.md."""

    schema_: Literal[1] = Field(1, alias="schema")
    score: Literal["accuracy"] = "accuracy"
    stream: str
    strategy: str
    merge: str
    surgery: list[str] = Field(default_factory=list)
    surgery_effects: list[SurgeryFacts] = Field(default_factory=list)
    lift: str | None = None
    head: str
    unknown_from: str
    backbone: str
    universal: dict[str, Any] | None
    seed: int
    note: str
    tasks: list[TaskFacts]
    left_out: list[str]
    matrix: list[list[float | None]]
    matrix_task_aware: list[list[float | None]]
    curve: list[float]
    accuracy_final: float
    accuracy_average_incremental: float
    forgetting_chaudhry: float
    forgetting_avalanche: float
    bwt_gem: float
    joint: JointFacts | None
    gap_to_joint: list[float] | None
    unknown: UnknownFacts | None
    cost: Cost


@dataclass(frozen=True)
class RunDirectory:
    """Paths and order of a run's files."""

    path: Path

    @classmethod
    def create(cls, path: str | Path, recipe: Recipe) -> RunDirectory:
        """A new run directory with its recipe; raises CallError if it holds anything or cannot be made."""
        run = cls(Path(path))
        run.check_free()
        try:
            run.path.mkdir(parents=True, exist_ok=True)
            recipe.save(run.path / "recipe.yaml")
        except OSError as error:
            raise CallError(f"cannot write --out {path}: {error.strerror}") from None
        return run

    def check_free(self) -> None:
        """Raise CallError if the directory holds anything, or could not be made; makes nothing."""
        if self.path.is_dir() and any(self.path.iterdir()):
            raise CallError(f"--out {self.path} is not empty; take another, or --resume {self.path}")
        existing = next(p for p in (self.path, *self.path.absolute().parents) if p.exists())
        if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
            raise CallError(f"cannot write --out {self.path}: {existing} is no folder one can write to")

    @classmethod
    def open(cls, path: str | Path) -> tuple[RunDirectory, Recipe]:
        """A run to be resumed and its recipe; raises CallError if there is none."""
        if not (Path(path) / "recipe.yaml").is_file():
            raise CallError(f"--resume {path}: there is no recipe.yaml, so no run to take up")
        return cls(Path(path)), Recipe.load(Path(path) / "recipe.yaml")

    def journal(self) -> list[dict[str, Any]]:
        """The finished steps; a last line that a kill cut short does not count and is cut off."""
        path = self.path / "journal.jsonl"
        if not path.is_file():
            return []
        whole, steps = b"", []
        for line in path.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            steps.append(json.loads(line))
            whole += line
        if len(whole) < path.stat().st_size:
            with path.open("r+b") as file:
                file.truncate(len(whole))
        return steps

    def finish_step(self, learned: LinearPredictor, facts: Mapping[str, Any], operated: bool = False) -> None:
        """Keep what a task has brought, and then its line in the journal.

        `operated`: whether surgery acts on the merged head; both it and its scored copy are kept then.
        """
        knowledge = learned.knowledge
        number = knowledge.tasks
        if number == 1:
            knowledge.space.standardization.save(self.path / "standardization.safetensors")
        learned.task_head.save(self.path / "heads" / f"{number:03d}.safetensors")
        learned.head.save(self._waiting("head", number))
        if operated:
            knowledge.head.save(self._waiting("merged", number))
        knowledge.statistics.save(self._waiting("statistics", number))
        with (self.path / "journal.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(facts, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._settle(number)

    def _waiting(self, stem: str, number: int) -> Path:
        return self.path / f"{stem}-{number:03d}.safetensors"

    def _settle(self, number: int) -> None:
        """Put step `number`'s waiting files in their places and drop those of a step that never finished."""
        for stem in ("head", "merged", "statistics"):
            if self._waiting(stem, number).exists():
                self._waiting(stem, number).replace(self.path / f"{stem}.safetensors")
            for path in self.path.glob(f"{stem}-*.safetensors"):
                path.unlink()

    def knowledge(self, steps: int, lift: Configured | None = None, operated: bool = False) -> Knowledge | None:
        """What was known after `steps` finished steps, over a feature space with this lift.

        Raises CallError where a file of a finished step is missing or no longer sound.
        """
        self._settle(steps)
        if not steps:
            return None
        standardization = Standardization.load(self.path / "standardization.safetensors")
        return Knowledge(
            FeatureSpace.restored(standardization, lift),
            self.merged_head(operated),
            Statistics.load(self.path / "statistics.safetensors"),
            steps,
        )

    def merged_head(self, operated: bool) -> Head:
        """The head that the next merge gets: `merged.safetensors` where surgery acts on a copy of it."""
        return Head.load(self.path / ("merged.safetensors" if operated else "head.safetensors"))

    def task_heads(self) -> list[Head]:
        """Each task's own head, as it was fitted."""
        return [Head.load(path) for path in sorted((self.path / "heads").glob("*.safetensors"))]

    def write_metrics(self, metrics: Metrics) -> None:
        """Write metrics.json, whole or not at all."""
        content = metrics.model_dump(mode="json", by_alias=True)
        save_text(self.path / "metrics.json", json.dumps(content, indent=2, ensure_ascii=False) + "\n")
