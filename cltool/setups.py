"""From a recipe to all that a run needs: what it names is found and checked, its data are loaded, no work is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from cltool.backbones import Backbone
from cltool.catalogue import Catalogue, discover
from cltool.errors import CallError, PluginFailed
from cltool.learner import Learner
from cltool.pictures import PictureSet
from cltool.plugin import Configured, Spec
from cltool.progress import Progress, Silent
from cltool.recipe import Choice, PlacedChoice, Recipe
from cltool.strategies import spell
from cltool.surgeries import Operation
from cltool.tasks import TaskStream, arrange


@dataclass(frozen=True)
class Setup:
    """A resolved recipe with everything it names found, validated and loaded.

    `method` is how it learns: the learner that merges heads, or a strategy plugin.
    """

    recipe: Recipe
    source: Configured
    stream: TaskStream
    backbone: Configured
    method: Learner | Configured
    device: str

    @property
    def learner(self) -> Learner | None:
        """The learner that merges heads; None where a strategy plugin learns."""
        return self.method if isinstance(self.method, Learner) else None

    @property
    def task_aware(self) -> bool:
        """Whether it is told the task of a test picture."""
        return not isinstance(self.method, Learner) and bool(self.method.plugin.facts.get("task_aware"))

    @property
    def keeps_all(self) -> bool:
        """Whether it keeps all samples of earlier tasks: an upper bound rather than a way to do without them."""
        return not isinstance(self.method, Learner) and bool(self.method.plugin.facts.get("keeps_all"))

    @property
    def strategy(self) -> str:
        """The strategy as a person spells it: the merge, and beside it what is not the stream's default."""
        method = self.method
        if not isinstance(method, Learner):
            return str(method)
        parts = {"merge": method.merge, "lift": method.lift, "surgery": method.surgeries}
        fitted = {"head": method.fit, "unknown": method.unknown}
        told = {kind: part for kind, part in fitted.items() if str(part) != _default(kind, self.source).name}
        return spell({**parts, **told})

    def build(self, progress: Progress | None = None) -> Backbone:
        """The frozen network, described; its body is built when a picture has to go through it."""
        return self.backbone(stream=self.stream, device=self.device, progress=progress or Silent())


def prepare(recipe: Recipe, progress: Progress | None = None, pictures: PictureSet | None = None) -> Setup:
    """Find and check all that a recipe names; the setup's recipe has every default written out.

    `pictures` are those of the recipe's stream, where they have been loaded before. Raises CallError (and its
    PluginError) for anything that is wrong with the call.
    """
    catalogue = discover([Path(p) for p in recipe.plugins])
    source = catalogue.configure("stream", recipe.stream.spec)
    facts = source.plugin.facts
    backbone_spec = recipe.backbone.spec if recipe.backbone else Spec.parse(facts.get("backbone", "resnet18"))
    backbone = catalogue.configure("backbone", backbone_spec)
    found = _strategy(recipe, catalogue, source) if recipe.strategy else _learner(recipe, catalogue, source)
    method, resolved = found
    check_kind(source, catalogue, backbone, method)
    device = device_of(recipe.device)
    pictures = pictures or load(recipe, source, progress)
    tasks, per_task = recipe.tasks, recipe.classes_per_task
    if tasks is None and per_task is None:
        tasks, per_task = own_cut(source, pictures)
    stream = arrange(pictures, tasks, per_task, recipe.class_order, recipe.seed)
    shared = {
        "stream": Choice.of(source.spec),
        "backbone": Choice.of(backbone.spec),
        "tasks": len(stream),
        "classes_per_task": [len(group) for group in stream.groups],
    }
    return Setup(recipe.model_copy(update={**shared, **resolved}), source, stream, backbone, method, device)


def own_cut(source: Configured, pictures: PictureSet) -> tuple[int | None, int | list[int] | None]:
    """Tasks and classes per task where nobody asked for any: the data set's own, or those its plugin says."""
    facts = source.plugin.facts
    return (None, [*pictures.own_tasks]) if pictures.own_tasks else (facts.get("tasks"), facts.get("classes_per_task"))


def load(recipe: Recipe, source: Configured, progress: Progress | None = None) -> PictureSet:
    """The pictures of a recipe's stream, before they are ordered and cut into tasks; test pictures as it wants them."""
    data_root = Path(recipe.data_root) if recipe.data_root else None
    if data_root is not None and not data_root.exists():
        raise CallError(f"--data-root {data_root}: there is nothing; give the folder that holds the data")
    pictures: PictureSet = source(data_root=data_root, progress=progress or Silent())
    if bool(pictures.values) != bool(source.plugin.facts.get("values")):
        raise PluginFailed(f"stream {source.plugin.name!r} gives values without the fact values=True, or the other way")
    return pictures.held_out(recipe.holdout) if recipe.holdout else pictures


def _learner(recipe: Recipe, catalogue: Catalogue, source: Configured) -> tuple[Learner, Mapping[str, Any]]:
    """The learner that merges heads, and the recipe's keys of it, resolved."""
    merge, fit, unknown = (
        catalogue.configure(kind, (getattr(recipe, kind) or _default(kind, source)).spec)
        for kind in ("merge", "head", "unknown")
    )
    lift = catalogue.configure("lift", recipe.lift.spec) if recipe.lift else None
    surgeries = tuple(Operation.of(catalogue.configure("surgery", s.spec), s.on) for s in recipe.surgery)
    learner = Learner(fit, unknown, merge, recipe.seed, lift, surgeries)
    if not learner.fits_heads:
        _check_without_heads(learner, source)
    return learner, {
        "merge": Choice.of(merge.spec),
        "head": Choice.of(fit.spec),
        "unknown": Choice.of(unknown.spec),
        "lift": Choice.of(lift.spec) if lift else None,
        "surgery": [PlacedChoice(**dict(Choice.of(o.surgery.spec)), on=o.on) for o in surgeries],
    }


def _check_without_heads(learner: Learner, source: Configured) -> None:
    """Raise CallError where tasks' heads are asked to be fitted or operated on and the merge asks for none."""
    name = learner.merge.plugin.name
    for operation in learner.surgeries:
        if operation.on == "task":
            raise CallError(f"--surgery {operation}: merge {name!r} looks at no task's head; take @merged")
    for kind, part in {"head": learner.fit, "unknown": learner.unknown}.items():
        default = _default(kind, source).name
        if str(part) != default:
            raise CallError(
                f"--{kind} {part}: merge {name!r} asks for no head; leave it out, or take --{kind} {default}"
            )


def _strategy(recipe: Recipe, catalogue: Catalogue, source: Configured) -> tuple[Configured, Mapping[str, Any]]:
    """A strategy plugin, and the recipe's keys of how is learned: what belongs to merging stays at its default."""
    assert recipe.strategy is not None
    strategy = catalogue.configure("strategy", recipe.strategy.spec)
    given = [kind for kind in ("lift", "surgery") if getattr(recipe, kind)]
    for kind in ("merge", "head", "unknown"):  # a default may be there written out, as in a resolved recipe
        default = _default(kind, source)
        choice = getattr(recipe, kind) or default
        if choice != default and str(catalogue.configure(kind, choice.spec)) != default.name:
            given.append(kind)
    if given:
        raise CallError(f"--strategy {strategy} learns by itself; leave out --{given[0]}")
    merging = {kind: _default(kind, source) for kind in ("merge", "head", "unknown")}
    return strategy, {"strategy": Choice.of(strategy.spec), **merging}


def _default(kind: str, source: Configured) -> Choice:
    """What a recipe says of a kind when nobody did; which head, the stream may say."""
    if kind == "head":
        return Choice(name=source.plugin.facts.get("head", "softmax"))
    default: Choice = Recipe.model_fields[kind].default
    return default


def check_kind(source: Configured, catalogue: Catalogue, backbone: Configured, method: Learner | Configured) -> None:
    """Raise CallError for a plugin that is made for classes beside a stream of values, or the other way round.

    Plugins say that they are fit for values by the fact `values`; of backbones it means that films are all they read.
    """
    values, where = bool(source.plugin.facts.get("values")), f"stream {source.plugin.name!r}"
    if values != bool(backbone.plugin.facts.get("values")):
        read, there = ("pictures", "features of films") if values else ("features of films", "pictures")
        raise CallError(f"--backbone {backbone} reads {read}, and {where} has {there}; leave it out")
    if not values:
        return
    if not isinstance(method, Learner):
        if not method.plugin.facts.get("values"):
            raise CallError(f"--strategy {method} learns classes, and {where} has values; take a --merge instead")
        return
    if not method.merge.plugin.facts.get("values"):
        fit = [name for name in catalogue.names("merge") if catalogue.find("merge", name).facts.get("values")]
        raise CallError(f"--merge {method.merge} is for classes, and {where} has values; take {', '.join(fit)}")
    if method.fits_heads and not method.fit.plugin.facts.get("values"):
        raise CallError(f"--head {method.fit} fits classes, and {where} has values; leave it out for the stream's own")
    if str(method.unknown) != _default("unknown", source).name:
        raise CallError(f"--unknown {method.unknown}: {where} has values, and they have no unknown; leave it out")


def device_of(wanted: str) -> str:
    """The device that 'auto', 'cpu' or 'cuda' means here; raises CallError where there is none of the kind."""
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise CallError("--device cuda: torch sees no GPU here; take --device auto or cpu")
    return wanted
