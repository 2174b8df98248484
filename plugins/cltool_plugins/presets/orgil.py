"""The thesis' settings for its recurrent networks and its Transformers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cltool import preset

STOPPING = {"schedule": "plateau", "patience": 10, "early_stop": 15, "choose": "loss"}


@preset(name="orgil-rnn", source="Orgil 2022, §4.2")
def orgil_rnn() -> Mapping[str, Any]:
    """The thesis' recipe for LSTMs: SGD at .01 with momentum .9, 64 windows of 256 frames, 70 epochs at most.

    Features scaled to 0…1, weight decay 5e-4, films in a new order every epoch; the rate falls to a tenth after 10
    epochs without a lower validation loss, and after 15 the training ends.

    >>> orgil_rnn()["learning_rate"]
    0.01
    """
    moving = {"optimizer": "sgd", "learning_rate": 0.01, "momentum": 0.9, "weight_decay": 5e-4}
    return {**moving, **STOPPING, "sequence": 256, "batch": 64, "epochs": 70, "scale": "unit", "order": "films"}


@preset(name="orgil-transformer", source="Orgil 2022, §4.3")
def orgil_transformer() -> Mapping[str, Any]:
    """The thesis' recipe for Transformers: rate 1e-5, 8 windows of 32 frames, 50 epochs at most.

    It names no optimiser for them; AdamW is taken. Table 4.3 is of `sequence` 128.

    >>> orgil_transformer()["batch"]
    8
    """
    moving = {"optimizer": "adamw", "learning_rate": 1e-5, "weight_decay": 5e-4}
    return {**moving, **STOPPING, "sequence": 32, "batch": 8, "epochs": 50, "scale": "unit", "order": "films"}
