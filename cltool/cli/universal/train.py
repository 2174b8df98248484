"""`cltool universal train`: a whole network on a stream's pictures."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cltool.cli.arguments import (
    DATA,
    METHOD,
    OUTPUT,
    DataRoot,
    Debug,
    Json,
    PluginFiles,
    names,
    parse_label_map,
)
from cltool.errors import CallError

if TYPE_CHECKING:
    from rich.table import Table

    from cltool.universal.cards import Card
    from cltool.universal.recipes import TrainingRecipe

EXAMPLES = (
    "Example, the thesis' recipe: cltool universal train --stream ferplus --data-root FOLDER --backbone resnet18. "
    "Drawings: cltool universal train --stream digits --backbone resnet18:weights=none --size 32 --augment warp. "
    "Several GPUs: torchrun --nproc-per-node 2 --no-python cltool universal train …; --batch is shared by them."
)
TRAINING = "Training"


def train(
    recipe: Annotated[
        Path | None,
        typer.Argument(help="A recipe.yaml of an earlier training to repeat; options given beside it win."),
    ] = None,
    stream: Annotated[
        str | None,
        typer.Option(metavar="NAME[:k=v,…]", help=f"Stream of pictures: {names('stream')}.", rich_help_panel=DATA),
    ] = None,
    data_root: DataRoot = None,
    classes: Annotated[
        str | None,
        typer.Option(
            metavar="K | NAME,NAME,…", help="The first so many classes, or these. Default: all.", rich_help_panel=DATA
        ),
    ] = None,
    label_map: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="YAML: every class of the data → the class to be learnt; several may become one, null leaves one out.",
            rich_help_panel=DATA,
        ),
    ] = None,
    validation: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Share of each class' training pictures held out to choose the best epoch by. Default: 0.1.",
            rich_help_panel=DATA,
        ),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:k=v,…]",
            help="Network, and the weights to start from: any backbone, e.g. resnet50, densenet161:weights=none. "
            "Default: resnet18 from ImageNet.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(help="Side of what the network is shown, in pixels. Default: its own.", rich_help_panel=METHOD),
    ] = None,
    resize: Annotated[
        int | None,
        typer.Option(
            help="Pictures are resized to this, and `size` is cut out. Default: 8/7 of it.", rich_help_panel=METHOD
        ),
    ] = None,
    augment: Annotated[
        str | None,
        typer.Option(
            metavar="crop|warp|none",
            help="Vary training pictures: a window anywhere; or turned, scaled, bent, strokes and contrast changed, "
            "for drawings. Default: crop.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    flip: Annotated[
        bool | None,
        typer.Option(
            "--flip/--no-flip",
            help="With crop: left and right exchanged in half of the pictures. Default: yes.",
            show_default=False,
            rich_help_panel=METHOD,
        ),
    ] = None,
    sampler: Annotated[
        str | None,
        typer.Option(
            metavar="balanced|shuffled",
            help="Every class equally often, or every picture once. Default: balanced.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(help="Pictures a step, of all processes together. Default: 64.", rich_help_panel=TRAINING),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="At most. Default: 70.", rich_help_panel=TRAINING)] = None,
    optimizer: Annotated[
        str | None, typer.Option(metavar="sgd|adamw", help="Default: sgd.", rich_help_panel=TRAINING)
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="The highest. Default: 0.01.", rich_help_panel=TRAINING)
    ] = None,
    momentum: Annotated[float | None, typer.Option(help="Of sgd. Default: 0.9.", rich_help_panel=TRAINING)] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Default: 0.0005.", rich_help_panel=TRAINING)] = None,
    schedule: Annotated[
        str | None,
        typer.Option(
            metavar="plateau|onecycle|cosine|constant",
            help="How the rate goes; plateau: a tenth whenever the validation loss stands still. Default: plateau.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(help="Epochs that plateau waits for a lower loss. Default: 10.", rich_help_panel=TRAINING),
    ] = None,
    early_stop: Annotated[
        int | None,
        typer.Option(
            help="Stop after so many epochs without a better validation accuracy; 0: never. Default: 15.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    label_smoothing: Annotated[float | None, typer.Option(help="Default: 0.", rich_help_panel=TRAINING)] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            metavar="float32|bfloat16|float16",
            help="Of the forward pass; weights are float32. Default: float32.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Of the held-out part, the order, the augmentation and the classifier. Default: 0.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            metavar="auto|cpu|cuda",
            help="Where to train. Default: auto. For several GPUs start it by torchrun, see below.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    plugin: PluginFiles = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Its directory; must be new or empty. Default: trainings/STREAM-BACKBONE-TIME.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Take up a training, after its last finished epoch.", rich_help_panel=OUTPUT),
    ] = None,
    json_: Json = False,
    debug: Debug = False,
) -> None:
    """Train a whole network on a stream's pictures, to be frozen under heads afterwards.

    The best epoch is kept: its weights without the classifier and a card of how they were made
    (best.safetensors), and the classifier as a head (head.safetensors). Defaults are the thesis' recipe for faces:
    pictures resized to 256, a random 224 cut out, classes drawn equally often. The test split is not read. The
    directory holds recipe, journal, checkpoint, card, loss curves and TensorBoard's files; `--resume` takes it up.

    Several GPUs of one machine share the batches when torchrun starts the command:
    torchrun --nproc-per-node 2 --no-python cltool universal train …
    """
    given = {
        "stream": stream,
        "data_root": str(data_root.absolute()) if data_root else None,
        "classes": _classes(classes),
        "label_map": parse_label_map(label_map),
        "validation": validation,
        "backbone": backbone,
        "size": size,
        "resize": resize,
        "augment": augment,
        "flip": flip,
        "sampler": sampler,
        "batch": batch,
        "epochs": epochs,
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "momentum": momentum,
        "weight_decay": weight_decay,
        "schedule": schedule,
        "patience": patience,
        "early_stop": early_stop,
        "label_smoothing": label_smoothing,
        "precision": precision,
        "seed": seed,
        "device": device,
        "plugins": [str(path.absolute()) for path in plugin] if plugin else None,
    }
    asked = {key: value for key, value in given.items() if value is not None}
    if resume is not None and (asked or recipe or out):
        first = next(iter(asked), "recipe" if recipe else "out")
        raise CallError(f"--resume takes its recipe from {resume}; leave out {first.replace('_', '-')}")
    if resume is not None:
        _train(_recipe_of(resume), resume, True, json_)
    else:
        wanted = _wanted(asked, recipe)
        _train(wanted, out or _default_out(wanted), False, json_)


def _classes(text: str | None) -> int | list[str] | None:
    """`--classes`: a number, or names.

    Raises CallError for fewer than two.

    >>> _classes("7"), _classes("anger,fear")
    (7, ['anger', 'fear'])
    """
    if text is None:
        return None
    if text.isdecimal() and int(text) < 2:
        raise CallError(f"--classes {text}: a network learns to tell two or more apart; give 2 or more, or names")
    return int(text) if text.isdecimal() else [name.strip() for name in text.split(",")]


def _wanted(asked: dict[str, Any], recipe: Path | None) -> TrainingRecipe:
    """A recipe's keys, if there is one, and those asked for, which win."""
    from cltool.universal.recipes import TrainingRecipe

    base = TrainingRecipe.load(recipe).model_dump(by_alias=True) if recipe else {}
    if not recipe and "stream" not in asked:
        raise CallError(f"--stream is missing; there are: {names('stream')}")
    if base and {"size", "backbone"} & asked.keys():  # what followed from another size or network
        base["resize"] = None
        base["size"] = None
        base["backbone"]["options"].pop("size", None)
    asked["plugins"] = [*base.get("plugins", ()), *asked.get("plugins", ())]
    if asked.get("early_stop") == 0:
        asked["early_stop"] = None
    return TrainingRecipe.of({**base, **asked}, "this call")


def _recipe_of(path: Path) -> TrainingRecipe:
    from cltool.universal.directory import TrainingDirectory

    return TrainingDirectory.recipe_of(path)


def _default_out(recipe: TrainingRecipe) -> Path:
    when = datetime.now().strftime("%Y%m%d-%H%M%S")
    return Path("trainings") / f"{recipe.stream.name}-{recipe.backbone.name}-{when}"


def _train(recipe: TrainingRecipe, out: Path, resume: bool, as_json: bool) -> None:
    from cltool.cli.console import Screen, growing
    from cltool.files import check_free_folder
    from cltool.training.processes import is_main_process
    from cltool.universal.directory import TrainingDirectory
    from cltool.universal.setups import prepare
    from cltool.universal.training import train

    # Every process loads the data for itself, all at once: torch can make them wait only in `train`, once it has
    # joined them, and its patience of ten minutes is less than a download may take.
    if not is_main_process():
        train(prepare(recipe), out, resume=resume)
        return
    if not resume:
        check_free_folder(out)
    earlier = TrainingDirectory(out).journal()
    with Screen() as screen:
        watch = growing(screen.show, epoch_table, earlier)
        card = train(prepare(recipe, screen), out, screen, watch, resume)
    journal = TrainingDirectory(out).journal()
    if resume and len(journal) == len(earlier) and not as_json:
        from cltool.cli.console import errors

        errors.print(f"the training in {out} had come to its end already", highlight=False)
    _show(card, out, journal, as_json)


def epoch_table(epochs: Sequence[dict[str, Any]], rows: int = 20) -> Table:
    """A row per finished epoch, the last so many; a star marks those that were the best so far."""
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("epoch", "rate", "loss", "accuracy", "held-out loss", "held-out accuracy", "", "seconds", "waited"):
        table.add_column(heading, justify="right")
    for facts in epochs[-rows:]:
        train, held = facts["train"], facts["validation"]
        table.add_row(
            str(facts["epoch"]),
            f"{facts['learning_rate']:.2g}",
            f"{train['loss']:.3f}",
            f"{train['accuracy']:.3f}",
            f"{held['loss']:.3f}",
            f"{held['accuracy']:.3f}",
            "★" if facts["best"] else "",
            f"{facts['seconds']:.1f}",
            f"{facts['data_wait']:.1%}",
        )
    return table


def _show(card: Card, out: Path, journal: Sequence[dict[str, Any]], as_json: bool) -> None:
    """The result on standard output: one JSON object, or what came out, where it lies and what to do with it."""
    if as_json:
        from dataclasses import asdict

        found = {"schema": 1, "out": str(out), "card": asdict(card), "epochs": list(journal)}
        sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
        return
    from cltool.cli.console import results

    best = card.metrics
    lines = (
        f"best epoch {best['epoch']} of {len(journal)}: accuracy {best['validation_accuracy']:.3f}, "
        f"loss {best['validation_loss']:.3f} on the held-out part",
        f"{out}: best.safetensors, head.safetensors, card.md, losses.png, journal.jsonl",
        f"look at it:  cltool universal evaluate {out}",
        f"use it:      cltool run --stream NAME --backbone trained:weights={out / 'best.safetensors'}",
    )
    for line in lines:
        results.print(line, highlight=False, soft_wrap=True, markup=False)
