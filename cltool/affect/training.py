"""Training a valence–arousal network on the films of a store, epoch by epoch, in one process or in several by torchrun.

Everything random draws from generators named by seed, purpose and epoch, so that a training that was broken off and
taken up again ends, on a CPU to the byte, with the weights of one that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from cltool.affect.directory import AffectDirectory
from cltool.affect.epochs import Facts, Training, check_places, run_epoch, score_by
from cltool.affect.models import ModelCard, read_card, versions
from cltool.affect.scaling import ScaledNetwork, scaling_of
from cltool.affect.setups import AffectSetup
from cltool.affect.windows import epoch_batches
from cltool.backbones import count_parameters
from cltool.catalogue import discover
from cltool.errors import CallError
from cltool.plugin import Spec
from cltool.progress import Progress, Silent
from cltool.seeding import generator
from cltool.training.checkpoints import Checkpoint, hash_of
from cltool.training.journals import tensorboard
from cltool.training.optimisation import best, is_over, optimizer_of, schedule_of
from cltool.training.processes import accelerated, is_main_process
from cltool.video.extraction import recipe_of
from cltool.video.modalities import reads

if TYPE_CHECKING:
    from accelerate import Accelerator


def train(
    setup: AffectSetup,
    out: Path,
    progress: Progress | None = None,
    watch: Callable[[Facts], None] = lambda facts: None,
    resume: bool = False,
) -> ModelCard:
    """Train as a setup says, into the directory `out`; `watch` is told of every finished epoch.

    Gives the best epoch's card. `resume` goes on in a directory after its last finished epoch; a training that has
    come to its end gives its card at once. Started by torchrun, every process calls this and shares the work; the
    first one writes. Raises CallError: `out` holds something, a checkpoint that is missing, damaged, or of another
    recipe, network, store or number of processes; RuntimeError: a loss that is no finite number, with film and frame.
    """
    directory = AffectDirectory(out)
    progress = progress if progress and is_main_process() else Silent()
    score = score_by(setup.recipe.choose)
    checkpoint = _found(setup, directory) if resume else None
    if checkpoint and is_over(checkpoint.journal, setup.recipe, score):
        if is_main_process():  # it may have been killed between the checkpoint and what follows it
            directory.finish(checkpoint.journal)
        return read_card(directory.best)
    with ExitStack() as stack:
        if checkpoint is None and is_main_process():
            stack.enter_context(directory.begun(setup.recipe))
        accelerator = stack.enter_context(accelerated(setup.recipe.precision, setup.device))
        if checkpoint:
            checkpoint.check_processes(out, accelerator.num_processes)
        check_places(setup.recipe.batch, accelerator.num_processes)
        training = _prepared(setup, accelerator, progress)
        journal = _restored(training, checkpoint) if checkpoint else []
        _epochs(training, directory, journal, progress, watch)
    kept = best(journal, score)
    assert kept is not None  # a recipe has one epoch at least
    return _card(training, kept)


def _content(setup: AffectSetup) -> dict[str, Any]:
    return setup.recipe.model_dump(mode="json", by_alias=True)


def _found(setup: AffectSetup, directory: AffectDirectory) -> Checkpoint:
    checkpoint = Checkpoint.load(directory.path)
    checkpoint.check_recipe(directory.path, _content(setup))
    checkpoint.check_data(directory.path, setup.digests, "features")
    return checkpoint


def _prepared(setup: AffectSetup, accelerator: Accelerator, progress: Progress) -> Training:
    recipe = setup.recipe
    torch.manual_seed(generator(recipe.seed, "affect network").initial_seed())
    network = ScaledNetwork(setup.network(widths=dict(setup.reads)), scaling_of(setup.train, recipe.scale, progress))
    bare = optimizer_of(recipe, network.parameters())
    frames = [len(film) for film in setup.train]  # with `state`, epochs are of more or fewer steps, as the lot falls
    steps = sum(len(epoch_batches(frames, recipe, epoch)) for epoch in range(1, recipe.epochs + 1))
    schedule = schedule_of(recipe, bare, steps)
    model, optimizer = accelerator.prepare(network, bare)
    return Training(setup, accelerator, network, model, optimizer, schedule)


def _epochs(
    training: Training,
    directory: AffectDirectory,
    journal: list[Facts],
    progress: Progress,
    watch: Callable[[Facts], None],
) -> None:
    """Train until the end, writing down each epoch as it is finished; `journal` grows."""
    recipe = training.setup.recipe
    score = score_by(recipe.choose)
    with ExitStack() as stack:
        board = stack.enter_context(tensorboard(directory.path, journal)) if is_main_process() else None
        while not is_over(journal, recipe, score):
            before = best(journal, score)
            facts = run_epoch(training, len(journal) + 1, progress)
            facts["best"] = before is None or score(facts) > score(before)
            journal.append(facts)
            if board is not None:
                if facts["best"]:
                    directory.keep_best(_card(training, facts), _weights(training))
                directory.finish_epoch(_checkpoint(training, journal))
                board.add(facts)
                watch(facts)
    if is_main_process():
        directory.draw(journal)


def _weights(training: Training) -> dict[str, Any]:
    return {key: value.detach().cpu() for key, value in training.network.state_dict().items()}


def _card(training: Training, facts: Mapping[str, Any]) -> ModelCard:
    setup, index = training.setup, training.setup.store.index
    made_by = _made_by(setup)
    frames = [film.film.entry for film in setup.train]
    told = setup.recipe.model_dump(mode="json", by_alias=True, exclude={"plugins"})
    return ModelCard(
        schema=1,
        network=str(setup.network),
        reads=dict(setup.reads),
        shapes={tensor: index.tensors[tensor].shape for tensor in setup.reads},
        modalities=sorted(made_by.values()),
        about={made: about for made, about in index.about.items() if made.partition(" (")[0] in made_by},
        backbone=_backbone(setup),
        sequence=setup.recipe.sequence,
        context=setup.recipe.context,
        rate=sum(entry.rate for entry in frames) / len(frames),
        parameters=count_parameters(training.network),
        data=Path(setup.recipe.store).name,
        synthetic=any(entry.synthetic for entry in frames),
        train=[film.film.name for film in setup.train],
        validation=[film.film.name for film in setup.validation],
        metrics=dict(facts),
        recipe=told,
        plugins=list(setup.recipe.plugins),
        versions=versions(),
    )


def _made_by(setup: AffectSetup) -> dict[str, str]:
    """The modalities by name, spelled as the store has them, that gave what the network reads, or what these read.

    Of one that is not at hand nobody knows what it reads; a training takes the rows that it gave, and not itself.
    """
    tensors = setup.store.index.tensors
    spelled = {Spec.parse(facts.modality).name: facts.modality for facts in tensors.values()}
    catalogue = discover([Path(file) for file in setup.recipe.plugins])
    found: dict[str, str] = {}
    waiting = [Spec.parse(tensors[tensor].modality).name for tensor in setup.reads]
    while waiting:
        name = waiting.pop()
        if name in spelled and name not in found:
            found[name] = spelled[name]
            with suppress(CallError):
                waiting += reads(catalogue.configure("modality", Spec.parse(spelled[name])))
    return found


def _backbone(setup: AffectSetup) -> str | None:
    """The frozen network that the store's pictures of faces went through, as its recipe spells it."""
    try:
        chosen = recipe_of(Path(setup.recipe.store)).backbone
    except CallError:  # a store without a recipe can be trained on, but a film not be made like it
        return None
    return str(chosen.spec) if chosen else None


def _checkpoint(training: Training, journal: Sequence[Facts]) -> Checkpoint:
    recipe = _content(training.setup)
    scaler = training.accelerator.scaler
    return Checkpoint(
        recipe=recipe,
        recipe_hash=hash_of(recipe),
        digests=training.setup.digests,
        journal=list(journal),
        network=dict(training.network.state_dict()),
        optimizer=training.optimizer.state_dict(),
        schedule=training.schedule.state_dict(),
        scaler=scaler.state_dict() if scaler is not None else None,
        processes=training.processes,
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
