"""Whether a device waits for pictures: training a universal backbone, and extracting features for `run`.

Training: epochs of `cltool universal train`, as it is, beside the bare step: forward, backward and optimiser on one
batch of random numbers that stays on the device, as large and in the same precision. Two things are told: the share of
an epoch that the loop waited for data, which is the journal's `data_wait`, and the loop's steps a second beside the
bare ones. The loop also decides which pictures come, moves and varies them and watches the loss, so that what all of
this costs is the ratio's distance from 1; a wait of which the journal knows nothing would show there too.

Extraction: `FeatureBank.features` on blocks that no bank holds (a new folder every turn; their hash is taken before,
which for `run` is the first reading of the files), beside the bare forward pass of the same frozen body on one batch
that lies on the device, as large as the bank's, in the same precision and with the same settings of cudnn. Reading,
decoding, moving, resizing, and keeping the features are the distance from 1. Pictures come in blocks of a class,
and each block's last batch is smaller: few pictures of a class cost speed, as they do in a run.

Both ways of a pair take turns in one process, after a turn each that does not count; medians. Aims on a GPU: a wait
of less than 5 %, and an extraction within 10 % of the forward pass.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from cltool.universal.setups import TrainingSetup

WAIT, WITHIN = 0.05, 0.1  # what is aimed at on a GPU


def measure(
    stream: Annotated[str, typer.Option(help="As in cltool universal train.")] = "digits",
    data_root: Annotated[Path | None, typer.Option(help="As in cltool universal train.")] = None,
    backbone: Annotated[str, typer.Option(help="As in cltool universal train.")] = "resnet18:weights=none",
    size: Annotated[int | None, typer.Option(help="As in cltool universal train.")] = 64,
    resize: Annotated[int | None, typer.Option(help="As in cltool universal train.")] = None,
    augment: Annotated[str, typer.Option(help="As in cltool universal train.")] = "crop",
    batch: Annotated[int, typer.Option(help="Pictures of a training step.")] = 32,
    precision: Annotated[str, typer.Option(help="Of both: float32, bfloat16 or float16.")] = "float32",
    pictures_per_class: Annotated[int, typer.Option(min=0, help="Take the first so many of a class; 0: all.")] = 32,
    turns: Annotated[int, typer.Option(min=1, help="How often every way is timed.")] = 2,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Training beside its bare step, and extraction beside the bare forward pass: does the device wait for pictures?

    As it stands it takes a minute on a CPU. On a GPU: --stream ferplus --data-root FOLDER --backbone
    resnet50:weights=none --size 224 --batch 256 --precision bfloat16 --pictures-per-class 0
    """
    from cltool.errors import CallError
    from cltool.universal.recipes import TrainingRecipe
    from cltool.universal.setups import prepare

    shared = {"stream": stream, "data_root": str(data_root) if data_root else None, "backbone": backbone}
    pictures = {"size": size, "resize": resize, "augment": augment, "batch": batch}
    course = {"epochs": turns + 1, "early_stop": None, "schedule": "constant", "learning_rate": 1e-3}
    try:
        asked = {**shared, **pictures, **course, "precision": precision, "device": device}
        setup = _cut(prepare(TrainingRecipe.of(asked, "this call")), pictures_per_class)
        with tempfile.TemporaryDirectory(prefix="cltool-benchmark-") as folder:
            result = {"about": about(setup), "training": training(setup, Path(folder, "training"))}
            result["extraction"] = extraction(setup, turns, Path(folder))
    except CallError as error:
        raise typer.BadParameter(str(error)) from None
    if as_json:
        print(json.dumps({"schema": 1, **result}))
    else:
        _show(result)


def _cut(setup: TrainingSetup, per_class: int) -> TrainingSetup:
    """The same with the first so many training pictures of every class."""
    if not per_class:
        return setup
    blocks = setup.pictures.train
    train = {name: block.part(range(min(per_class, len(block))), "train") for name, block in blocks.items()}
    pictures = replace(setup.pictures, train=train)
    return replace(setup, pictures=pictures, stream=replace(setup.stream, pictures=pictures))


def about(setup: TrainingSetup) -> dict[str, Any]:
    """What was measured, and on what."""
    import torch

    recipe, blocks = setup.recipe, setup.pictures.train.values()
    cuda = setup.device == "cuda"
    return {
        "device": torch.cuda.get_device_name() if cuda else f"CPU, {torch.get_num_threads()} threads",
        "torch": torch.__version__,
        "stream": str(setup.source),
        "backbone": str(setup.backbone),
        "size": recipe.size,
        "resize": recipe.resize,
        "augment": recipe.augment,
        "precision": recipe.precision,
        "pictures": sum(len(block) for block in blocks),
        "classes": len(blocks),
    }


@dataclass
class Stopwatch:
    """A Progress that shows nothing and knows how long the last tracked work took, with all that a GPU had to do."""

    device: str
    seconds: float = 0.0

    @contextmanager
    def track(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """Time what is done in the block."""
        _wait_for(self.device)
        start = time.perf_counter()
        yield lambda advance: None
        _wait_for(self.device)
        self.seconds = time.perf_counter() - start

    def say(self, message: str) -> None:
        """Say nothing."""


def _wait_for(device: str) -> None:
    import torch

    if device == "cuda":
        torch.cuda.synchronize()


def training(setup: TrainingSetup, out: Path) -> dict[str, Any]:
    """The recipe's epochs but the first, each followed by as many bare steps, and what the loop waited for data."""
    from cltool.universal.training import train

    clock, step, batch = Stopwatch(setup.device), bare_step(setup), setup.recipe.batch
    loops, bares, waits = [], [], []

    def after_epoch(facts: Mapping[str, Any]) -> None:
        steps = sum(facts["drawn"].values()) / batch  # the last one may be smaller
        loops.append(steps / clock.seconds)
        waits.append(facts["data_wait"])
        with clock.track("bare steps", round(steps)):
            for _ in range(round(steps)):
                step()
        bares.append(round(steps) / clock.seconds)

    train(setup, out, clock, after_epoch)
    loop, bare = median(loops[1:]), median(bares[1:])  # cudnn tries its ways in the first
    return {
        "batch": batch,
        "loop_steps_per_s": loop,
        "bare_steps_per_s": bare,
        "ratio": loop / bare,
        "data_wait": median(waits[1:]),
        "aim_data_wait": WAIT,
    }


def bare_step(setup: TrainingSetup) -> Callable[[], None]:
    """One step of the recipe's network and optimiser on a batch of random numbers that stays on the device."""
    import torch
    from torch import nn

    from cltool.training.optimisation import optimizer_of

    recipe, described, device = setup.recipe, setup.described(), setup.device
    body = described.build().requires_grad_(True)
    network = nn.Sequential(body, nn.Linear(described.width, len(setup.classes))).train()
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer, precision = optimizer_of(recipe, network.parameters()), getattr(torch, recipe.precision)
    scaler = torch.amp.GradScaler(device, enabled=precision is torch.float16)
    pictures = _random(recipe.batch, setup)
    targets = torch.softmax(torch.randn(recipe.batch, len(setup.classes), device=device), 1)

    def step() -> None:
        with torch.autocast(device, precision, enabled=precision is not torch.float32):
            scores = network(pictures)
        scaler.scale(nn.functional.cross_entropy(scores.float(), targets)).backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()

    return step


def extraction(setup: TrainingSetup, turns: int, folder: Path) -> dict[str, Any]:
    """All training pictures through the frozen network into an empty bank, and as many by the bare forward pass."""
    import torch

    from cltool.features import FeatureBank

    frozen = replace(setup.described(), dtype=getattr(torch, setup.recipe.precision))
    blocks = list(setup.pictures.train.values())
    count = sum(len(block) for block in blocks)
    for block in blocks:
        _ = block.digest  # hashed once, before the clock starts
    body = frozen.body.to(setup.device)
    clock, banks, bares, size = Stopwatch(setup.device), [], [], 0
    for turn in range(turns + 1):
        bank = FeatureBank(folder / f"bank-{turn}", setup.device)
        size = bank.batch
        with clock.track("extraction", count):
            bank.features(blocks, frozen)
        banks.append(count / clock.seconds)
        pictures, times = _random(size, setup).to(frozen.dtype), -(-count // size)
        with torch.inference_mode(), clock.track("bare forward pass", times):
            for _ in range(times):
                body(pictures)
        bares.append(times * size / clock.seconds)
    bank_pace, bare = median(banks[1:]), median(bares[1:])
    return {
        "batch": size,
        "bank_pictures_per_s": bank_pace,
        "bare_pictures_per_s": bare,
        "ratio": bank_pace / bare,
        "aim_ratio": 1 - WITHIN,
    }


def _random(batch: int, setup: TrainingSetup) -> Any:
    """float32 [batch, channels, size, size] on the setup's device."""
    import torch

    transform = setup.described().transform
    pictures = torch.randn(batch, transform.channels, transform.size, transform.size, device=setup.device)
    return pictures.contiguous(memory_format=torch.channels_last)


def _show(result: Mapping[str, Mapping[str, Any]]) -> None:
    told, trained, extracted = (result[key] for key in ("about", "training", "extraction"))
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("", "as it is", "bare", "ratio", "batch"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, unit, own, bare, row in (
        ("training", "steps/s", "loop_steps_per_s", "bare_steps_per_s", trained),
        ("extraction", "pictures/s", "bank_pictures_per_s", "bare_pictures_per_s", extracted),
    ):
        paces = (f"{row[key]:.2f}" if name == "training" else f"{row[key]:.0f}" for key in (own, bare))
        table.add_row(f"{name}, {unit}", *paces, f"{row['ratio']:.3f}", str(row["batch"]))
    console = Console()
    lines = (f"{key} {value}" for key, value in told.items())
    console.print("; ".join(lines), highlight=False, soft_wrap=True, markup=False)
    console.print(table)
    wait, ratio = f"{trained['data_wait']:.2%}", f"{extracted['aim_ratio']:.2f}"
    aims = f"aims on a GPU: less than {WAIT:.0%}, and an extraction of {ratio} or more"
    console.print(f"training waited for data {wait} of the time; {aims}", highlight=False, soft_wrap=True)
