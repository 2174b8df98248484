"""Training a whole network on a stream's pictures, epoch by epoch, on one device or on several by torchrun.

Everything random draws from generators named by seed, purpose and epoch, so that a training that was broken off and
taken up again ends, on a CPU to the byte, with the weights of one that was not.
"""

from __future__ import annotations

import platform
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from cltool import __version__
from cltool.backbones import Backbone
from cltool.errors import CallError
from cltool.progress import Progress, Silent
from cltool.recipe import Choice
from cltool.seeding import generator
from cltool.training.checkpoints import Checkpoint, hash_of
from cltool.training.journals import tensorboard
from cltool.training.optimisation import best, is_over, optimizer_of, schedule_of
from cltool.training.processes import accelerated, is_main_process
from cltool.universal.batches import Source, cut
from cltool.universal.cards import Card
from cltool.universal.directory import TrainingDirectory
from cltool.universal.epochs import Facts, Training, run_epoch, score
from cltool.universal.pixels import held_out, pixel_array
from cltool.universal.recipes import TrainingRecipe
from cltool.universal.sampling import drawn
from cltool.universal.setups import TrainingSetup

if TYPE_CHECKING:
    from accelerate import Accelerator

NO_LICENCE = "unknown: ask the owner of the pictures"
NETWORKS_FROM = ("torchvision", "timm")


def train(
    setup: TrainingSetup,
    out: Path,
    progress: Progress | None = None,
    watch: Callable[[Facts], None] = lambda facts: None,
    resume: bool = False,
) -> Card:
    """Train as a setup says, into the directory `out`; `watch` is told of every finished epoch.

    Gives the best epoch's card. `resume` goes on in a directory after its last finished epoch; a training that has
    come to its end gives its card at once. Started by torchrun, every process calls this and shares the work; the
    first one writes. Raises CallError: `out` holds something, pictures that cannot be read, a batch that does not
    fit into memory, a checkpoint that is missing, damaged or of another recipe or number of processes;
    RuntimeError: a loss that is no finite number.
    """
    directory = TrainingDirectory(out)
    progress = progress if progress and is_main_process() else Silent()
    checkpoint = _found(setup, directory) if resume else None
    if checkpoint and is_over(checkpoint.journal, setup.recipe, score):
        if is_main_process():  # it may have been killed between the checkpoint and what follows it
            directory.finish(checkpoint.journal)
        return Card.load(directory.best)[0]
    with ExitStack() as stack:
        if checkpoint is None and is_main_process():
            stack.enter_context(directory.begun(setup.recipe))
        accelerator = stack.enter_context(accelerated(setup.recipe.precision, setup.device))
        _check_batch(setup.recipe.batch, accelerator.num_processes)
        if checkpoint:
            checkpoint.check_processes(out, accelerator.num_processes)
        training = _prepared(setup, accelerator, progress)
        journal = _restored(training, checkpoint) if checkpoint else []
        _epochs(training, directory, journal, progress, watch)
    kept = best(journal, score)
    assert kept is not None  # a recipe has one epoch at least
    return _card(training, kept)


def _digests(setup: TrainingSetup) -> dict[str, str]:
    """Hash of the training pictures by the data's own classes, whatever they are learnt as, and whichever part."""
    learnt = [setup.pictures.train[name] for name in setup.classes]
    return {own.output: own.digest for block in learnt for own in block.sources}


def _digests_as_learnt(setup: TrainingSetup) -> dict[str, str]:
    """Hash of the very training pictures by the classes that are learnt."""
    return {name: setup.pictures.train[name].digest for name in setup.classes}


def _content(recipe: TrainingRecipe) -> dict[str, Any]:
    return recipe.model_dump(mode="json", by_alias=True)


def _found(setup: TrainingSetup, directory: TrainingDirectory) -> Checkpoint:
    checkpoint = Checkpoint.load(directory.path)
    checkpoint.check_recipe(directory.path, _content(directory.recipe_of(directory.path)))
    checkpoint.check_recipe(directory.path, _content(setup.recipe), "the one to go on with")
    checkpoint.check_data(directory.path, _digests_as_learnt(setup), "training pictures")
    return checkpoint


def _check_batch(batch: int, processes: int) -> None:
    if batch < 2 * processes:
        raise CallError(f"--batch {batch} leaves a process fewer than 2 pictures; take a larger one")


def _prepared(setup: TrainingSetup, accelerator: Accelerator, progress: Progress) -> Training:
    recipe = setup.recipe
    with accelerator.main_process_first():  # the others find in the cache what the first one decodes and downloads
        described = setup.described(progress)
        blocks = [setup.pictures.train[name] for name in setup.classes]
        assert recipe.resize is not None  # a setup's recipe is resolved
        array = pixel_array(blocks, setup.classes, recipe.resize, progress)
        network = _network(described, len(setup.classes), recipe.seed)
    kept, held = held_out(array.labels, setup.classes, recipe.validation, recipe.seed)
    check_shares(len(kept), accelerator.num_processes)
    if accelerator.num_processes > 1 and accelerator.device.type == "cuda":
        network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
    network = network.to(memory_format=torch.channels_last)
    bare = optimizer_of(recipe, network.parameters())
    steps = recipe.epochs * len(cut(kept, recipe.batch, accelerator.num_processes))
    schedule = schedule_of(recipe, bare, steps)
    model, optimizer = accelerator.prepare(network, bare)
    source = Source.near(array, accelerator.device)
    return Training(setup, described, accelerator, network, model, optimizer, schedule, source, kept, held)


def check_shares(pictures: int, processes: int) -> None:
    """Raise CallError where a process would have fewer than 2 pictures, as batch-norm needs, in every batch."""
    if pictures < 2 * processes:
        raise CallError(
            f"{pictures} pictures to learn from leave each of {processes} process(es) fewer than 2; start fewer "
            "processes, or lower --validation"
        )


def _network(described: Backbone, classes: int, seed: int) -> nn.Sequential:
    """The network under a new linear classifier, all of it to be trained."""
    body = described.build().requires_grad_(True)
    torch.manual_seed(generator(seed, "universal classifier").initial_seed())
    return nn.Sequential(OrderedDict(body=body, classifier=nn.Linear(described.width, classes)))


def _epochs(
    training: Training,
    directory: TrainingDirectory,
    journal: list[Facts],
    progress: Progress,
    watch: Callable[[Facts], None],
) -> None:
    """Train until the end, writing down each epoch as it is finished; `journal` grows."""
    recipe = training.setup.recipe
    with ExitStack() as stack:
        board = stack.enter_context(tensorboard(directory.path, journal)) if is_main_process() else None
        while not is_over(journal, recipe, score):
            before = best(journal, score)
            facts = run_epoch(training, len(journal) + 1, progress)
            facts["best"] = before is None or score(facts) > score(before)
            journal.append(facts)
            if board is not None:
                if facts["best"]:
                    _keep_best(training, directory, facts)
                directory.finish_epoch(_checkpoint(training, journal))
                board.add(facts)
                watch(facts)
    if is_main_process():
        directory.draw(journal)


def _keep_best(training: Training, directory: TrainingDirectory, facts: Facts) -> None:
    body, classifier = (_on_cpu(part.state_dict()) for part in training.network)
    card = _card(training, facts)
    directory.keep_best(card, body, classifier["weight"], classifier["bias"])


def _card(training: Training, facts: Mapping[str, Any]) -> Card:
    setup, described = training.setup, training.described
    counts = drawn(training.source.array.labels, training.kept, setup.classes)
    metrics = {
        "epoch": facts["epoch"],
        "epochs": setup.recipe.epochs,
        "validation_accuracy": facts["validation"]["accuracy"],
        "validation_loss": facts["validation"]["loss"],
        "training_accuracy": facts["train"]["accuracy"],
        "training_loss": facts["train"]["loss"],
    }
    return Card(
        architecture=setup.architecture,
        transform=described.transform,
        width=described.width,
        parameters=described.parameters,
        classes=setup.classes,
        counts=counts,
        data=f"{setup.source}; {setup.pictures.note}" if setup.pictures.note else str(setup.source),
        licence=setup.pictures.licence or NO_LICENCE,
        digests=_digests(training.setup),
        started_from=str(setup.started_from),
        metrics=metrics,
        recipe=_told_recipe(setup),
        versions=_versions(),
        before=setup.parent.trainings if setup.parent else (),
    )


def _told_recipe(setup: TrainingSetup) -> dict[str, Any]:
    """The recipe without what is of this machine: where the data, the plugins and the first weights lie."""
    told = setup.recipe.model_dump(mode="json", by_alias=True, exclude={"data_root", "plugins"})
    return {**told, "backbone": Choice.of(setup.started_from.spec).model_dump(mode="json")}


def _versions() -> dict[str, str]:
    found = {"cltool": __version__, "torch": torch.__version__, "python": platform.python_version()}
    for library in NETWORKS_FROM:
        with suppress(PackageNotFoundError):
            found[library] = version(library)
    return found


def _on_cpu(state: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value.detach().cpu() for key, value in state.items()}


def _checkpoint(training: Training, journal: Sequence[Facts]) -> Checkpoint:
    recipe = _content(training.setup.recipe)
    scaler = training.accelerator.scaler
    return Checkpoint(
        recipe=recipe,
        recipe_hash=hash_of(recipe),
        digests=_digests_as_learnt(training.setup),
        journal=list(journal),
        network=dict(training.network.state_dict()),
        optimizer=training.optimizer.state_dict(),
        schedule=training.schedule.state_dict(),
        scaler=scaler.state_dict() if scaler is not None else None,
        processes=training.accelerator.num_processes,
    )


def _restored(training: Training, checkpoint: Checkpoint) -> list[Facts]:
    """Put everything that learns into a checkpoint's state; gives its journal."""
    try:
        training.network.load_state_dict(checkpoint.network)
        training.optimizer.load_state_dict(checkpoint.optimizer)
        training.schedule.load_state_dict(dict(checkpoint.schedule))
    except (RuntimeError, KeyError, ValueError) as error:
        raise CallError(f"--resume: the checkpoint does not fit the network: {str(error).splitlines()[0]}") from None
    if training.accelerator.scaler is not None and checkpoint.scaler:
        training.accelerator.scaler.load_state_dict(dict(checkpoint.scaler))
    return [dict(facts) for facts in checkpoint.journal]
