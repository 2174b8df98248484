"""What decides how a valence–arousal network is trained, as one YAML file that repeats it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cltool.recipe import Choice, RecipeFile

Context = Literal["none", "state", "overlap"]
Scale = Literal["standard", "unit"]


class AffectRecipe(RecipeFile):
    """What `cltool video train` was asked for; what nothing else says is the thesis' recipe (§4.2).

    `store`: folder of the features. `loss`: one, or a weighted sum. `preset`: whose settings the others were, before
    those given beside it. `sequence`: frames of a window; a film is cut into windows from its start. `context`: what a
    window knows of the one before it: `none`; `state`, the memory of a recurrent network goes on; `overlap`, windows
    share half of their frames. `order`: windows of an epoch film by film, films by lot, as in the thesis, or all by
    lot; with `state` film by film whatever it says. `scale`: features by the training films' mean and deviation, or by
    their extremes to 0…1. `batch`: windows a step, of all processes together. `choose`: what the best epoch is chosen
    by, the validation films' loss or their mean CCC. `clip`: longest gradient. `shuffle_labels`: a control; labels are
    dealt out anew among the frames of all films.

    >>> AffectRecipe(store="features", network="audio").sequence
    256
    """

    store: str
    network: Choice
    loss: str = "ccc"
    preset: str | None = None
    sequence: Annotated[int, Field(ge=1)] = 256
    context: Context = "none"
    order: Literal["films", "windows"] = "films"
    split: str = "given"
    scale: Scale = "standard"
    shuffle_labels: bool = False
    batch: Annotated[int, Field(ge=1)] = 64
    epochs: Annotated[int, Field(ge=1)] = 70
    optimizer: Literal["sgd", "adamw"] = "sgd"
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.01
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9  # of sgd
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 5e-4
    schedule: Literal["plateau", "onecycle", "cosine", "constant"] = "plateau"
    patience: Annotated[int, Field(ge=1)] = 10  # epochs without a better validation loss before plateau lowers the rate
    early_stop: Annotated[int, Field(ge=1)] | None = 15  # epochs without a better one
    choose: Literal["loss", "ccc"] = "loss"
    clip: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    plugins: list[str] = Field(default_factory=list)
