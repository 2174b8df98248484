"""The contract of a strategy: a stream → a predictor after each task."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from cltool.backbones import Backbone, PictureTransform
from cltool.contract.clauses import Clause, NotChecked
from cltool.contract.examples import picture_stream, pixel_features
from cltool.contract.trials import RUNS, Subject, Trial, each, try_all
from cltool.heads import UNKNOWN
from cltool.plugin import Configured


def subject(strategy: Configured) -> Subject:
    """Let it learn two tasks of two classes; their training pictures refuse after their turn."""

    def plain(stream: Any, **given: Any) -> Any:
        return [(p.outputs, p.scores(stream.test(stream.pictures.outputs))) for p in strategy(stream=stream, **given)]

    tried = try_all(plain, {"two tasks of two classes": _inputs})  # type: ignore[arg-type]
    return Subject(strategy, tried.trials)


def _inputs() -> dict[str, Any]:
    backbone = Backbone.of("pixels", nn.Flatten(), PictureTransform(8, 1), 64)
    return {"stream": picture_stream(), "features": pixel_features, "backbone": backbone}


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


CLAUSES = (
    RUNS,
    Clause("predictors", "one after each task", each(_predictors)),
    Clause("outputs", "a score for every class seen so far", each(_outputs)),
    Clause("scores", "finite scores [n, len(outputs)] of any pictures", each(_scores)),
    Clause("learns", "over half of very plain test pictures right", each(_learns)),
    Clause("deterministic", "the same inputs give the same scores", each(_deterministic)),
)
