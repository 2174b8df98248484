"""cltool beside Avalanche 0.6: the same stream, the same frozen network, the same heads, both ways in one go.

The work: Tiny-ImageNet-100, 10 tasks of 10 classes in the owner's order, through a frozen SqueezeNet 1.0 at
128 pixels; features standardised on the first task; per task one softmax head over its own classes and
`unknown`, by SGD (20 epochs, batch 64, rate .01 falling by a cosine, momentum .9, decay 5e-3); class rows put
side by side; after each task, the accuracy on the test pictures of all classes seen. No joint reference.

Four ways, each in a process of its own, whose peak memory is therefore its own (what it imports included):

- avalanche, pictures: pictures are decoded and go through the network in every epoch and evaluation, as
  Avalanche's users write it (`avalanche_naive`), without loader processes as is its default (`--workers`).
  Spared two handicaps: evaluation takes batches of 64 where the default is 1, and the network is cltool's
  own, whose memory layout (channels last) takes half the time of torchvision's on a CPU.
- cltool, cold: cltool's Learner with an empty feature bank; extracting and keeping is timed.
- cltool, warm: the same again. Features are read; heads, merges and scores are computed anew.
- avalanche, cached features: Avalanche's head alone, on the features of cltool's bank, in memory.

The rule of the clock is one for all: it starts after imports, after the network (the features, for the last
way) is loaded from disk and the pictures' names are listed. Reading, decoding and hashing pictures, the pass
that the standardisation is taken from, and reading the warm bank are timed. cltool also scores `unknown`
and the pictures of classes to come after each task, which Avalanche is not asked for.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

# The ways import what they need themselves: this module is also the parent's, which stays small. On Linux a
# process starts with its parent's peak memory as its own.
if TYPE_CHECKING:
    from cltool.backbones import Backbone
    from cltool.pictures import Block
    from cltool.run import Setup

SIZE = 128
TOLERANCE = 0.01
SHARED = Path(__file__).resolve().parents[2] / "shared"
PICTURES, COLD, WARM, CACHED = (
    "avalanche, pictures",
    "cltool, cold",
    "cltool, warm",
    "avalanche, cached features",
)


@dataclass(frozen=True)
class Work:
    """What every way is given: pictures as train/CLASS/ and val/CLASS/, weights, and cltool's own cache."""

    pictures: Path
    weights: Path
    cache: Path
    tasks: int
    epochs: int
    workers: int


@dataclass(frozen=True)
class Result:
    """What one way took, and the accuracy on all classes seen after each task."""

    way: str
    seconds: float
    cpu_seconds: float
    peak_mb: float
    curve: list[float]

    @property
    def final(self) -> float:
        return self.curve[-1]

    @property
    def average(self) -> float:
        return sum(self.curve) / len(self.curve)


def _load(work: Work) -> tuple[Setup, Backbone]:
    """The stream, the learner and the frozen network, by cltool's plugins."""
    from cltool.recipe import Choice, Recipe
    from cltool.run import prepare

    recipe = Recipe(
        schema=1,
        stream=Choice(name="folder"),
        data_root=str(work.pictures),
        tasks=work.tasks,
        backbone=Choice(name="squeezenet1_0", options={"weights": str(work.weights), "size": SIZE}),
        head=Choice(name="softmax", options={"epochs": work.epochs}),
        device="cpu",
    )
    setup = prepare(recipe)
    return setup, setup.backbone()


def _cltool(work: Work, warm: bool) -> Iterator[float]:
    from cltool.evaluation import evaluate
    from cltool.features import FeatureBank
    from cltool.metrics import pooled

    setup, backbone = _load(work)
    if not warm:
        _ = backbone.body  # built on its first use: now, not under the clock; a warm run needs none
    stream, bank = setup.stream, FeatureBank()
    features = partial(bank.features, backbone=backbone)
    counts = stream.test_counts
    assert setup.learner is not None
    predictors = setup.learner(stream, features=features, backbone=backbone.fingerprint)
    return (pooled(evaluate(known, stream, step).row, counts) for step, known in enumerate(predictors))


def _avalanche_pictures(work: Work) -> Iterator[float]:
    from benchmarks.avalanche_naive import learn, picture_set

    _, backbone = _load(work)
    train, test = (picture_set(work.pictures / split, SIZE) for split in ("train", "val"))
    return learn(train, test, backbone.body, backbone.width, work)


def _avalanche_cached(work: Work) -> Iterator[float]:
    import torch

    from benchmarks.avalanche_naive import FeatureSet, learn
    from cltool.features import FeatureBank

    setup, backbone = _load(work)
    pictures = setup.stream.pictures

    def kept(split: Mapping[str, Block]) -> FeatureSet:
        blocks = [split[name] for name in pictures.outputs]
        targets = torch.cat([torch.full((len(block),), label) for label, block in enumerate(blocks)])
        return FeatureSet(FeatureBank().features(blocks, backbone), targets)

    return learn(kept(pictures.train), kept(pictures.test), torch.nn.Identity(), backbone.width, work)


# A way loads all it needs and gives an iterator, each step of which learns a task and scores it. They run in
# this order: the bank that the cold run fills is read by those after it.
WAYS: Mapping[str, Callable[[Work], Iterator[float]]] = {
    PICTURES: _avalanche_pictures,
    COLD: partial(_cltool, warm=False),
    WARM: partial(_cltool, warm=True),
    CACHED: _avalanche_cached,
}


def _measure(way: str, work: Work) -> Result:
    """Go one way under the clock, in the process that this is called in."""
    os.environ["CLTOOL_CACHE"] = str(work.cache)  # an earlier benchmark's features must not be found
    steps = WAYS[way](work)
    curve: list[float] = []
    start, cpu = time.perf_counter(), time.process_time()
    for accuracy in steps:
        curve.append(accuracy)
        spent = time.perf_counter() - start
        line = f"{way}: task {len(curve)} of {work.tasks} after {spent:.1f} s, accuracy {accuracy:.3f}"
        print(line, file=sys.stderr, flush=True)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return Result(way, seconds, cpu, peak, curve)


def _alone(way: str, work: Work) -> Result:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_measure, way, work).result()


def _unzip(archive: Path, folder: Path, classes: int, per_class: int | None) -> None:
    """The first classes of both splits, and the first pictures of each, as files."""
    with zipfile.ZipFile(archive) as tree:
        found: dict[str, dict[str, list[str]]] = {"train": {}, "val": {}}
        for name in sorted(tree.namelist()):
            split, _, rest = name.partition("/")
            kind, _, picture = rest.partition("/")
            if picture and split in found:
                found[split].setdefault(kind, []).append(name)
        if classes > len(found["train"]):
            raise typer.BadParameter(f"--classes {classes}: the data have {len(found['train'])}")
        for kinds in found.values():
            for kind in sorted(kinds)[:classes]:
                tree.extractall(folder, kinds[kind][:per_class])


def compare(
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of each head.")] = 20,
    tasks: Annotated[int, typer.Option(min=1, help="Tasks, of equally many classes.")] = 10,
    classes: Annotated[int, typer.Option(min=1, help="Take the first so many classes.")] = 100,
    pictures_per_class: Annotated[
        int | None,
        typer.Option(min=1, help="Take the first so many of a class in each split.", show_default="all"),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=0, help="Avalanche's loader processes; their memory is not in the peak.")
    ] = 0,
    data: Annotated[
        Path,
        typer.Option(
            envvar="CLTOOL_TEST_DATA",
            help="Folder with tiny_imagenet_100.zip.",
            show_default="../shared/data",
        ),
    ] = SHARED / "data",
    weights: Annotated[
        Path | None,
        typer.Option(help="SqueezeNet 1.0's weights.", show_default="in weights/ beside the data's folder"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """cltool beside Avalanche: seconds, accuracy and peak memory of one class-incremental run, four ways.

    Tiny-ImageNet-100 through a frozen SqueezeNet, a softmax head per task: Avalanche from pictures, cltool
    with an empty and with a filled feature bank, Avalanche on cached features. Exit code 1 if accuracies
    differ by more than a point: then it was not the same work (in a quick try it may be chance). Clocks start
    when all is imported and loaded.

    Quick try: --classes 20 --tasks 2 --pictures-per-class 20 --epochs 2
    """
    archive = data / "tiny_imagenet_100.zip"
    weights = weights or data.resolve().parent / "weights" / "squeezenet1_0-imagenet.fp16.safetensors"
    for file in (archive, weights):
        if not file.is_file():
            raise typer.BadParameter(f"there is no {file}; give --data and --weights")
    if classes % tasks:
        raise typer.BadParameter(f"{classes} classes cannot be cut into {tasks} equal tasks")
    if find_spec("avalanche") is None:
        raise typer.BadParameter("Avalanche is not installed; try: uv sync --extra avalanche")
    with tempfile.TemporaryDirectory(prefix="cltool-benchmark-") as folder:
        pictures, cache = Path(folder, "pictures"), Path(folder, "cache")
        work = Work(pictures, weights.resolve(), cache, tasks, epochs, workers)
        _unzip(archive, work.pictures, classes, pictures_per_class)
        results = {way: _alone(way, work) for way in WAYS}
    if as_json:
        asked = {"epochs": epochs, "tasks": tasks, "classes": classes, "workers": workers}
        _print_json({**asked, "pictures_per_class": pictures_per_class}, results)
    else:
        _print_table(results)
    for name in ("final", "average"):
        reached = [getattr(result, name) for result in results.values()]
        if max(reached) - min(reached) > TOLERANCE:
            what = f"{name} accuracies differ by more than {TOLERANCE}"
            print(f"{what}: not the same work, or too few pictures and epochs to tell", file=sys.stderr)
            raise typer.Exit(1)


def _ratios(results: Mapping[str, Result]) -> dict[str, float]:
    """How many times as fast the first of each pair is as the second."""
    pairs = ((COLD, PICTURES), (WARM, PICTURES), (WARM, CACHED))
    return {f"{a} / {b}": results[b].seconds / results[a].seconds for a, b in pairs}


def _print_json(asked: Mapping[str, int | None], results: Mapping[str, Result]) -> None:
    ways = [
        {**asdict(result), "accuracy_final": result.final, "accuracy_average_incremental": result.average}
        for result in results.values()
    ]
    print(json.dumps({"schema": 1, **asked, "ways": ways, "ratios": _ratios(results)}))


def _print_table(results: Mapping[str, Result]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("way")
    for heading in ("seconds", "speed", "CPU s", "final", "average", "peak MB"):
        table.add_column(heading, justify="right")
    for way in (PICTURES, CACHED, COLD, WARM):
        result = results[way]
        table.add_row(
            way,
            f"{result.seconds:.2f}",
            f"{results[PICTURES].seconds / result.seconds:.1f}×",
            f"{result.cpu_seconds:.2f}",
            f"{result.final:.4f}",
            f"{result.average:.4f}",
            f"{result.peak_mb:.0f}",
        )
    console = Console()
    console.print(table)
    for pair, ratio in _ratios(results).items():
        console.print(f"{pair}: {ratio:.1f} times as fast", highlight=False)
