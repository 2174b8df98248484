"""What a comparison was asked for, as a YAML file that repeats it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from cltool.catalogue import Catalogue, discover
from cltool.errors import CallError
from cltool.recipe import Choice, Recipe, RecipeFile
from cltool.strategies import parse

Method = dict[str, Any]  # the keys of a recipe that say how is learned
SHARED = ("data_root", "tasks", "classes_per_task", "class_order", "device", "joint", "holdout", "plugins")


class ComparisonRecipe(RecipeFile):
    """What `cltool compare` was asked for: streams and strategies by their spelling, and what all cells share.

    `strategies` has the keys of a recipe that say how is learned. `backbones`, by stream, where each has its own and
    none was asked for.
    """

    streams: dict[str, Choice] = Field(min_length=1)
    strategies: dict[str, Method] = Field(min_length=1)
    seeds: list[int] = Field(min_length=1)
    data_root: str | None = None
    tasks: int | None = None
    classes_per_task: int | list[int] | None = None
    class_order: Literal["given", "random"] = "random"
    backbone: Choice | None = None
    backbones: dict[str, Choice] = Field(default_factory=dict)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    joint: bool = True
    holdout: Annotated[float, Field(gt=0, lt=1)] | None = None
    plugins: list[str] = Field(default_factory=list)

    @classmethod
    def spelled(
        cls,
        streams: Sequence[str],
        strategies: Sequence[str],
        plugins: Sequence[str] = (),
        train: str | None = None,
        **others: Any,
    ) -> ComparisonRecipe:
        """The recipe of streams and strategies as a person spells them.

        `train` ("head" or "all") is given to every strategy that has an option of this name and does not say it.
        Raises CallError for a strategy that is no spelling, for what is given twice, and for a `train` that no
        strategy takes.
        """
        catalogue = discover([Path(file) for file in plugins])
        for option, texts in (("stream", streams), ("strategy", strategies)):
            if twice := [text for place, text in enumerate(texts) if text in texts[:place]]:
                raise CallError(f"--{option} {twice[0]} is given twice")
        chosen = {text: parse(text, catalogue) for text in strategies}
        named = {text: text for text in streams}
        brought = [file for method in chosen.values() for file in method.pop("plugins", ())]
        files = list(dict.fromkeys([*plugins, *brought]))
        if train is not None:
            chosen = _trained(chosen, train, discover([Path(file) for file in files]))
        return cls.of({"streams": named, "strategies": chosen, "plugins": files, **others}, "this call")

    def cell(self, stream: str, strategy: str, seed: int) -> Recipe:
        """The recipe of one run."""
        given = {key: getattr(self, key) for key in SHARED}
        backbone = self.backbones.get(stream, self.backbone)
        chosen = {"stream": self.streams[stream], "seed": seed, "backbone": backbone, **given}
        return Recipe.of({**chosen, **self.strategies[strategy]}, f"strategy {strategy}")

    def resolved(
        self, streams: Mapping[str, Choice], strategies: Mapping[str, Method], backbones: Mapping[str, Choice]
    ) -> Self:
        """The same with all of these written out; one backbone stands for those that are alike."""
        (first, *others) = backbones.values()
        alike = all(other == first for other in others)
        own = {"backbone": first, "backbones": {}} if alike else {"backbone": None, "backbones": dict(backbones)}
        return self.model_copy(update={"streams": dict(streams), "strategies": dict(strategies), **own})


def _trained(chosen: Mapping[str, Method], train: str, catalogue: Catalogue) -> dict[str, Method]:
    """The methods, of which strategies that can train head or whole network are told which, unless they say it."""
    if train not in ("head", "all"):
        raise CallError(f"--train {train}: give head (the frozen features) or all (the whole network)")
    found: dict[str, Method] = {}
    taken = False
    for text, method in chosen.items():
        found[text] = method
        if "strategy" not in method:
            continue
        choice = Choice.model_validate(method["strategy"])
        if "train" not in catalogue.find("strategy", choice.name).options.model_fields:
            continue
        taken = True
        found[text] = {"strategy": choice.model_copy(update={"options": {"train": train, **choice.options}})}
    if not taken:
        raise CallError(
            f"--train {train}: no --strategy here has an option train; merges learn heads only, leave it out"
        )
    return found
