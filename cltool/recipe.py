"""A recipe: everything that decides a run's result, as one YAML file that repeats it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cltool import __version__
from cltool.errors import CallError
from cltool.files import save_text
from cltool.places import Place, split_place
from cltool.plugin import Spec


class Choice(BaseModel):
    """A plugin and its options; in a file also spelled `NAME[:key=value,…]`."""

    model_config = ConfigDict(extra="forbid")
    name: str
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if isinstance(value, str):
            spec = Spec.parse(value)
            return {"name": spec.name, "options": dict(spec.options)}
        return value

    @classmethod
    def of(cls, spec: Spec) -> Choice:
        """The same as a Choice; paths and the like become plain strings and numbers."""
        plain = {k: str(v) if isinstance(v, Path) else v for k, v in spec.options.items()}
        return cls(name=spec.name, options=plain)

    @property
    def spec(self) -> Spec:
        """The same as a Spec."""
        return Spec(self.name, self.options)


class PlacedChoice(Choice):
    """A surgery, its options, and where it acts; in a file also spelled `NAME[:key=value,…][@task|@merged]`.

    >>> PlacedChoice.model_validate("prune:relative=0.1@merged").on
    'merged'
    """

    on: Place | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        text, place = split_place(value)
        spec = Spec.parse(text)
        if "@" in spec.name:
            name, _, _ = spec.name.partition("@")
            raise CallError(f"--surgery {value}: a place comes last and is @task or @merged: {name}[:k=v,…]@task")
        return {"name": spec.name, "options": dict(spec.options), "on": place}


class RecipeFile(BaseModel):
    """What was asked for, as a YAML file that repeats it."""

    model_config = ConfigDict(extra="forbid")
    schema_: Literal[1] = Field(1, alias="schema")
    cltool: str = __version__

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a recipe; raises CallError for a missing file, broken YAML, or an unknown or wrong key."""
        try:
            content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise CallError(f"recipe {path}: {error.strerror}") from None
        except yaml.YAMLError as error:
            raise CallError(f"recipe {path} is no YAML: {' '.join(str(error).split())}") from None
        return cls.of(content, f"recipe {path}")

    @classmethod
    def of(cls, content: Any, where: str = "recipe") -> Self:
        """Validate a mapping as a recipe; raises CallError with the first key that is wrong."""
        if not isinstance(content, dict):
            raise CallError(f"{where} holds no keys; see recipe.yaml of any run")
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            if "error" in first.get("ctx", {}):  # our own word, which names the option already
                raise CallError(str(first["ctx"]["error"])) from None
            key = ".".join(str(part) for part in first["loc"])
            raise CallError(f"{where}, {key}: {first['msg']}") from None

    @property
    def text(self) -> str:
        """The recipe as YAML."""
        return yaml.safe_dump(self.model_dump(mode="json", by_alias=True), sort_keys=False, allow_unicode=True)

    def save(self, path: str | Path) -> None:
        """Write as YAML, whole or not at all."""
        save_text(path, self.text)


class Recipe(RecipeFile):
    """What `cltool run` was asked for; what is None is the stream's default until the recipe is resolved.

    >>> Recipe(stream="digits", merge="alpha:alpha=0.7").merge.options
    {'alpha': '0.7'}
    """

    stream: Choice
    data_root: str | None = None
    tasks: int | None = None
    classes_per_task: int | list[int] | None = None
    class_order: Literal["given", "random"] | list[str] = "given"
    backbone: Choice | None = None
    lift: Choice | None = None
    head: Choice | None = None
    unknown: Choice = Choice(name="none")
    merge: Choice = Choice(name="alpha")
    surgery: list[PlacedChoice] = Field(default_factory=list)
    strategy: Choice | None = None  # a plugin that learns by itself, instead of merging heads
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    joint: bool = True
    holdout: Annotated[float, Field(gt=0, lt=1)] | None = None  # share of training pictures to score on instead
    plugins: list[str] = Field(default_factory=list)
