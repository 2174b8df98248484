"""The contract of a video network: features per frame → valence and arousal per frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from cltool.contract.clauses import Clause, NotChecked, first
from cltool.contract.examples import modalities
from cltool.contract.trials import RUNS, Subject, Trial, each, global_randomness, try_all
from cltool.errors import CallError
from cltool.plugin import Configured
from cltool.seeding import generator

FRAMES = 7
UNHEARD = 10  # width of a tensor that no modality of ours gives

Batch = tuple[Mapping[str, Tensor], Tensor]


def subject(network: Configured) -> Subject:
    """Build it for small features of every tensor it reads; of everything there is, where it does not say."""
    reads, known = network.plugin.facts.get("reads"), modalities()
    widths = {name: known.get(name, UNHEARD) for name in (known if reads is None else reads)}
    return try_all(network, {"all that it reads": lambda: {"widths": widths}})


def _reads(subject: Subject) -> str | None:
    reads = subject.plugin.plugin.facts.get("reads", ())
    named = isinstance(reads, tuple) and all(isinstance(name, str) for name in reads)
    return None if named and len(set(reads)) == len(reads) else f"{reads!r}"


def _batch(trial: Trial, batch: int = 3, frames: int = FRAMES) -> Batch:
    """Seeded features, and a mask; the last frames of the second sequence are missing."""
    features = {
        name: torch.rand(batch, frames, width, generator=generator("network", name))
        for name, width in trial.given["widths"].items()
    }
    mask = torch.ones(batch, frames, dtype=torch.bool)
    mask[1:2, 4:] = False
    return features, mask


def _part(given: Batch, frames: slice) -> Batch:
    features, mask = given
    return {name: part[:, frames] for name, part in features.items()}, mask[:, frames]


def _shape(trial: Trial) -> str | None:
    if not isinstance(trial.result, nn.Module):
        return f"a {type(trial.result).__name__}"
    found = trial.result.eval()(*_batch(trial))
    return None if list(found.shape) == [3, FRAMES, 2] else f"{list(found.shape)}"


def _finite(trial: Trial) -> str | None:
    given = _batch(trial)
    return None if torch.isfinite(trial.result.eval()(*given)[given[1]]).all() else "numbers that are not"


def _mask(trial: Trial) -> str | None:
    network, (features, mask) = trial.result.eval(), _batch(trial)
    plain = network(features, mask)
    for junk in (9.0, torch.nan):
        other = network({name: part.masked_fill(~mask[..., None], junk) for name, part in features.items()}, mask)
        if not torch.allclose(plain[mask], other[mask], atol=1e-6):
            return f"other scores for valid frames where masked ones hold {junk}"
    return None


def _trains(trial: Trial) -> str | None:
    given = _batch(trial)
    return _dead(trial.result, given, given[1])


def _dead(network: nn.Module, given: Batch, counted: Tensor) -> str | None:
    """The first parameter whose gradient, of the frames that count, is missing or not finite."""
    network.train()
    network.zero_grad()
    with global_randomness(1):
        torch.where(counted[..., None], network(*given), 0).square().sum().backward()
    dead = [name for name, p in network.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()]
    return f"none at {dead[0]}" if dead else None


def _settled(trial: Trial) -> str | None:
    network, given = trial.result.eval(), _batch(trial)
    return None if torch.equal(network(*given), network(*given)) else "other scores at the second time"


def _outputs(trial: Trial) -> str | None:
    """What goes into the last layer is what a trained network gives as a frozen backbone."""
    network, given = trial.result.eval(), _batch(trial)
    last = getattr(network, "outputs", None)
    if not isinstance(last, nn.Linear) or last.out_features != 2:
        return f"outputs is {'not there' if last is None else last}"
    with _watched(last) as seen:
        scores = network(*given)
    if len(seen) != 1:
        return f"outputs is called {len(seen)} times"
    (before,) = seen
    if list(before.shape) != [3, FRAMES, last.in_features]:
        return f"what goes into outputs is {list(before.shape)}"
    same = torch.allclose(last(before)[given[1]], scores[given[1]], atol=1e-6)
    return None if same else "scores that are not what outputs gives"


@contextmanager
def _watched(layer: nn.Module) -> Iterator[list[Tensor]]:
    """What goes into a layer, call by call."""
    seen: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    try:
        yield seen
    finally:
        handle.remove()


def _sizes(trial: Trial) -> str | None:
    """Short batches, and such without a valid frame, come up in every training."""
    for batch, frames in ((1, FRAMES), (3, 1), (1, 1)):
        features, mask = _batch(trial, batch, frames)
        for says, shown in (("", torch.ones_like(mask)), (", all masked", torch.zeros_like(mask))):
            where = f"for a batch [{batch}, {frames}{says}]"
            if not torch.isfinite(trial.result.eval()(features, shown)).all():
                return f"numbers that are not, {where}"
            if dead := _dead(trial.result, (features, shown), shown):
                return f"a gradient that is not: {dead}, {where}"
    return _one_hidden(trial)


def _one_hidden(trial: Trial) -> str | None:
    """A sequence without a valid frame beside others."""
    features, mask = _batch(trial)
    mask[0] = False
    if not torch.isfinite(trial.result.eval()(features, mask)).all():
        return "numbers that are not, for a masked sequence among others"
    dead = _dead(trial.result, (features, mask), mask)
    return f"a gradient that is not: {dead}, for a masked sequence among others" if dead else None


def _where(attribute: str, judge: Callable[[Trial, Any], str | None]) -> Callable[[Subject], str | None]:
    """A clause's test for networks that have an attribute; of others it is not checked."""

    def judged(trial: Trial) -> str | None:
        found = getattr(trial.result, attribute, None)
        if found is None:
            raise NotChecked(f"it has no {attribute}")
        return judge(trial, found)

    return each(judged)


def _continued(trial: Trial, continued: Callable[..., Any]) -> str | None:
    network, given = trial.result.eval(), _batch(trial)
    whole, parts, state = network(*given), [], None
    for frames in (slice(0, 3), slice(3, None)):
        scores, state = continued(*_part(given, frames), state)
        parts.append(scores)
        shapes = [list(part.shape) for part in state]
        if not isinstance(state, tuple) or any(len(shape) < 2 or shape[1] != 3 for shape in shapes):
            return f"a state of {type(state).__name__} {shapes}"
    again = continued(*given, None)[0]
    return first(
        [
            None if torch.allclose(found[given[1]], whole[given[1]], atol=1e-5) else says
            for found, says in ((again, "other scores from a film's start"), (torch.cat(parts, 1), "other scores"))
        ]
    )


def _longest(trial: Trial, longest: Any) -> str | None:
    if not isinstance(longest, int):
        return f"{longest!r}"
    try:
        trial.result.eval()(*_batch(trial, 1, longest + 1))
    except CallError:
        return None
    return f"scores of {longest + 1} frames, where longest is {longest}"


CLAUSES = (
    Clause("reads", "the fact reads, where it is there, is a tuple of tensors' names", _reads),
    RUNS,
    Clause("shape", "features [B, S, F] of each tensor → [B, S, 2]", each(_shape)),
    Clause("finite", "finite numbers for valid frames", each(_finite)),
    Clause("mask", "what masked frames hold, NaN included, does not matter to the others", each(_mask)),
    Clause("trains", "a finite gradient at every parameter", each(_trains)),
    Clause("settled", "in eval mode, the same features give the same scores", each(_settled)),
    Clause("outputs", "its last layer is a Linear called outputs, [B, S, H] → [B, S, 2]", each(_outputs)),
    Clause("sizes", "finite for one sequence, one frame, and where all is masked, gradients too", each(_sizes)),
    Clause("state", "two windows, the state handed on, give what the whole gives", _where("continued", _continued)),
    Clause("longest", "a CallError for sequences longer than it says", _where("longest", _longest)),
)
