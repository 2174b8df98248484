"""The contract of a backbone: pictures → features, frozen."""

from __future__ import annotations

from typing import Any

import torch

from cltool.backbones import Backbone, count_parameters
from cltool.contract.clauses import Clause, NotChecked
from cltool.contract.examples import film_stream, picture_stream
from cltool.contract.trials import RUNS, Make, Subject, Trial, each, try_all
from cltool.plugin import Configured
from cltool.progress import Silent


def subject(backbone: Configured) -> Subject:
    """Build it for small grey pictures and for oblong coloured ones; one that reads films for films."""
    if backbone.plugin.facts.get("values"):
        return try_all(backbone, {"films": lambda: {"stream": film_stream(), "device": "cpu", "progress": Silent()}})

    def case(*shape: int) -> Make:
        return lambda: {"stream": picture_stream(*shape), "device": "cpu", "progress": Silent()}

    return try_all(backbone, {"grey pictures": case(1, 8, 8), "oblong coloured pictures": case(3, 20, 14)})


def _pictures(trial: Trial) -> list[torch.Tensor]:
    stream: Any = trial.given["stream"]
    return stream.pictures.test[stream.groups[0][0]].pictures(range(3))


def _features(backbone: Backbone, trial: Trial) -> torch.Tensor:
    """Features of three pictures, or of three frames of a film that goes through as a whole."""
    if backbone.of_block is None:
        return backbone(_pictures(trial))
    stream: Any = trial.given["stream"]
    return backbone.of_block(stream.pictures.test[stream.groups[0][0]].films[0])[:3]


def _backbone(trial: Trial) -> Backbone:
    if not isinstance(trial.result, Backbone):
        raise NotChecked("the result is no Backbone")
    return trial.result


def _shape(trial: Trial) -> str | None:
    found = trial.result
    if not isinstance(found, Backbone):
        return f"a {type(found).__name__}"
    shape = list(_features(found, trial).shape)
    return None if shape == [3, found.width] else f"{shape} for 3 pictures, where width is {found.width}"


def _finite(trial: Trial) -> str | None:
    found = _features(_backbone(trial), trial)
    if found.dtype != _backbone(trial).dtype:
        return f"{found.dtype}"
    return None if torch.isfinite(found).all() else "numbers that are not"


def _rows(trial: Trial) -> str | None:
    backbone = _backbone(trial)
    if backbone.of_block is not None:
        return None  # of a film's frames they may depend on the others
    whole, single = backbone(_pictures(trial)), backbone(_pictures(trial)[1:2])
    return None if torch.allclose(whole[1:2], single, rtol=1e-2, atol=1e-3) else "features that depend on the batch"


def _frozen(trial: Trial) -> str | None:
    backbone = _backbone(trial)
    if not torch.equal(_features(backbone, trial), _features(backbone, trial)):
        return "other features at the second time"
    return "weights that can be trained" if any(p.requires_grad for p in backbone.body.parameters()) else None


def _parameters(trial: Trial) -> str | None:
    found, counted = _backbone(trial).parameters, count_parameters(_backbone(trial).body)
    return None if found == counted else f"{found:,}, where {counted:,} are there"


def _deterministic(trial: Trial) -> str | None:
    one, two = _backbone(trial), trial.again
    if one.fingerprint != two.fingerprint:
        return "another fingerprint at the second time"
    return None if torch.equal(_features(one, trial), _features(two, trial)) else "other features at the second time"


CLAUSES = (
    RUNS,
    Clause("shape", "a Backbone whose features are [n, width]", each(_shape)),
    Clause("finite", "finite numbers of its dtype", each(_finite)),
    Clause("rows", "a picture's features depend on that picture alone", each(_rows)),
    Clause("frozen", "the same features at every use, nothing trainable", each(_frozen)),
    Clause("parameters", "as many weights as it says", each(_parameters)),
    Clause("deterministic", "built twice, the same weights and fingerprint", each(_deterministic)),
)
