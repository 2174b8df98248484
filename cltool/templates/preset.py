"""Settings for a store of a few minutes of film."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cltool import preset


@preset(source="where the settings come from")
def mine() -> Mapping[str, Any]:
    """AdamW on short windows, for little data; keys are those of a training's recipe.yaml.

    >>> mine()["sequence"]
    64
    """
    return {"sequence": 64, "batch": 16, "optimizer": "adamw", "learning_rate": 1e-3, "epochs": 30}
