"""The contract of a preset: settings of a valence–arousal training, by the keys of its recipe."""

from __future__ import annotations

from collections.abc import Mapping

from cltool.affect.recipes import AffectRecipe
from cltool.contract.clauses import Clause
from cltool.contract.trials import DETERMINISTIC, RUNS, Subject, Trial, each, try_all
from cltool.errors import CallError
from cltool.plugin import Configured

OWN = frozenset({"schema", "cltool", "preset", "store", "network", "plugins"})  # what a call says, and no preset may


def subject(preset: Configured) -> Subject:
    """Ask for its settings."""
    return try_all(preset, {"its settings": dict})


def _mapping(trial: Trial) -> str | None:
    return None if isinstance(trial.result, Mapping) else f"a {type(trial.result).__name__}"


def _keys(trial: Trial) -> str | None:
    if _mapping(trial):
        return None  # said there
    wrong = [key for key in trial.result if key not in AffectRecipe.model_fields or key in OWN]
    return f"{wrong[0]!r}, which is none" if wrong else None


def _values(trial: Trial) -> str | None:
    if _mapping(trial) or _keys(trial):
        return None
    try:
        AffectRecipe.of({"store": "features", "network": "network", **trial.result}, "preset")
    except CallError as error:
        return str(error)
    return None


CLAUSES = (
    RUNS,
    Clause("mapping", "a mapping of keys to values", each(_mapping)),
    Clause("keys", "keys of a training's recipe, but for store, network and plugins", each(_keys)),
    Clause("values", "values that a recipe takes", each(_values)),
    DETERMINISTIC,
)
