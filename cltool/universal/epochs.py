"""One epoch of a training: its steps, what is watched on the way, and the part held out afterwards."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from cltool.backbones import Backbone
from cltool.errors import CallError
from cltool.progress import Progress
from cltool.seeding import generator
from cltool.universal.augmentation import Augmentation, Plain, augmentation
from cltool.universal.batches import Batch, Source, cut
from cltool.universal.memory import fitting, is_shortage
from cltool.universal.optimisation import PER_STEP, Schedule, after_epoch
from cltool.universal.sampling import drawn, epoch_order
from cltool.universal.setups import TrainingSetup

if TYPE_CHECKING:
    from accelerate import Accelerator

Facts = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Training:
    """All that learns and all that it learns from. `model` is `network` as accelerate has wrapped it.

    `kept` and `held`: numbers of the pictures to train on and to choose the best epoch by.
    """

    setup: TrainingSetup
    described: Backbone
    accelerator: Accelerator
    network: nn.Sequential
    model: nn.Module
    optimizer: Any
    schedule: Schedule
    source: Source
    kept: Tensor
    held: Tensor

    @cached_property
    def augmentation(self) -> Augmentation:
        """How training pictures are varied."""
        return augmentation(self.setup.recipe.augment, self.described.transform, self.setup.recipe.flip)

    @property
    def share(self) -> slice:
        """This process' part of a batch."""
        return slice(self.accelerator.process_index, None, self.accelerator.num_processes)

    def order(self, epoch: int) -> Tensor:
        """Numbers of the pictures that an epoch shows, in order, the same in all processes."""
        recipe = self.setup.recipe
        labels = self.source.array.labels[self.kept]
        return self.kept[epoch_order(labels, recipe.sampler, recipe.seed, epoch)]


def run_epoch(training: Training, epoch: int, progress: Progress) -> Facts:
    """One pass over an epoch's pictures, and its line in the journal; `best` is not yet known.

    Raises RuntimeError: a loss that is no finite number; CallError: a batch that does not fit into memory.
    """
    started = time.perf_counter()
    rate = float(training.optimizer.param_groups[0]["lr"])
    order = training.order(epoch)
    parts = cut(order, training.setup.recipe.batch, training.accelerator.num_processes)
    learnt, waited = _learn(training, epoch, parts, progress)
    spent = time.perf_counter() - started
    validation = _validate(training)
    if not math.isfinite(validation["loss"]):
        raise _lost(training, f"the validation loss after epoch {epoch}")
    after_epoch(training.schedule, training.setup.recipe, validation["loss"])
    return {
        "epoch": epoch,
        "learning_rate": rate,
        "train": learnt,
        "validation": validation,
        "drawn": drawn(training.source.array.labels, torch.cat(parts), training.setup.classes),
        "seconds": round(time.perf_counter() - started, 4),
        "data_wait": round(waited / spent, 5),
    }


def _learn(
    training: Training, epoch: int, parts: Sequence[Tensor], progress: Progress
) -> tuple[dict[str, float], float]:
    """The steps of an epoch: loss and accuracy on the way, and seconds spent waiting for pictures."""
    recipe, rank = training.setup.recipe, training.accelerator.process_index
    torch.manual_seed(generator(recipe.seed, "universal epoch", epoch, rank).initial_seed())  # dropout
    rng = generator(recipe.seed, "augmentation", epoch, rank)
    own = [part[training.share] for part in parts]
    sums, waited = torch.zeros(3, device=training.accelerator.device), 0.0
    before: Tensor | None = None
    training.model.train()
    with progress.track(f"epoch {epoch}", len(parts)) as advance:
        for number, batch in enumerate(training.source.batches(own, training.augmentation, rng)):
            waited += batch.waited
            step = _step_or_shortage(training, batch, len(parts[number]))
            if before is not None:  # a step late: asking for the last number would leave a GPU without work
                _check_finite(training, before, epoch, number)
            before = step[0]
            sums += step
            advance(1)
    if before is not None:
        _check_finite(training, before, epoch, len(parts))
    return _means(training, sums), waited


def _step_or_shortage(training: Training, batch: Batch, total: int) -> Tensor:
    """One step; raises CallError, with a batch that would fit, where memory runs out."""
    try:
        return _step(training, batch, total)
    except Exception as error:
        if not is_shortage(error):
            raise
    raise _shortage(training, batch)  # the failed step's tensors are gone once its exception is


def _step(training: Training, batch: Batch, total: int) -> Tensor:
    """Learn a batch, of which `total` pictures are in all processes; gives summed loss, right answers, pictures."""
    recipe, accelerator = training.setup.recipe, training.accelerator
    scores = training.model(batch.pictures)
    loss = functional.cross_entropy(scores, batch.targets, reduction="sum", label_smoothing=recipe.label_smoothing)
    # gradients are averaged over processes, whose parts may differ by one picture
    accelerator.backward(loss * (accelerator.num_processes / total))
    training.optimizer.step()
    training.optimizer.zero_grad()
    if recipe.schedule in PER_STEP and not accelerator.optimizer_step_was_skipped:
        training.schedule.step()
    right = (scores.detach().argmax(1) == batch.labels).sum()
    return torch.stack([loss.detach(), right.float(), right.new_tensor(len(batch.labels)).float()])


def _shortage(training: Training, batch: Batch) -> CallError:
    """What to say when a batch is too large: which one is not."""
    size, processes = training.setup.recipe.batch, training.accelerator.num_processes
    training.optimizer.zero_grad()
    for module in training.network.modules():
        if isinstance(module, nn.SyncBatchNorm):
            module.eval()  # or it would wait for processes whose memory has not run out

    def attempt(whole: int) -> None:
        part = slice(0, max(2, whole // processes))
        scores = training.network(batch.pictures[part])
        functional.cross_entropy(scores, batch.targets[part]).backward()

    fits = fitting(attempt, size, 2 * processes)
    advice = f"--batch {fits} does" if fits else "nor does any smaller one; take a smaller --size or another --backbone"
    return CallError(f"--batch {size} does not fit into the memory of {training.setup.device}; {advice}")


def _check_finite(training: Training, loss: Tensor, epoch: int, batch: int) -> None:
    if not math.isfinite(float(loss)):
        raise _lost(training, f"the loss of batch {batch} in epoch {epoch}")


def _lost(training: Training, what: str) -> RuntimeError:
    rate = training.setup.recipe.learning_rate
    smaller = "" if training.setup.recipe.precision != "float16" else ", or --precision bfloat16"
    return RuntimeError(
        f"{what} is no finite number; train anew with a lower rate, such as --learning-rate {rate / 10:g}{smaller}; "
        "finished epochs are kept"
    )


@torch.inference_mode()
def _validate(training: Training) -> dict[str, float]:
    """Loss and accuracy on the part held out, seen as the frozen backbone will see pictures."""
    accelerator, network = training.accelerator, training.network
    if accelerator.num_processes > 1:  # batch-norms' moments are the first process', which are those that are saved
        for buffer in network.buffers():
            torch.distributed.broadcast(buffer, 0)
    network.eval()
    own = training.held[training.share]
    sums = torch.zeros(3, device=accelerator.device)
    plain = Plain(training.described.transform)
    parts = own.split(training.setup.recipe.batch) if len(own) else ()
    for batch in training.source.batches(parts, plain, generator("unused")):
        scores = network(batch.pictures)
        sums[0] += functional.cross_entropy(scores, batch.targets, reduction="sum")
        sums[1] += (scores.argmax(1) == batch.labels).sum()
        sums[2] += len(batch.labels)
    return _means(training, sums)


def _means(training: Training, sums: Tensor) -> dict[str, float]:
    """Loss and accuracy of summed loss, right answers and pictures, over all processes."""
    loss, right, count = training.accelerator.reduce(sums, "sum").double().tolist()
    return {"loss": loss / count, "accuracy": right / count}
