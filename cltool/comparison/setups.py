"""From a comparison's recipe to what it names: found, checked, loaded; nothing is run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from cltool.catalogue import discover
from cltool.comparison.cells import Cell, CellJob, Job, JointJob
from cltool.comparison.recipes import ComparisonRecipe, Method
from cltool.errors import CallError
from cltool.files import check_free_folder, slug
from cltool.learner import Learner
from cltool.pictures import PictureSet
from cltool.plugin import Configured
from cltool.progress import Progress, Silent
from cltool.recipe import Choice
from cltool.run import check_pictures
from cltool.setups import Setup, prepare
from cltool.strategies import METHOD


@dataclass(frozen=True)
class Comparison:
    """A comparison whose streams, strategies and data are found, checked and loaded; nothing is run yet."""

    recipe: ComparisonRecipe
    pictures: Mapping[str, PictureSet]  # by the stream's spelling
    methods: Mapping[str, Learner | Configured]  # by the strategy's spelling

    def cells(self) -> list[Cell]:
        """All cells in the order in which they run: those that share stream and seed come together."""
        several = len(self.recipe.streams) > 1
        return [
            Cell(stream, name, seed, "/".join([*([slug(stream)] if several else []), slug(name), str(seed)]))
            for stream in self.recipe.streams
            for seed in self.recipe.seeds
            for name in self.recipe.strategies
        ]

    def jobs(self, cells: Collection[Cell], solved: Collection[str] = ()) -> list[Job]:
        """The jobs of some cells, in order; `solved` are references that need no job."""
        jobs: list[Job] = []
        known = set(solved)
        for cell in cells:
            reference = self.reference(cell)
            if reference is not None and reference not in known:
                known.add(reference)
                jobs.append(JointJob(cell, reference))
            jobs.append(CellJob(cell, reference))
        # what others wait for comes first among the jobs of a stream and seed
        order = {ground: place for place, ground in enumerate(dict.fromkeys(cell.ground for cell in cells))}
        return sorted(jobs, key=lambda job: (order[job.cell.ground], isinstance(job, CellJob)))

    def reference(self, cell: Cell) -> str | None:
        """The file of a cell's joint reference, below `joint`; None where none is wanted."""
        if not self.recipe.joint:
            return None
        method = self.methods[cell.strategy]
        lift = str(method.lift) if isinstance(method, Learner) and method.lift else "none"
        return "/".join([*cell.place.split("/")[:-2], slug(f"lift={lift}"), f"{cell.seed}.json"])

    def setup(self, cell: Cell, progress: Progress | None = None) -> Setup:
        """A cell, ready to run."""
        recipe = self.recipe.cell(cell.stream, cell.strategy, cell.seed)
        return prepare(recipe, progress, self.pictures[cell.stream])

    @property
    def reads_features(self) -> bool:
        """Whether any cell reads features of the frozen backbone."""
        return self.recipe.joint or any(not trains_all(method) for method in self.methods.values())


def trains_all(method: Learner | Configured) -> bool:
    """Whether a method trains the whole network and so reads pictures: a strategy with `train=all`."""
    return isinstance(method, Configured) and method.options.get("train") == "all"


def prepare_comparison(
    asked: ComparisonRecipe, progress: Progress | None = None, *, resumed: bool = False
) -> Comparison:
    """Find, check and load all that a comparison names.

    Streams, strategies and backbone of its recipe have every default written out then. One that is `resumed` has them
    already, and keeps the names that its cells' folders are called by.
    Raises CallError for whatever is wrong with any of its cells, for a stream or a strategy that stands there twice,
    and for pictures or weights that cannot be read. Nothing is written but what backbones keep in the cache.
    """
    progress = progress or Silent()
    _check_score(asked)
    pictures: dict[str, PictureSet] = {}
    streams: dict[str, Choice] = {}
    backbones: dict[str, Choice] = {}
    setups: dict[str, Setup] = {}
    for stream in asked.streams:
        setups = {}
        for name in asked.strategies:
            known = next(iter(setups.values())).stream.pictures if setups else None
            setups[name] = prepare(asked.cell(stream, name, asked.seeds[0]), progress, known)
        first = next(iter(setups.values()))
        spelled = stream if resumed else str(first.source)
        if spelled in streams:
            raise CallError(f"--stream {stream} is another's spelling; leave it out")
        check_pictures(first, first.build(progress), progress)
        streams[spelled], pictures[spelled] = first.recipe.stream, first.stream.pictures
        assert first.recipe.backbone is not None  # of a setup it is resolved
        backbones[spelled] = first.recipe.backbone
    if resumed:
        return Comparison(asked, pictures, {name: setup.method for name, setup in setups.items()})
    strategies = _resolved(setups)
    methods = dict(zip(strategies, (setup.method for setup in setups.values()), strict=True))
    return Comparison(asked.resolved(streams, strategies, backbones), pictures, methods)


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
