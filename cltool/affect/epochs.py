"""One epoch of a valence–arousal training: its steps, and the validation films afterwards."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cltool.affect.batches import Batch, read_ahead
from cltool.affect.concordance import scores
from cltool.affect.frames import FilmFrames, Window
from cltool.affect.inference import Reading, predicted
from cltool.affect.objectives import Objective
from cltool.affect.scaling import ScaledNetwork, forgotten
from cltool.affect.setups import AffectSetup
from cltool.affect.windows import epoch_batches, share_of
from cltool.errors import CallError
from cltool.progress import Progress
from cltool.seeding import generator
from cltool.training.optimisation import PER_STEP, Schedule, after_epoch

if TYPE_CHECKING:
    from accelerate import Accelerator

Facts = dict[str, Any]
LOOK = 50  # steps between two looks at the losses: each waits for a GPU, and leaves it without work for a moment


@dataclass(frozen=True, eq=False)
class Training:
    """All that learns and all that it learns from. `model` is `network` as accelerate has wrapped it."""

    setup: AffectSetup
    accelerator: Accelerator
    network: ScaledNetwork
    model: nn.Module
    optimizer: Any
    schedule: Schedule

    @property
    def processes(self) -> int:
        """How many share the work."""
        return int(self.accelerator.num_processes)

    def batches(self, epoch: int) -> list[list[Window | None]]:
        """An epoch's batches, the same in all processes."""
        return epoch_batches([len(film) for film in self.setup.train], self.setup.recipe, epoch)

    def share(self, batch: Sequence[Window | None]) -> list[Window | None]:
        """This process' part of a batch."""
        return share_of(batch, self.accelerator.process_index, self.processes)


def score_by(choose: str) -> Callable[[Mapping[str, Any]], float]:
    """What the best epoch is chosen by: the validation films' mean CCC, or their loss; higher is better."""
    if choose == "ccc":
        return lambda facts: float(facts["validation"]["ccc_mean"])
    return lambda facts: -float(facts["validation"]["loss"])


def run_epoch(training: Training, epoch: int, progress: Progress) -> Facts:
    """One pass over the training films, and its line in the journal; `best` is not yet known.

    Raises RuntimeError for a loss that is no finite number, and names film and frame.
    """
    started = time.perf_counter()
    rate = float(training.optimizer.param_groups[0]["lr"])
    learnt, waited = _learn(training, epoch, progress)
    spent = time.perf_counter() - started
    validation = validate(training, progress)
    after_epoch(training.schedule, training.setup.recipe, validation["loss"])
    return {
        "epoch": epoch,
        "learning_rate": rate,
        "train": learnt,
        "validation": validation,
        "seconds": round(time.perf_counter() - started, 4),
        "learning_s": round(spent, 4),
        "data_wait": round(waited / spent, 5),
    }


@dataclass(eq=False)
class _Tally:
    """What an epoch's steps gave: losses, how many frames each counted, and all that was predicted."""

    losses: list[Tensor] = field(default_factory=list)
    frames: list[Tensor] = field(default_factory=list)
    predictions: list[Tensor] = field(default_factory=list)
    labels: list[Tensor] = field(default_factory=list)

    def means(self, names: Sequence[str]) -> dict[str, float]:
        """Every loss, a step weighing as many frames as it counts; CCC of all frames together."""
        losses, frames = torch.stack(self.losses).double(), torch.stack(self.frames).double()
        means = (losses * frames[:, None]).sum(0) / frames.sum().clamp_min(1)
        together = torch.cat(self.predictions).cpu().numpy(), torch.cat(self.labels).cpu().numpy()
        return {**dict(zip(names, means.tolist(), strict=True)), **scores(*together)}


def _learn(training: Training, epoch: int, progress: Progress) -> tuple[dict[str, float], float]:
    """The steps of an epoch: losses and CCC on the way, and seconds spent waiting for features."""
    setup, rank = training.setup, training.accelerator.process_index
    torch.manual_seed(generator(setup.recipe.seed, "affect epoch", epoch, rank).initial_seed())  # dropout
    parts = [training.share(batch) for batch in training.batches(epoch)]
    tally, waited, state = _Tally(), 0.0, None
    fresh: list[tuple[int, Tensor]] = []
    training.model.train()
    with progress.track(f"epoch {epoch}", len(parts)) as advance:
        device = training.accelerator.device
        for number, batch in enumerate(read_ahead(setup.train, parts, device, setup.recipe.sequence)):
            waited += batch.waited
            loss, state = _step(training, batch, state, tally)
            fresh.append((number, loss))
            if len(fresh) == LOOK or number + 1 == len(parts):
                _check_finite(training, epoch, fresh)
                fresh.clear()
            advance(1)
    return tally.means(("loss", *setup.watched)), waited


def _step(training: Training, batch: Batch, state: Any, tally: _Tally) -> tuple[Tensor, Any]:
    """Learn a batch; gives its loss and what the network remembers.

    A loss such as CCC's is no mean over windows: predictions of all processes are brought together first. Every process
    then computes the same loss, so that its own predictions get the gradient as often as there are processes, of which
    the mean over processes is the right one.
    """
    setup, accelerator = training.setup, training.accelerator
    output, after = training.model(batch.rows, batch.valid, forgotten(state, batch.fresh))
    prediction = _together(training, output.float())
    labels, counted = (_together(training, value.float()) for value in (batch.labels, batch.counted))
    mask = counted > 0
    loss = setup.objective(prediction, labels, mask)
    accelerator.backward(loss)
    if setup.recipe.clip is not None:
        accelerator.clip_grad_norm_(training.model.parameters(), setup.recipe.clip)
    training.optimizer.step()
    training.optimizer.zero_grad()
    if setup.recipe.schedule in PER_STEP and not accelerator.optimizer_step_was_skipped:
        training.schedule.step()
    with torch.no_grad():
        own = prediction.detach()
        beside = [watched(own, labels, mask) for watched in setup.watched.values()]
        tally.losses.append(torch.stack([loss.detach(), *beside]))
        tally.frames.append(mask.sum())
        tally.predictions.append(own[mask])
        tally.labels.append(labels[mask])
    return loss.detach(), after if setup.recipe.context == "state" else None


def _together(training: Training, own: Tensor) -> Tensor:
    """All processes' tensors, one after the other, through which gradients find their way back."""
    if training.processes == 1:
        return own
    from torch.distributed.nn.functional import all_gather

    return torch.cat(all_gather(own.contiguous()))


def validate(training: Training, progress: Progress) -> dict[str, float]:
    """Losses and CCC on the validation films, each seen whole; all valid frames together.

    Raises for a prediction that is no finite number as `losses_of` does.
    """
    setup, recipe = training.setup, training.setup.recipe
    reading = Reading(recipe.sequence, recipe.context, str(training.accelerator.device))
    own = setup.validation[training.accelerator.process_index :: training.processes]
    with progress.track("validation films", len(own)) as advance:
        found = []
        for film in own:
            found.append(predicted(training.network, film, reading))
            advance(1)
    if training.processes > 1:
        parts: list[Any] = [None] * training.processes
        torch.distributed.all_gather_object(parts, found)
        found = [part[i] for i in range(len(parts[0])) for part in parts if i < len(part)]
    return losses_of(setup.validation, found, {"loss": setup.objective, **setup.watched})


def losses_of(
    films: Sequence[FilmFrames], predictions: Sequence[NDArray[np.float32]], losses: Mapping[str, Objective]
) -> dict[str, float]:
    """Losses and CCC of what was predicted for films, [T, 2] each; films side by side, their counted frames together.

    For a counted frame without a finite prediction raises, naming film and frame, CallError where the film's features
    are to blame, and RuntimeError where the network is.
    """
    longest = max(map(len, films))
    x, y = torch.zeros(2, len(films), longest, 2, dtype=torch.float64)
    mask = torch.zeros(len(films), longest, dtype=torch.bool)
    for place, (film, prediction) in enumerate(zip(films, predictions, strict=True)):
        counted = film.counted
        if not np.isfinite(prediction[counted]).all():
            for tensor in film.reads:
                film.valid_rows(tensor, slice(0, len(film)))
            frame = int(np.flatnonzero(counted & ~np.isfinite(prediction).all(1))[0])
            raise RuntimeError(
                f"what is predicted for film {film.film.name}, frame {frame}, is no finite number; {WAY_OUT}"
            )
        x[place, : len(film)] = torch.from_numpy(np.where(counted[:, None], prediction, 0))
        y[place, : len(film)] = torch.from_numpy(np.where(counted[:, None], film.labels, 0))
        mask[place, : len(film)] = torch.from_numpy(counted)
    values = {name: float(loss(x, y, mask)) for name, loss in losses.items()}
    return {**values, **scores(x[mask].numpy(), y[mask].numpy())}


WAY_OUT = "train anew with a lower --learning-rate, or --clip 1; finished epochs are kept"


def _check_finite(training: Training, epoch: int, steps: Sequence[tuple[int, Tensor]]) -> None:
    """Raise RuntimeError if the loss of a batch is no finite number, naming its films and frames.

    Features are sound, or their scaling had not been found. All processes say the same.
    """
    values = torch.stack([loss for _, loss in steps]).tolist()
    for (number, _), value in zip(steps, values, strict=True):
        if not math.isfinite(value):
            windows = [window for window in training.batches(epoch)[number] if window is not None]
            shown = ", ".join(f"{training.setup.train[w.film].film.name} from frame {w.start}" for w in windows[:3])
            more = f" and {len(windows) - 3} more" if len(windows) > 3 else ""
            raise RuntimeError(
                f"the loss of batch {number + 1} in epoch {epoch} is no finite number: features are sound "
                f"({shown}{more}); {WAY_OUT}"
            )


def check_places(batch: int, processes: int) -> None:
    """Raise CallError where a process would have no window in any batch."""
    if batch < processes:
        raise CallError(
            f"--batch {batch} leaves some of {processes} processes without a window; take {processes} or more"
        )
