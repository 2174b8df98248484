"""The run directory: what a run leaves, in which order it is written, and how it is taken up again.

A step is finished when its line stands in journal.jsonl; all else a step writes is there before. What a step
replaces rather than adds (the merged head, the sum of statistics) waits under a numbered name until then.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cltool.errors import CallError
from cltool.files import check_free_folder, save_text
from cltool.heads import Head
from cltool.learner import Knowledge, LinearPredictor, Predictor
from cltool.plugin import Configured
from cltool.recipe import Recipe, RecipeFile
from cltool.spaces import FeatureSpace
from cltool.standardization import Standardization
from cltool.statistics import Statistics


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TaskFacts(_Strict):
    """A task's name, outputs (of values: subjects or groups of videos), and how many training and test pictures."""

    name: str
    outputs: list[str]
    train: int
    test: int


class JointFacts(_Strict):
    """The joint reference's score after each task, and the decay it used; None where it was left out."""

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

    @property
    def mean_auroc(self) -> float | None:
        """Mean of `auroc` over the tasks after which there are novel pictures."""
        known = [value for value in self.auroc if value is not None]
        return sum(known) / len(known) if known else None


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
    bytes_kept: int | None
    samples_kept: int | None = None
    parameters_total: int | None
    parameters_per_task: list[int] | None

    @property
    def parameters_grown(self) -> int | None:
        """Weights that learning the stream put beside the backbone's; None where the strategy does not tell."""
        return None if self.parameters_per_task is None else sum(self.parameters_per_task)

    @property
    def learning_s(self) -> float:
        """Seconds of what the strategy does with features: sums, heads, merges."""
        return round(self.fit_s + self.statistics_s + self.merge_s, 4)

    @property
    def strategy_s(self) -> float:
        """Seconds that are the strategy's own: without the backbone, the features and the joint reference."""
        return round(self.learning_s + self.evaluate_s, 4)


class Metrics(_Strict):
    """metrics.json, schema 1: see docs/run-directory.md."""

    schema_: Literal[1] = Field(1, alias="schema")
    score: Literal["accuracy", "ccc"] = "accuracy"
    stream: str
    strategy: str
    merge: str | None  # None where a strategy plugin learned
    surgery: list[str] = Field(default_factory=list)
    surgery_effects: list[SurgeryFacts] = Field(default_factory=list)
    lift: str | None = None
    head: str | None  # None, as the next, where no task had a head of its own
    unknown_from: str | None
    backbone: str
    universal: dict[str, Any] | None
    seed: int
    note: str
    holdout: float | None = None
    task_aware: bool = False  # told the task of a test picture
    keeps_all: bool = False  # all samples of earlier tasks
    tasks: list[TaskFacts]
    left_out: list[str]
    matrix: list[list[float | None]]
    matrix_task_aware: list[list[float | None]]
    curve: list[float]
    by_class: dict[str, list[float | None]] | None = None
    curve_by_output: dict[str, list[float]] | None = None  # of values
    accuracy_final: float
    accuracy_average_incremental: float
    forgetting_chaudhry: float
    forgetting_avalanche: float
    bwt_gem: float
    joint: JointFacts | None
    gap_to_joint: list[float] | None
    unknown: UnknownFacts | None
    cost: Cost


@contextmanager
def begun(path: Path, recipe: RecipeFile, hopeless: Callable[[BaseException], bool]) -> Iterator[None]:
    """Make a folder, with a recipe, for work that goes on in the block.

    What was made is taken away again where the block ends with an error after which, as `hopeless` says, there is
    nothing to take up. Raises CallError if the folder holds anything or cannot be made.
    """
    check_free_folder(path)
    made = [folder for folder in (path, *path.absolute().parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        recipe.save(path / "recipe.yaml")
    except OSError as error:
        raise CallError(f"cannot write --out {path}: {error.strerror}") from None
    try:
        yield
    except BaseException as error:
        if hopeless(error):
            (path / "recipe.yaml").unlink(missing_ok=True)
            with suppress(OSError):  # somebody has put something there
                for folder in made:
                    folder.rmdir()
        raise


@dataclass(frozen=True)
class RunDirectory:
    """Paths and order of a run's files."""

    path: Path

    @contextmanager
    def begun(self, recipe: Recipe) -> Iterator[None]:
        """Make the directory, with its recipe, for a run that goes on in the block.

        Raises CallError if it holds anything or cannot be made. A CallError in the block before the first step is
        finished takes away again what was made, so that the same `--out` can be given to the call that is right.
        """
        with begun(self.path, recipe, lambda error: isinstance(error, CallError) and not self.journal()):
            yield

    def check_free(self) -> None:
        """Raise CallError if the directory holds anything, or could not be made; makes nothing."""
        check_free_folder(self.path)

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

    def start_again(self) -> None:
        """Forget the finished steps of a run that kept nothing to go on from."""
        (self.path / "journal.jsonl").unlink(missing_ok=True)

    def finish_step(self, number: int, learned: Predictor, facts: Mapping[str, Any], operated: bool = False) -> None:
        """Keep what task `number` (counted from 1) has brought, and then its line in the journal.

        Of merged heads all is kept that the next task needs; a strategy's predictor is its own affair. `operated`:
        whether surgery acts on the merged head; both it and its scored copy are kept then.
        """
        if isinstance(learned, LinearPredictor):
            self._keep(number, learned, operated)
        with (self.path / "journal.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(facts, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._settle(number)

    def _keep(self, number: int, learned: LinearPredictor, operated: bool) -> None:
        knowledge = learned.knowledge
        if number == 1:
            knowledge.space.standardization.save(self.path / "standardization.safetensors")
        if learned.task_head:
            learned.task_head.save(self.path / "heads" / f"{number:03d}.safetensors")
        learned.head.save(self._waiting("head", number))
        if operated:
            knowledge.head.save(self._waiting("merged", number))
        knowledge.statistics.save(self._waiting("statistics", number))

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
        """Each task's own head, as it was fitted; none where the merge asks for none."""
        return [Head.load(path) for path in sorted((self.path / "heads").glob("*.safetensors"))]

    def write_metrics(self, metrics: Metrics) -> None:
        """Write metrics.json, whole or not at all."""
        content = metrics.model_dump(mode="json", by_alias=True)
        save_text(self.path / "metrics.json", json.dumps(content, indent=2, ensure_ascii=False) + "\n")
