"""A comparison: strategies × seeds on one or several streams; every cell is an ordinary run directory.

What strategies of one stream and seed have in common is done once: data and backbone are kept while their cells
run, and the joint reference of each lift is solved for the first of them and handed to the others.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from cltool.backbones import Backbone
from cltool.catalogue import discover
from cltool.errors import CallError
from cltool.files import check_free_folder, save_text
from cltool.pictures import PictureSet
from cltool.progress import Progress, Silent
from cltool.recipe import Choice, Recipe, RecipeFile
from cltool.report.runs import FinishedRun
from cltool.report.summary import summary
from cltool.run import check_pictures, run
from cltool.rundir import RunDirectory
from cltool.setups import Setup, prepare
from cltool.strategies import METHOD, parse

Method = dict[str, Any]  # the keys of a recipe that say how is learned


class ComparisonRecipe(RecipeFile):
    """What `cltool compare` was asked for: streams and strategies by their spelling, and what all cells share.

    `strategies` has the keys of a recipe that say how is learned.
    """

    streams: dict[str, Choice] = Field(min_length=1)
    strategies: dict[str, Method] = Field(min_length=1)
    seeds: list[int] = Field(min_length=1)
    data_root: str | None = None
    tasks: int | None = None
    classes_per_task: int | list[int] | None = None
    class_order: Literal["given", "random"] = "random"
    backbone: Choice | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    joint: bool = True
    holdout: Annotated[float, Field(gt=0, lt=1)] | None = None
    plugins: list[str] = Field(default_factory=list)

    @classmethod
    def spelled(
        cls, streams: Sequence[str], strategies: Sequence[str], plugins: Sequence[str] = (), **others: Any
    ) -> ComparisonRecipe:
        """The recipe of streams and strategies as a person spells them.

        Raises CallError for a strategy that is no spelling, and for what is given twice.
        """
        catalogue = discover([Path(file) for file in plugins])
        for option, texts in (("stream", streams), ("strategy", strategies)):
            if twice := [text for place, text in enumerate(texts) if text in texts[:place]]:
                raise CallError(f"--{option} {twice[0]} is given twice")
        chosen = {text: parse(text, catalogue) for text in strategies}
        named = {text: text for text in streams}
        brought = [file for method in chosen.values() for file in method.pop("plugins", ())]
        files = list(dict.fromkeys([*plugins, *brought]))
        return cls.of({"streams": named, "strategies": chosen, "plugins": files, **others}, "this call")

    def cell(self, stream: str, strategy: str, seed: int) -> Recipe:
        """The recipe of one run."""
        shared = ("data_root", "tasks", "classes_per_task", "class_order", "backbone", "device", "joint", "holdout")
        given = {key: getattr(self, key) for key in (*shared, "plugins")}
        chosen = {"stream": self.streams[stream], "seed": seed, **given, **self.strategies[strategy]}
        return Recipe.of(chosen, f"strategy {strategy}")


@dataclass(frozen=True)
class Cell:
    """One run of a comparison; `place` is its folder below the comparison's `cells`."""

    stream: str
    strategy: str
    seed: int
    place: str

    @property
    def facts(self) -> dict[str, Any]:
        """How a cell is named in comparison.json."""
        return {"stream": self.stream, "strategy": self.strategy, "seed": self.seed, "path": f"cells/{self.place}"}


@dataclass(frozen=True)
class Comparison:
    """A comparison whose streams, strategies and data are found, checked and loaded; nothing is run yet."""

    recipe: ComparisonRecipe
    pictures: Mapping[str, PictureSet]  # by the stream's spelling

    def cells(self) -> list[Cell]:
        """All cells in the order in which they run: those that share stream and seed come together."""
        several = len(self.recipe.streams) > 1
        return [
            Cell(stream, name, seed, "/".join([*([slug(stream)] if several else []), slug(name), str(seed)]))
            for stream in self.recipe.streams
            for seed in self.recipe.seeds
            for name in self.recipe.strategies
        ]

    def setup(self, cell: Cell, progress: Progress | None = None) -> Setup:
        """A cell, ready to run."""
        recipe = self.recipe.cell(cell.stream, cell.strategy, cell.seed)
        return prepare(recipe, progress, self.pictures[cell.stream])


@dataclass
class Outcome:
    """How far a comparison is: its finished cells, and what stopped those that failed."""

    comparison: Comparison
    finished: dict[Cell, FinishedRun] = field(default_factory=dict)
    failed: dict[Cell, str] = field(default_factory=dict)

    @property
    def runs(self) -> list[FinishedRun]:
        """The finished cells' runs, by stream, strategy and seed, in the order in which these were asked for."""
        recipe = self.comparison.recipe
        streams, strategies = list(recipe.streams), list(recipe.strategies)

        def place(cell: Cell) -> tuple[int, int, int]:
            return streams.index(cell.stream), strategies.index(cell.strategy), recipe.seeds.index(cell.seed)

        return [self.finished[cell] for cell in sorted(self.finished, key=place)]

    def content(self, root: Path) -> dict[str, Any]:
        """comparison.json; see docs/run-directory.md."""
        recipe, cells = self.comparison.recipe, self.comparison.cells()
        missing = [cell.facts for cell in cells if cell not in self.finished and cell not in self.failed]
        return {
            "schema": 1,
            "complete": len(self.finished) == len(cells),
            "seeds": recipe.seeds,
            "class_order": recipe.class_order,
            **summary(self.runs, root),
            "missing": missing,
            "failed": [{**cell.facts, "message": message} for cell, message in self.failed.items()],
        }


Watch = Callable[[Outcome], None]  # is shown how far it is, after every cell
Warn = Callable[[Cell, Exception], None]  # is told of a cell that failed


def prepare_comparison(
    asked: ComparisonRecipe, progress: Progress | None = None, *, resumed: bool = False
) -> Comparison:
    """Find, check and load all that a comparison names; its streams and strategies have every default written out.

    A recipe that is `resumed` has them already, and keeps the names that its cells' folders are called by.
    Raises CallError for whatever is wrong with any of its cells, for a stream or a strategy that stands there twice,
    and for pictures or weights that cannot be read. Nothing is written but what backbones keep in the cache.
    """
    progress = progress or Silent()
    _check_score(asked)
    pictures: dict[str, PictureSet] = {}
    streams: dict[str, Choice] = {}
    strategies: dict[str, Method] = {}
    for stream in asked.streams:
        setups: dict[str, Setup] = {}
        for name in asked.strategies:
            known = next(iter(setups.values())).stream.pictures if setups else None
            setups[name] = prepare(asked.cell(stream, name, asked.seeds[0]), progress, known)
        first = next(iter(setups.values()))
        spelled = stream if resumed else str(first.source)
        if spelled in streams:
            raise CallError(f"--stream {stream} is another's spelling; leave it out")
        check_pictures(first, first.build(progress), progress)
        streams[spelled], pictures[spelled] = first.recipe.stream, first.stream.pictures
        strategies = _resolved(setups)
    if resumed:
        return Comparison(asked, pictures)
    update = {"streams": streams, "strategies": strategies}
    return Comparison(asked.model_copy(update=update), pictures)


def _check_score(asked: ComparisonRecipe) -> None:
    """Raise CallError for streams of classes beside streams of values; no data are read."""
    catalogue = discover([Path(file) for file in asked.plugins])
    facts = [catalogue.find("stream", choice.name).facts for choice in asked.streams.values()]
    for name, own in zip(asked.streams, facts, strict=True):
        if bool(own.get("values")) != bool(facts[0].get("values")):
            raise CallError(f"--stream {name}: streams of classes and of values have no score in common; compare apart")


def _resolved(setups: Mapping[str, Setup]) -> dict[str, Method]:
    """The strategies under their shortest spelling, every default written out."""
    found: dict[str, Method] = {}
    given: dict[str, str] = {}
    for name, setup in setups.items():
        short = setup.strategy
        if short in found:
            raise CallError(f"--strategy {name} is the same as --strategy {given[short]}; leave one out")
        given[short] = name
        keys = METHOD[1:] if setup.learner else METHOD[:1]
        found[short] = setup.recipe.model_dump(mode="json", include=set(keys))
    return found


def slug(text: str) -> str:
    """A spelling as the name of a folder: readable, safe on every file system, and no other spelling's.

    >>> slug("alpha"), slug("ridge+lift=relu:dim=4000")
    ('alpha', 'ridge+lift=relu-dim=4000-26447b3e')
    """
    safe = re.sub(r"[^a-z0-9_.=+,@-]+", "-", text.lower())[:80]
    return safe if safe == text else f"{safe}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def begin(comparison: Comparison, root: Path) -> None:
    """Make a comparison's directory, with its recipe; raises CallError if it holds anything or cannot be made."""
    check_free_folder(root)
    try:
        comparison.recipe.save(root / "comparison.yaml")
    except OSError as error:
        raise CallError(f"cannot write --out {root}: {error.strerror}") from None


def open_comparison(root: Path) -> ComparisonRecipe:
    """The recipe of a comparison to be resumed; raises CallError if there is none."""
    if not (root / "comparison.yaml").is_file():
        raise CallError(f"--resume {root}: there is no comparison.yaml, so no comparison to take up")
    return ComparisonRecipe.load(root / "comparison.yaml")


def run_comparison(
    comparison: Comparison,
    root: Path,
    *,
    progress: Progress | None = None,
    watch: Watch = lambda outcome: None,
    warn: Warn = lambda cell, error: None,
) -> Outcome:
    """Run all cells that are not finished, and write comparison.json after each; finished ones are only read.

    A cell that fails is told to `warn` and kept in the outcome; the others go on. What is wrong with a stream or a
    backbone is raised.
    """
    progress = progress or Silent()
    outcome = Outcome(comparison, {cell: done for cell in comparison.cells() if (done := _finished(root, cell))})
    _write(outcome, root)
    watch(outcome)
    left = [cell for cell in comparison.cells() if cell not in outcome.finished]
    backbone: Backbone | None = None
    before: Cell | None = None
    with progress.track("cells", len(comparison.cells())) as advance:
        advance(len(outcome.finished))
        for cell in left:
            setup = comparison.setup(cell, progress)
            if backbone is None or before is None or (before.stream, before.seed) != (cell.stream, cell.seed):
                backbone = setup.build(progress)
                check_pictures(setup, backbone, progress)
            before = cell
            try:
                outcome.finished[cell] = _run(setup, cell, root, backbone, progress)
            except Exception as error:  # whatever a plugin does in one cell must not cost the others
                outcome.failed[cell] = " ".join(f"{type(error).__name__}: {error}".split())
                warn(cell, error)
            _write(outcome, root)
            watch(outcome)
            advance(1)
    return outcome


def _finished(root: Path, cell: Cell) -> FinishedRun | None:
    path = root / "cells" / cell.place
    return FinishedRun.load(path) if (path / "metrics.json").is_file() else None


def _run(setup: Setup, cell: Cell, root: Path, backbone: Backbone, progress: Progress) -> FinishedRun:
    """Run a cell, or take it up where it was left, with the joint reference that another has solved."""
    out = RunDirectory(root / "cells" / cell.place)
    lift = str(setup.learner.lift) if setup.learner and setup.learner.lift else "none"
    place = [*cell.place.split("/")[:-2], f"lift={lift}"]
    reference = root.joinpath("joint", *place[:-1], slug(place[-1]), f"{cell.seed}.json")
    known = _solved(reference, backbone)
    half = (out.path / "recipe.yaml").is_file()
    metrics = run(setup, out, resume=half, progress=progress, backbone=backbone, joint=known, pictures=False)
    steps = [step["joint"] for step in out.journal()]
    if setup.recipe.joint and len(known) < len(steps):
        save_text(reference, json.dumps({"schema": 1, "backbone": backbone.fingerprint, "steps": steps}) + "\n")
    return FinishedRun(out.path, metrics, setup.recipe)


def _solved(reference: Path, backbone: Backbone) -> list[Any]:
    """The steps of a joint reference that another cell has solved; raises CallError for those on other weights."""
    if not reference.is_file():
        return []
    content = json.loads(reference.read_text(encoding="utf-8"))
    if content["backbone"] != backbone.fingerprint:
        raise CallError(f"the weights of {backbone.name} are not those this comparison began with; start a new one")
    steps: list[Any] = content["steps"]
    return steps


def _write(outcome: Outcome, root: Path) -> None:
    content = json.dumps(outcome.content(root), indent=2, ensure_ascii=False)
    save_text(root / "comparison.json", content + "\n")
