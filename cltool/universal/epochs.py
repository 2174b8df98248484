"""One epoch of a training: its steps, what is watched on the way, and the part held out afterwards."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
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
from cltool.training.optimisation import PER_STEP, Schedule, after_epoch
from cltool.universal.augmentation import Augmentation, Plain, augmentation
from cltool.universal.batches import Batch, Source, cut
from cltool.universal.memory import fitting, is_shortage
from cltool.universal.sampling import drawn, epoch_order
from cltool.universal.setups import TrainingSetup

if TYPE_CHECKING:
    from accelerate import Accelerator

Facts = dict[str, Any]
LOOK = 50  # steps between two looks at the losses: each waits for a GPU, and leaves it without work for a moment


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


def score(facts: Mapping[str, Any]) -> tuple[float, float]:
    """What the best epoch is chosen by: validation accuracy; of equal ones, the lower loss."""
    return facts["validation"]["accuracy"], -facts["validation"]["loss"]


def run_epoch(training: Training, epoch: int, progress: Progress) -> Facts:
    """One pass over an epoch's pictures, and its line in the journal; `best` is not yet known.

    Raises RuntimeError: a loss that is no finite number; CallError, with a batch that would fit: memory ran out.
    """
    try:
        return _epoch(training, epoch, progress)
    except Exception as error:
        if not is_shortage(error):
            raise
    raise _shortage(training)  # the failed step's tensors are gone once its exception is


def _epoch(training: Training, epoch: int, progress: Progress) -> Facts:
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
    fresh: list[Tensor] = []
    training.model.train()
    with progress.track(f"epoch {epoch}", len(parts)) as advance:
        for number, batch in enumerate(training.source.batches(own, training.augmentation, rng)):
            waited += batch.waited
            step = _step(training, batch, len(parts[number]))
            sums += step
            fresh.append(step)
            if len(fresh) == LOOK or number + 1 == len(parts):
                _check_finite(training, fresh, epoch, number + 1 - len(fresh))
                fresh.clear()
            advance(1)
    return _means(training, sums), waited


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
    return torch.stack([loss.detach(), right.float(), loss.new_full((), len(batch.labels))])


def _shortage(training: Training) -> CallError:
    """What to say when a batch is too large: which one is not, found by learning made-up pictures.

    Several processes would wait for each other in such a try; they are told a half, untried.
    """
    size, processes = training.setup.recipe.batch, training.accelerator.num_processes
    where = f"--batch {size} does not fit into the memory of {training.setup.device}"
    if processes > 1:
        return CallError(f"{where}; try --batch {size // 2}, or a smaller --size")
    transform, device = training.described.transform, training.accelerator.device
    targets = torch.full((1, len(training.setup.classes)), 1 / len(training.setup.classes), device=device)

    def attempt(batch: int) -> None:
        training.optimizer.zero_grad()
        pictures = torch.rand(batch, transform.channels, transform.size, transform.size, device=device)
        scores = training.network(pictures.contiguous(memory_format=torch.channels_last))
        functional.cross_entropy(scores, targets.expand(batch, -1)).backward()
        training.optimizer.step()  # its states take room too; this training has come to its end

    fits = fitting(attempt, size, 2)
    advice = f"--batch {fits} does" if fits else "nor does any smaller one; take a smaller --size or another --backbone"
    return CallError(f"{where}; {advice}")


def _check_finite(training: Training, steps: Sequence[Tensor], epoch: int, before: int) -> None:
    """Raise RuntimeError if a loss is no finite number, naming the first such batch; `before` others came earlier."""
    for number, (loss, _, _) in enumerate(torch.stack(list(steps)).tolist(), before + 1):
        if not math.isfinite(loss):
            raise _lost(training, f"the loss of batch {number} in epoch {epoch}")


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
    parts = own.split(max(1, training.setup.recipe.batch // accelerator.num_processes)) if len(own) else ()
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
