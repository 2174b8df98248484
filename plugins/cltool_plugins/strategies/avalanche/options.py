"""The options that rivals share, with their ranges; every rival has defaults of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from cltool import CallError

Part = Literal["head", "all"]
Train = Annotated[
    Part, Field(description="a head on the frozen features, or the whole network, at about a tenth of the rate")
]
Epochs = Annotated[int, Field(ge=1, description="passes over every task")]
Batch = Annotated[int, Field(ge=1, description="samples of the task in a step")]
Rate = Annotated[float, Field(gt=0, description="learning rate of SGD")]
Momentum = Annotated[float, Field(ge=0, lt=1, description="of SGD")]
Decay = Annotated[float, Field(ge=0, description="weight decay of SGD")]
Memory = Annotated[int | None, Field(ge=1, description="earlier samples kept in all; default: 20 for every class")]
MemoryBatch = Annotated[int | None, Field(ge=1, description="kept samples in a step; default: as many as of the task")]

SHARE = 20  # samples of a class, as iCaRL's memory of 2000 has for 100 classes


@dataclass(frozen=True)
class Training:
    """How a rival's model is trained: `train` of it, by SGD in so many epochs."""

    train: Part
    epochs: int
    batch: int
    learning_rate: float
    momentum: float
    decay: float

    def optimizer(self, model: Any) -> Any:
        """SGD on all of a model's weights."""
        from torch.optim import SGD

        return SGD(model.parameters(), lr=self.learning_rate, momentum=self.momentum, weight_decay=self.decay)


UNTRAINED = Training("head", epochs=1, batch=4096, learning_rate=1e-3, momentum=0.0, decay=0.0)


def only_head(name: str, train: Part) -> None:
    """Raise CallError where the whole network is to be trained by a rival whose paper trains none."""
    if train == "all":
        raise CallError(f"strategy {name!r} learns on a frozen network; leave train=all out")
