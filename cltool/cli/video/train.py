"""`cltool video train`: a valence–arousal network on the films of a feature store."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cltool.cli.arguments import DATA, METHOD, OUTPUT, Debug, Json, PluginFiles, names
from cltool.errors import CallError

if TYPE_CHECKING:
    from rich.table import Table

    from cltool.affect.models import ModelCard
    from cltool.affect.recipes import AffectRecipe

EXAMPLES = (
    "Examples: cltool video train features --network mesh. The thesis' recipe: cltool video train features --network "
    "full --preset orgil-rnn --loss non-inertial. Several processes: torchrun --nproc-per-node 2 --no-python cltool "
    "video train …; --batch is shared by them. After an interruption: cltool video train --resume trainings/…"
)
TRAINING = "Training"

Store = Annotated[
    Path | None, typer.Argument(metavar="STORE", help="The features, from cltool video extract.", show_default=False)
]
Split = Annotated[
    str | None,
    typer.Option(
        metavar="given|70/30|90/10|5-fold:K",
        help="Which films are for training and which to choose the best epoch by: the data set's own, or whole films "
        "(and people) by lot. Default: given.",
        rich_help_panel=DATA,
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(
        metavar="NAME | FILE.yaml",
        help=f"Settings to begin with: {names('preset')}, or an earlier training's recipe.yaml; options given beside "
        "it win. Default: the network's own.",
        rich_help_panel=TRAINING,
    ),
]
Context = Annotated[
    str | None,
    typer.Option(
        metavar="none|state|overlap",
        help="What a window knows of the one before it: nothing, the memory of a recurrent network, or half of its "
        "frames.",
        rich_help_panel=METHOD,
    ),
]
Order = Annotated[
    str | None,
    typer.Option(
        metavar="films|windows",
        help="Windows film by film, films by lot (the thesis), or all windows by lot.",
        rich_help_panel=TRAINING,
    ),
]
Scale = Annotated[
    str | None,
    typer.Option(
        metavar="standard|unit",
        help="Features by the training films' mean and deviation, or to 0…1 (the thesis).",
        rich_help_panel=METHOD,
    ),
]
ShuffleLabels = Annotated[
    bool | None,
    typer.Option(
        "--shuffle-labels",
        help="A control: deal the labels out anew among all frames, so that there is nothing to learn.",
        show_default=False,
        rich_help_panel=DATA,
    ),
]
Batch = Annotated[int | None, typer.Option(help="Windows a step, of all processes together.", rich_help_panel=TRAINING)]
Epochs = Annotated[int | None, typer.Option(help="At most.", rich_help_panel=TRAINING)]
Optimizer = Annotated[str | None, typer.Option(metavar="sgd|adamw", rich_help_panel=TRAINING)]
LearningRate = Annotated[float | None, typer.Option(help="The highest.", rich_help_panel=TRAINING)]
Momentum = Annotated[float | None, typer.Option(help="Of sgd.", rich_help_panel=TRAINING)]
WeightDecay = Annotated[float | None, typer.Option(rich_help_panel=TRAINING)]
Schedule = Annotated[
    str | None,
    typer.Option(
        metavar="plateau|onecycle|cosine|constant",
        help="How the rate goes; plateau: a tenth whenever the validation loss stands still.",
        rich_help_panel=TRAINING,
    ),
]
Patience = Annotated[
    int | None, typer.Option(help="Epochs that plateau waits for a lower loss.", rich_help_panel=TRAINING)
]
EarlyStop = Annotated[
    int | None,
    typer.Option(help="Stop after so many epochs without a better one; 0: never.", rich_help_panel=TRAINING),
]
Choose = Annotated[
    str | None,
    typer.Option(
        metavar="loss|ccc",
        help="The best epoch is that of the validation films' lowest loss, or highest mean CCC.",
        rich_help_panel=TRAINING,
    ),
]
Clip = Annotated[
    float | None, typer.Option(help="Longest gradient; longer ones are shortened to it.", rich_help_panel=TRAINING)
]
Precision = Annotated[
    str | None,
    typer.Option(
        metavar="float32|bfloat16|float16",
        help="Of the forward pass; weights and losses are float32.",
        rich_help_panel=TRAINING,
    ),
]
TrainingDevice = Annotated[
    str | None,
    typer.Option(
        metavar="auto|cpu|cuda",
        help="Where to train. Default: auto. For several GPUs start it by torchrun, see below.",
        rich_help_panel=TRAINING,
    ),
]


def train(
    store: Store = None,
    network: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:k=v,…]",
            help=f"The network: {names('network')}; cltool plugins show NAME tells what it reads.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:k=v,…][+W*NAME…]",
            help=f"What is lowered: {names('loss')}, or a weighted sum such as ccc+0.5*non-inertial. Default: ccc.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    sequence: Annotated[
        int | None, typer.Option(metavar="FRAMES", help="Length of a window.", rich_help_panel=METHOD)
    ] = None,
    context: Context = None,
    scale: Scale = None,
    split: Split = None,
    shuffle_labels: ShuffleLabels = None,
    preset: Preset = None,
    order: Order = None,
    batch: Batch = None,
    epochs: Epochs = None,
    optimizer: Optimizer = None,
    learning_rate: LearningRate = None,
    momentum: Momentum = None,
    weight_decay: WeightDecay = None,
    schedule: Schedule = None,
    patience: Patience = None,
    early_stop: EarlyStop = None,
    choose: Choose = None,
    clip: Clip = None,
    precision: Precision = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Of the split, the network and the order. Default: 0.", rich_help_panel=TRAINING),
    ] = None,
    device: TrainingDevice = None,
    plugin: PluginFiles = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Its directory; must be new or empty. Default: trainings/NETWORK-LOSS-TIME.", rich_help_panel=OUTPUT
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Take up a training, after its last finished epoch.", rich_help_panel=OUTPUT),
    ] = None,
    json_: Json = False,
    debug: Debug = False,
) -> None:
    """Train a network that tells valence and arousal, on films' features and labels.

    Films are cut into windows; whatever loss is trained, all three (MSE, CCC, Non-Inertial) and CCC per dimension are
    written down every epoch, for training and validation films. The best epoch is kept (best.safetensors), for cltool
    video evaluate and predict; the directory also holds recipe, journal, last.pt, training.png and TensorBoard's
    files. `--resume` takes it up.

    Several processes share the batches when torchrun starts the command:
    torchrun --nproc-per-node 2 --no-python cltool video train …
    """
    asked = given(
        store=store,
        network=network,
        loss=loss,
        sequence=sequence,
        context=context,
        scale=scale,
        split=split,
        shuffle_labels=shuffle_labels,
        preset=preset,
        order=order,
        batch=batch,
        epochs=epochs,
        optimizer=optimizer,
        learning_rate=learning_rate,
        momentum=momentum,
        weight_decay=weight_decay,
        schedule=schedule,
        patience=patience,
        early_stop=early_stop,
        choose=choose,
        clip=clip,
        precision=precision,
        seed=seed,
        device=device,
        plugins=plugin,
    )
    if resume is not None:
        if asked or out:
            first = next(iter(asked), "out").replace("_", "-")
            beside = {"store": "STORE", "plugins": "--plugin"}.get(first, f"--{first}")
            raise CallError(f"--resume takes its recipe from {resume}; leave out {beside}")
        _train(_recipe_of(resume), resume, True, json_)
    else:
        recipe = recipe_from(asked)
        _train(recipe, out or _default_out(recipe), False, json_)


def given(**options: Any) -> dict[str, Any]:
    """The keys of a training's recipe that a command line gave; paths are made absolute."""
    asked = {key: value for key, value in options.items() if value is not None}
    if "store" in asked:
        asked["store"] = str(asked["store"].absolute())
    if plugins := asked.pop("plugins", None):
        asked["plugins"] = [str(path.absolute()) for path in plugins]
    return asked


def recipe_from(asked: Mapping[str, Any]) -> AffectRecipe:
    """The recipe of a preset (the network's own, unless one is named), and those settings given, which win.

    Raises CallError: store or network missing, no such preset, network or setting.
    """
    from cltool.affect.recipes import AffectRecipe
    from cltool.affect.setups import preset_values
    from cltool.catalogue import discover
    from cltool.plugin import Spec

    plugins = [Path(file) for file in asked.get("plugins", ())]
    catalogue = discover(plugins)
    preset = asked.get("preset")
    base = preset_values(preset, catalogue) if preset is not None else {}
    wanted = {**base, **asked}
    if "store" not in wanted:
        raise CallError("STORE is missing; give the folder of features that cltool video extract has made")
    if "network" not in wanted:
        raise CallError(f"--network is missing; there are: {', '.join(sorted(catalogue.names('network')))}")
    if preset is None:
        spelled = wanted["network"]
        own = catalogue.find("network", Spec.parse(spelled).name).facts.get("preset")
        if own:
            wanted = {**preset_values(own, catalogue), **wanted, "preset": own}
    if wanted.get("early_stop") == 0:
        wanted["early_stop"] = None
    return AffectRecipe.of(wanted, "this call")


def _recipe_of(path: Path) -> AffectRecipe:
    from cltool.affect.directory import AffectDirectory

    return AffectDirectory(path).recipe()


def _default_out(recipe: AffectRecipe) -> Path:
    from cltool.files import slug

    when = datetime.now().strftime("%Y%m%d-%H%M%S")
    return Path("trainings") / f"{recipe.network.name}-{slug(recipe.loss)}-{when}"


def _train(recipe: AffectRecipe, out: Path, resume: bool, as_json: bool) -> None:
    from cltool.affect.directory import AffectDirectory
    from cltool.affect.setups import prepare
    from cltool.affect.training import train
    from cltool.cli.console import Screen, errors, growing
    from cltool.files import check_free_folder
    from cltool.training.processes import is_main_process

    if not is_main_process():
        train(prepare(recipe), out, resume=resume)
        return
    if not resume:
        check_free_folder(out)
    directory = AffectDirectory(out)
    earlier = directory.journal()
    with Screen() as screen:
        card = train(prepare(recipe, screen), out, screen, growing(screen.show, epoch_table, earlier), resume)
    journal = directory.journal()
    if resume and len(journal) == len(earlier) and not as_json:
        errors.print(f"the training in {out} had come to its end already", highlight=False)
    _show(card, out, journal, as_json)


def epoch_table(epochs: Sequence[Mapping[str, Any]], rows: int = 20) -> Table:
    """A row per finished epoch, the last so many; a star marks those that were the best so far."""
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("epoch", "rate", "loss", "validation loss", "MSE", "valence", "arousal", "", "seconds", "waited"):
        table.add_column(heading, justify="right")
    for facts in epochs[-rows:]:
        held = facts["validation"]
        table.add_row(
            str(facts["epoch"]),
            f"{facts['learning_rate']:.2g}",
            f"{facts['train']['loss']:.4f}",
            f"{held['loss']:.4f}",
            f"{held['mse']:.4f}" if "mse" in held else "",
            f"{held['ccc_valence']:.3f}",
            f"{held['ccc_arousal']:.3f}",
            "★" if facts["best"] else "",
            f"{facts['seconds']:.1f}",
            f"{facts['data_wait']:.1%}",
        )
    return table


def _show(card: ModelCard, out: Path, journal: Sequence[dict[str, Any]], as_json: bool) -> None:
    """The result on standard output: one JSON object, or what came out, where it lies and what to do with it."""
    if as_json:
        card_facts = card.model_dump(mode="json", by_alias=True)
        found = {"schema": 1, "out": str(out), "card": card_facts, "epochs": list(journal)}
        sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
        return
    from cltool.cli.console import results

    best = card.metrics
    held = best["validation"]
    made = " (synthetic films)" if card.synthetic else ""
    lines = (
        f"best epoch {best['epoch']} of {len(journal)}: CCC valence {held['ccc_valence']:.3f}, arousal "
        f"{held['ccc_arousal']:.3f} on {len(card.validation)} validation films{made}; {card.parameters:,} weights",
        f"{out}: best.safetensors, last.pt, training.png, journal.jsonl, tensorboard/",
        f"look at it:  cltool video evaluate {out}",
        f"use it:      cltool video predict FILM --model {out}",
    )
    for line in lines:
        results.print(line, highlight=False, soft_wrap=True, markup=False)
