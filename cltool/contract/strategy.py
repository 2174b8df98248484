"""The contract of a strategy: a stream → a predictor after each task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from cltool.backbones import Backbone, PictureTransform
from cltool.contract.clauses import Clause, NotChecked
from cltool.contract.examples import picture_stream, pixel_features
from cltool.contract.trials import RUNS, Subject, Trial, each, try_all
from cltool.heads import UNKNOWN
from cltool.pictures import PictureSet
from cltool.plugin import Configured
from cltool.seeding import generator
from cltool.tasks import TaskStream, arrange

ROUNDING = 1e-4


def subject(strategy: Configured) -> Subject:
    """Let it learn two tasks of two classes; their training pictures refuse after their turn."""

    def plain(stream: Any, **given: Any) -> Any:
        return [(p.outputs, p.scores(stream.test(stream.pictures.outputs))) for p in strategy(stream=stream, **given)]

    tried = try_all(plain, {"two tasks of two classes": lambda: _inputs(picture_stream())})  # type: ignore[arg-type]
    return Subject(strategy, tried.trials)


def _inputs(stream: TaskStream) -> dict[str, Any]:
    backbone = Backbone.of("pixels", nn.Flatten(), PictureTransform(8, 1), 64)
    return {"stream": stream, "features": pixel_features, "backbone": backbone, "device": "cpu"}


def _predictors(trial: Trial) -> str | None:
    found = len(trial.result)
    return None if found == 2 else f"{found} for two tasks"


def _outputs(trial: Trial) -> str | None:
    for number, (outputs, _) in enumerate(trial.result):
        wanted = set(trial.given["stream"].seen(number))
        if set(outputs) - {UNKNOWN} != wanted:
            return f"{', '.join(outputs)} after task {number + 1}"
    return None


def _scores(trial: Trial) -> str | None:
    for outputs, scores in trial.result:
        if list(scores.shape) != [48, len(outputs)]:
            return f"{list(scores.shape)} of 48 pictures and {len(outputs)} outputs"
        if not torch.isfinite(scores).all():
            return "numbers that are not finite"
    return None


def _learns(trial: Trial) -> str | None:
    if not trial.result:
        raise NotChecked("no predictor")
    outputs, scores = trial.result[-1]
    stream = trial.given["stream"]
    truth = torch.tensor([outputs.index(name) for name in stream.pictures.outputs]).repeat_interleave(12)
    columns = [i for i, name in enumerate(outputs) if name != UNKNOWN]
    share = float((torch.tensor(columns)[scores[:, columns].argmax(1)] == truth).double().mean())
    return None if share > 0.5 else f"{share:.0%} right, where chance is 25 %"


def _deterministic(trial: Trial) -> str | None:
    pairs = zip(trial.result, trial.again, strict=False)
    same = all(torch.allclose(a[1], b[1], atol=1e-4, rtol=1e-4) for a, b in pairs)
    return None if same else "other scores; draw from the input `rng: Generator`"


def _exact(subject: Subject) -> str | None:
    """Cut and order the same pictures in several ways; all that were seen get the same scores in the end."""
    strategy = subject.plugin
    if not strategy.plugin.facts.get("exact"):
        raise NotChecked("it does not claim to be")
    amounts = {"balance": (12, 12, 12, 12), "imbalance": (12, 2, 7, 3), "single pictures": (1, 1, 1, 1)}
    for says, counts in amounts.items():
        if came := _same_however_cut(strategy, _cut_down(picture_stream().pictures, counts)):
            return f"{came}, {says}"
    return None


def _cut_down(pictures: PictureSet, counts: Sequence[int]) -> PictureSet:
    """The same set with so many training pictures of each output."""
    sizes = dict(zip(pictures.outputs, counts, strict=True))
    return replace(pictures, train={name: b.part(range(sizes[name]), "train") for name, b in pictures.train.items()})


def _same_however_cut(strategy: Configured, pictures: PictureSet) -> str | None:
    names = pictures.outputs
    wanted = _final(strategy, arrange(pictures, per_task=[len(names)]))
    ways = {"in two tasks": ([2, 2], names), "the other way round, one by one": ([1, 1, 1, 1], names[::-1])}
    for way, (sizes, order) in ways.items():
        found = _final(strategy, arrange(pictures, per_task=sizes, order=list(order)))
        if found.keys() != wanted.keys():
            return f"{', '.join(found)} instead of {', '.join(wanted)}, {way}"
        off = max(float((found[name] - wanted[name]).abs().max()) for name in wanted)
        largest = max(float(scores.abs().max()) for scores in wanted.values())
        if not off <= ROUNDING * largest:
            return f"scores that differ by {off / largest:.3g} of the largest from those of one task of all, {way}"
    return None


def _final(strategy: Configured, stream: TaskStream) -> dict[str, Tensor]:
    """Scores of all test pictures, by output, after the stream's last task."""
    *_, last = strategy(**_inputs(stream), rng=generator("contract", "exact"))
    scores = last.scores(picture_stream().test(picture_stream().pictures.outputs))
    return dict(zip(last.outputs, scores.T, strict=True))


CLAUSES = (
    RUNS,
    Clause("predictors", "one after each task", each(_predictors)),
    Clause("outputs", "a score for every class seen so far", each(_outputs)),
    Clause("scores", "finite scores [n, len(outputs)] of any pictures", each(_scores)),
    Clause("learns", "over half of very plain test pictures right", each(_learns)),
    Clause("deterministic", "the same inputs give the same scores", each(_deterministic)),
    Clause(
        "exact", f"the same scores however the stream is cut and ordered, within {ROUNDING:g} of the largest", _exact
    ),
)
