"""Exact merges beside the softmax heads they make unnecessary: time, bytes kept, and what float32 would cost.

Time: a stream is learned from features in memory, each method its own whole way: sums, for `gram` the tasks' ridge
heads too, and the merge, which a run makes after every task, since it scores every step; who wants the last head only
makes it once. It is told as a share of the time that the same tasks' softmax heads take
by SGD (40 epochs, as `--head softmax` does), measured in the same process, turn about; medians over the turns.

Precision: ridge and lda with sums and solutions in float32 beside float64, on the features of all tasks, as they are
and lifted (`relu`); gram with heads in float32 and in float64 beside the joint ridge head.

Features are made up (Gaussian classes, seeded) unless a stream is named.
"""

from __future__ import annotations

import json
import statistics as averages
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from cltool import Head, Statistics

EXACT = ("ridge", "ridge:strength=100", "lda", "ncm", "gram")
STRENGTH = 100.0  # of ridge heads and of gram; and the fixed one of the precision table
SPACE = "the benchmark's feature space"


@dataclass(frozen=True)
class Learned:
    """A task in features: x [n, D], targets [n, K] and their names."""

    features: Tensor
    targets: Tensor
    names: tuple[str, ...]


def compare(
    stream: Annotated[str | None, typer.Option(help="As in cltool run; default: made-up features.")] = None,
    data_root: Annotated[Path | None, typer.Option(help="As in cltool run.")] = None,
    backbone: Annotated[str | None, typer.Option(help="As in cltool run.")] = None,
    tasks: Annotated[int, typer.Option(help="Tasks of the stream.")] = 10,
    classes_per_task: Annotated[int, typer.Option(help="Classes of each.")] = 10,
    samples: Annotated[int, typer.Option(help="Of every class, where features are made up.")] = 100,
    width: Annotated[int, typer.Option(help="D, where features are made up.")] = 512,
    lifts: Annotated[str, typer.Option(help="Widths of the lifts that precision is measured on; empty: none.")] = "512",
    turns: Annotated[int, typer.Option(help="How often every method is timed.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Time exact merges beside the tasks' softmax heads, count what they keep, and compare float32 with float64."""
    if stream:
        learned, about = (
            read(stream, data_root, backbone, tasks, classes_per_task),
            f"{stream}, {backbone or 'default'}",
        )
    else:
        learned, about = make_up(tasks, classes_per_task, samples, width), "synthetic: seeded Gaussian classes"
    times = timed(learned, turns)
    rows = [row for dim in (None, *map(int, filter(None, lifts.split(",")))) for row in precision(lifted(learned, dim))]
    result = {"features": about, "times": times, "precision": rows}
    if as_json:
        print(json.dumps(result))
        return
    console = Console()
    console.print(f"{about}; {len(learned)} tasks, D = {learned[0].features.shape[1]}")
    console.print(table("method", times))
    console.print(table("solved", rows))


def make_up(tasks: int, classes: int, samples: int, width: int) -> list[Learned]:
    """Gaussian classes that overlap, in tasks of `classes`."""
    import torch

    from cltool.seeding import generator

    rng = generator("benchmark", "merges")
    mixing = torch.randn(width, width, generator=rng) / width**0.5
    made = []
    for number in range(tasks):
        centres = torch.randn(classes, width, generator=rng) / 2
        targets = torch.eye(classes).repeat_interleave(samples, 0)
        noise = torch.randn(len(targets), width, generator=rng) @ mixing
        names = tuple(f"{number * classes + i:03}" for i in range(classes))
        made.append(Learned(targets @ centres + noise, targets, names))
    return made


def read(stream: str, data_root: Path | None, backbone: str | None, tasks: int, classes: int) -> list[Learned]:
    """Standardised training features of a stream's tasks, through the feature bank."""
    from cltool import FeatureBank, discover
    from cltool.plugin import Spec
    from cltool.progress import Silent
    from cltool.spaces import FeatureSpace
    from cltool.tasks import arrange

    catalogue, progress = discover(), Silent()
    chosen = catalogue.configure("stream", Spec.parse(stream))
    arranged = arrange(chosen(data_root=data_root, progress=progress), tasks, classes)
    spec = Spec.parse(backbone or chosen.plugin.facts["backbone"])
    network = catalogue.configure("backbone", spec)(stream=arranged, device="cpu", progress=progress)
    bank, space, found = FeatureBank(), None, []
    for task in arranged.tasks(0):
        x = bank.features(task.train, network)
        space = space or FeatureSpace.of(x, None)
        found.append(Learned(space(x), task.train_targets, task.outputs))
    return found


def lifted(tasks: Sequence[Learned], dim: int | None) -> list[Learned]:
    """The same tasks through a lift of `dim` numbers; as they are without one."""
    import torch

    from cltool_plugins.lifts.relu import relu

    if dim is None:
        return list(tasks)
    lift = relu(tasks[0].features.shape[1], dim=dim)
    with torch.no_grad():
        return [replace(task, features=lift(task.features)) for task in tasks]


def timed(tasks: Sequence[Learned], turns: int) -> list[dict[str, Any]]:
    """Seconds of the SGD heads and of every exact merge, their ratio, and the bytes that stay."""
    import torch

    from cltool import discover
    from cltool.plugin import Spec
    from cltool_plugins.heads.softmax import softmax

    def heads() -> int:
        for task in tasks:
            targets = torch.nn.functional.pad(task.targets, (0, 1))
            softmax(task.features, targets, torch.Generator().manual_seed(0))
        return 0

    merges = {name: discover().configure("merge", Spec.parse(name)) for name in EXACT}
    ways: dict[str, Callable[[], int]] = {"softmax heads, SGD": heads}
    for name, merge in merges.items():
        ways[f"{name}, after every task"] = partial(fold, merge, tasks)
        if not merge.asks("old", "new"):
            ways[f"{name}, once"] = partial(merge_once, merge, tasks)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    kept = {}
    for _ in range(turns):
        for name, way in ways.items():
            start = time.perf_counter()
            kept[name] = way()
            seconds[name].append(time.perf_counter() - start)
    medians = {name: averages.median(found) for name, found in seconds.items()}
    baseline = medians["softmax heads, SGD"]
    return [
        {"method": n, "seconds": round(s, 3), "of SGD": round(s / baseline, 4), "bytes kept": kept[n]}
        for n, s in medians.items()
    ]


def fold(merge: Any, tasks: Sequence[Learned]) -> int:
    """Learn all tasks by a merge, as the learner does; gives the bytes it keeps at the end."""
    import torch

    from cltool import Statistics

    with_heads = merge.asks("old", "new")
    head, total = None, Statistics.empty(tasks[0].features.shape[1], SPACE)
    for task in tasks:
        own = Statistics.of(task.features, task.targets, task.names, SPACE)
        new = ridge_head(task) if with_heads else None
        sums = total + own
        if with_heads and head is None:
            head = new
        else:
            given = {"old_statistics": total, "new_statistics": own, "statistics": sums}
            head = merge(old=head, new=new, **given, rng=torch.Generator())
        total = sums
    assert head is not None
    return total.nbytes + (head.nbytes if with_heads else 0)


def merge_once(merge: Any, tasks: Sequence[Learned]) -> int:
    """Add up all tasks' sums and merge them in the end; gives the bytes kept until then."""
    import torch

    from cltool import Statistics

    total = Statistics.empty(tasks[0].features.shape[1], SPACE)
    for task in tasks:
        total = total + Statistics.of(task.features, task.targets, task.names, SPACE)
    merge(statistics=total, rng=torch.Generator())
    return total.nbytes


def ridge_head(task: Learned, dtype: torch.dtype | None = None) -> Head:
    """The task's own ridge head, of its features' dtype unless another is given."""
    import torch

    from cltool import Head
    from cltool_plugins.heads.ridge import ridge

    features = task.features.to(dtype or task.features.dtype)
    weight, bias = ridge(features, task.targets, torch.Generator(), strength=STRENGTH)
    return Head(task.names, weight, bias, task.targets.sum(0), SPACE)


def precision(tasks: Sequence[Learned]) -> list[dict[str, Any]]:
    """Rows of the table: what float32 takes and how far off it is, beside float64."""
    import torch

    from cltool import Statistics
    from cltool_plugins.merges.lda import lda
    from cltool_plugins.merges.ridge_path import CentredSums, RidgePath

    parts = [Statistics.of(task.features, task.targets, task.names, SPACE) for task in tasks]
    sums = sum(parts, Statistics.empty(tasks[0].features.shape[1], SPACE))
    x = torch.cat([task.features for task in tasks])

    def path(given: Statistics) -> Tensor:
        found = RidgePath.of(CentredSums.of(given))
        return found.solution(found.best())

    def discriminants(given: Statistics) -> Tensor:
        head = lda(given, shrinkage=0.1)
        return torch.cat([head.weight, head.bias[:, None]], 1)

    ways: dict[str, Callable[[Statistics], Tensor]] = {
        f"ridge, λ = {STRENGTH:g} (Cholesky)": lambda given: CentredSums.of(given).solution(STRENGTH),
        "ridge, λ by GCV (eigh)": path,
        "lda, γ = 0.1 (Cholesky)": discriminants,
    }
    rows = [solved_twice(name, way, sums, x) for name, way in ways.items()]
    return [*rows, *(gram_beside_joint(tasks, parts, sums, x, dtype) for dtype in (torch.float32, torch.float64))]


def solved_twice(name: str, way: Callable[[Statistics], Tensor], sums: Statistics, x: Tensor) -> dict[str, Any]:
    """One solution in both precisions; an error in float32 is told in the place of a difference."""
    import torch

    single = ("count", "gram", "cross", "target_squares")
    rounded = replace(sums, **{key: getattr(sums, key).float() for key in single})
    start = time.perf_counter()
    exact = way(sums)
    middle = time.perf_counter()
    row = {"solved": name, "D": x.shape[1], "float64 s": round(middle - start, 3)}
    try:
        found = way(rounded)
    except torch.linalg.LinAlgError as error:
        return {**row, "float32 s": None, "weights off": type(error).__name__, "decided otherwise": None}
    return {**row, "float32 s": round(time.perf_counter() - middle, 3), **differences(found, exact, x)}


def gram_beside_joint(
    tasks: Sequence[Learned], parts: Sequence[Statistics], sums: Statistics, x: Tensor, dtype: torch.dtype
) -> dict[str, Any]:
    """Heads of a dtype folded by gram (sums and solution in float64), beside the joint ridge head."""
    import torch

    from cltool import Statistics
    from cltool_plugins.merges.gram import gram
    from cltool_plugins.merges.ridge_path import CentredSums

    head, total = ridge_head(tasks[0], dtype), Statistics.empty(x.shape[1], SPACE) + parts[0]
    start = time.perf_counter()
    for task, own in zip(tasks[1:], parts[1:], strict=True):
        head, total = gram(head, ridge_head(task, dtype), total, own, strength=STRENGTH), total + own
    seconds = round(time.perf_counter() - start, 3)
    rows = torch.cat([head.weight, head.bias[:, None]], 1)
    taken = {"float64 s": None, "float32 s": None, f"{str(dtype).removeprefix('torch.')} s": seconds}
    found = differences(rows, CentredSums.of(sums).solution(STRENGTH), x)
    return {
        "solved": f"gram, {str(dtype).removeprefix('torch.')} heads, beside joint",
        "D": x.shape[1],
        **taken,
        **found,
    }


def differences(found: Tensor, exact: Tensor, x: Tensor) -> dict[str, Any]:
    """Largest difference of weights as a share of the largest, and the share of samples that are decided otherwise."""
    import torch

    found, exact = found.double(), exact.double()
    wide = torch.cat([x, x.new_ones(len(x), 1)], 1).double()
    off = float((found - exact)[:, :-1].abs().max() / exact[:, :-1].abs().max())
    otherwise = float(((wide @ found.T).argmax(1) != (wide @ exact.T).argmax(1)).double().mean())
    return {"weights off": float(f"{off:.2g}"), "decided otherwise": round(otherwise, 5)}


def table(first: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    """Rows of equal keys as a table."""
    made = Table()
    for key in rows[0]:
        made.add_column(key, justify="left" if key == first else "right")
    for row in rows:
        made.add_row(*("–" if row[key] is None else str(row[key]) for key in rows[0]))
    return made
