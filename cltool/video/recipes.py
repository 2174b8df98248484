"""What decides an extraction, as one YAML file that repeats it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cltool.recipe import Choice, RecipeFile


def _standard() -> list[Choice]:
    return [Choice(name=name) for name in ("mesh", "landmarks", "mel", "face")]


class ExtractionRecipe(RecipeFile):
    """What `cltool video extract` was asked for.

    `inputs`: films, folders of numbered pictures, and folders of either; or `corpus`, a data set below `data_root`.
    `rate`: frames per second of numbered pictures. `skip_broken`: leave out what cannot be read as a film.

    >>> ExtractionRecipe(inputs=["a.mp4"], modalities=["mesh:blendshapes=true"]).modalities[0].options
    {'blendshapes': 'true'}
    """

    inputs: list[str] = Field(default_factory=list)
    corpus: Choice | None = None
    data_root: str | None = None
    modalities: list[Choice] = Field(default_factory=_standard, min_length=1)
    backbone: Choice = Choice(name="resnet50")
    face_model: str | None = None
    pose_model: str | None = None
    rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    skip_broken: bool = False
    device: Literal["auto", "cpu", "cuda"] = "auto"
    plugins: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _films_from_one_place(self) -> Self:
        if bool(self.inputs) == bool(self.corpus):
            raise ValueError("give films, or --corpus NAME with --data-root; one of the two")
        if self.data_root and not self.corpus:
            raise ValueError("--data-root is for --corpus; films are given by their own paths")
        if self.corpus and not self.data_root:
            raise ValueError(f"--corpus {self.corpus.name} lies below --data-root; give its folder")
        return self
