"""Settings of our own, for corpora of minutes rather than hours, on which the thesis' rates do not converge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cltool import preset

LITTLE_DATA = {
    "optimizer": "adamw",
    "weight_decay": 0.01,
    "schedule": "onecycle",
    "early_stop": None,
    "choose": "ccc",
    "clip": 1.0,
    "scale": "standard",
    "order": "windows",
}


@preset
def recurrent() -> Mapping[str, Any]:
    """For LSTMs: AdamW up to 3e-3 and down again over 20 epochs, 16 windows of 128 frames in any order.

    The epoch is kept whose mean CCC on the validation films is best.

    >>> recurrent()["epochs"]
    20
    """
    return {**LITTLE_DATA, "learning_rate": 3e-3, "sequence": 128, "batch": 16, "epochs": 20}


@preset
def transformer() -> Mapping[str, Any]:
    """For Transformers: AdamW up to 5e-4 and down again over 15 epochs, 8 windows of 64 frames in any order.

    The epoch is kept whose mean CCC on the validation films is best.

    >>> transformer()["epochs"]
    15
    """
    return {**LITTLE_DATA, "learning_rate": 5e-4, "sequence": 64, "batch": 8, "epochs": 15}
