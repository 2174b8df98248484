"""What decides how a universal backbone is trained, as one YAML file that repeats it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cltool.recipe import Choice, RecipeFile

Share = Annotated[float, Field(gt=0, lt=1)]
Rate = Annotated[float, Field(gt=0)]


class TrainingRecipe(RecipeFile):
    """What `cltool universal train` was asked for; defaults are the thesis' recipe for FERPlus (§2.1, §4.1).

    `size` and `resize` in pixels: pictures are resized to `resize`, a part of `size` is cut out at random for
    training, at the centre otherwise; None: the backbone's own (224 of 256 where it says nothing). `augment`: `crop`
    is that, flipped at random with `flip`; `warp` turns, scales, shears, bends and shifts each picture, varies its
    strokes and contrast, for drawings. What the thesis leaves open about pictures (optimiser, rates, schedule) is
    taken from its recipe for video.

    >>> TrainingRecipe(stream="ferplus", backbone="resnet18:weights=none").batch
    64
    """

    stream: Choice
    data_root: str | None = None
    classes: Annotated[int, Field(ge=2)] | list[str] | None = None  # the first so many, or these; None: all
    label_map: dict[str, str | None] | None = None  # the data's classes → those to be learnt; None: left out
    validation: Share = 0.1  # of the training pictures, held out to choose the best epoch
    backbone: Choice = Choice(name="resnet18")
    size: Annotated[int, Field(ge=8)] | None = None
    resize: Annotated[int, Field(ge=8)] | None = None
    augment: Literal["crop", "warp", "none"] = "crop"
    flip: bool = True
    sampler: Literal["balanced", "shuffled"] = "balanced"
    batch: Annotated[int, Field(ge=2)] = 64
    epochs: Annotated[int, Field(ge=1)] = 70
    optimizer: Literal["sgd", "adamw"] = "sgd"
    learning_rate: Rate = 0.01
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9  # of sgd
    weight_decay: Annotated[float, Field(ge=0)] = 5e-4
    schedule: Literal["plateau", "onecycle", "cosine", "constant"] = "plateau"
    patience: Annotated[int, Field(ge=1)] = 10  # epochs without a better validation loss before plateau lowers the rate
    early_stop: Annotated[int, Field(ge=1)] | None = 15  # epochs without a better validation accuracy
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    plugins: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _resize_holds_size(self) -> Self:
        if self.size is not None and self.resize is not None and self.resize < self.size:
            raise ValueError(f"resize {self.resize} is smaller than size {self.size}, which is cut out of it")
        return self
