"""From a training recipe to all that training and evaluation need: found, checked and loaded; no work is done."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cltool.backbones import Backbone, PictureTransform
from cltool.catalogue import discover
from cltool.errors import CallError
from cltool.files import sha256
from cltool.pictures import PictureSet
from cltool.plugin import Configured, Spec
from cltool.progress import Progress, Silent
from cltool.recipe import Choice
from cltool.setups import device_of
from cltool.tasks import TaskStream, arrange
from cltool.universal.cards import Card
from cltool.universal.frozen import BEST, blank_stream, weights_file
from cltool.universal.recipes import TrainingRecipe

CUT = 256 / 224  # what is resized, to what is cut out of it: ImageNet's custom, and the thesis'


@dataclass(frozen=True)
class TrainingSetup:
    """A resolved training recipe with everything it names found, validated and loaded.

    `pictures` have the classes that are to be learnt; `stream` is one task of all of them. `backbone` is the plugin
    that describes the network and the weights that training starts from; `started_from` the same for a card, its
    files told by name and hash. `parent`: the card of the file that it starts from, where that has one.
    """

    recipe: TrainingRecipe
    source: Configured
    pictures: PictureSet
    stream: TaskStream
    backbone: Configured
    device: str
    started_from: Configured
    parent: Card | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """What the network is to tell apart, in order."""
        return self.pictures.outputs

    def described(self, progress: Progress | None = None) -> Backbone:
        """The network before training; its transform is that which the trained one will have when it is frozen."""
        found = self.backbone(stream=self.stream, device=self.device, progress=progress or Silent())
        return replace(found, transform=self._transform(found.transform))

    def _transform(self, own: PictureTransform) -> PictureTransform:
        return replace(own, size=self.recipe.size or own.size, resize=self.recipe.resize)

    @property
    def architecture(self) -> str:
        """The plugin, spelled, that builds the network without its classifier and without weights."""
        options = dict(self.backbone.options)
        field = self.backbone.plugin.options.model_fields.get("weights")
        if self.parent is not None and field is not None and field.is_required():
            return self.parent.architecture  # a trained network: its own card tells what it is
        if field is not None:
            options["weights"] = "none"
        return str(Configured(self.backbone.plugin, options))


def prepare(recipe: TrainingRecipe, progress: Progress | None = None) -> TrainingSetup:
    """Find and check all that a training recipe names; the setup's recipe has every default written out.

    Raises CallError (and its PluginError) for anything that is wrong with the call.
    """
    progress = progress or Silent()
    catalogue = discover([Path(p) for p in recipe.plugins])
    source = catalogue.configure("stream", recipe.stream.spec)
    backbone = _sized(_anchored(catalogue.configure("backbone", recipe.backbone.spec)), recipe.size)
    device = device_of(recipe.device)
    if device == "cpu" and recipe.precision == "float16":
        raise CallError("--precision float16 needs a GPU; take bfloat16 or float32 on a CPU")
    _check_spelling(backbone)
    pictures = load(recipe, source, progress)
    stream = arrange(pictures, 1)
    described = backbone(stream=stream, device=device, progress=progress)
    size, resize = _sides(recipe, described.transform, backbone)
    backbone = _sized(backbone, size)
    shared = {
        "stream": Choice.of(source.spec).model_dump(),
        "backbone": Choice.of(backbone.spec).model_dump(),
        "size": size,
        "resize": resize,
        "device": device,
    }
    resolved = TrainingRecipe.of({**recipe.model_dump(by_alias=True), **shared}, "this call")
    parent = _parent(backbone)
    return TrainingSetup(resolved, source, pictures, stream, backbone, device, _placeless(backbone), parent)


def load(recipe: TrainingRecipe, source: Configured, progress: Progress | None = None) -> PictureSet:
    """The pictures of a recipe's stream, under the classes that are to be learnt; at least two."""
    data_root = Path(recipe.data_root) if recipe.data_root else None
    if data_root is not None and not data_root.exists():
        raise CallError(f"--data-root {data_root}: there is nothing; give the folder that holds the data")
    if source.plugin.facts.get("values"):
        raise CallError(f"stream {source.plugin.name!r} has values and films, not classes; take cltool video train")
    pictures: PictureSet = source(data_root=data_root, progress=progress or Silent())
    if recipe.label_map is not None:
        pictures = pictures.relabelled(recipe.label_map)
    if recipe.classes is not None:
        pictures = pictures.only(recipe.classes)
    if len(pictures.outputs) < 2:
        raise CallError(f"there is one class only, {pictures.outputs[0]!r}; a network learns to tell two or more apart")
    return pictures


def _files(backbone: Configured) -> dict[str, Path]:
    """The options that name what is on this disk: paths, and texts with a suffix, for `none` may be a file as well."""

    def is_path(value: Any) -> bool:
        return isinstance(value, Path) or (isinstance(value, str) and bool(Path(value).suffix))

    return {n: Path(v) for n, v in backbone.options.items() if is_path(v) and Path(v).exists()}


def _anchored(backbone: Configured) -> Configured:
    """The plugin with its files' paths absolute, so that the recipe holds in any folder."""
    own = backbone.options
    return _changed(backbone, {n: type(own[n])(path.absolute()) for n, path in _files(backbone).items()})


def _placeless(backbone: Configured) -> Configured:
    """The plugin with its files told by name and hash: whoever reads a card has them elsewhere, if at all."""
    return _changed(backbone, {n: _name_and_hash(path) for n, path in _files(backbone).items()})


def _changed(backbone: Configured, options: dict[str, Any]) -> Configured:
    return Configured(backbone.plugin, {**backbone.options, **options})


def _name_and_hash(path: Path) -> str:
    file = path / BEST if path.is_dir() else path
    if not file.is_file():
        return path.name
    return f"{file.name}@sha256:{sha256(file)[:12]}"


def _parent(backbone: Configured) -> Card | None:
    """The card of the weights that training starts from, whichever plugin reads them; None where they have none."""
    path = _files(backbone).get("weights")
    try:
        return None if path is None else Card.load(weights_file(path))[0]
    except CallError:
        return None


def _check_spelling(backbone: Configured) -> None:
    """Raise CallError for a plugin that learns from the stream: a card's spelling alone could not build it again."""
    if not backbone.asks("progress"):  # nothing that works long
        return
    try:
        backbone(stream=blank_stream(1, 32), device="cpu", progress=Silent())
    except CallError as error:
        raise CallError(
            f"--backbone {backbone} is trained on the stream by itself; take a plain network, such as glyphnet or "
            "resnet18:weights=none"
        ) from error


def _sized(backbone: Configured, size: int | None) -> Configured:
    """The plugin with its option `size` set, where it has one and it was left open."""
    own = backbone.options.get("size")
    if size is None or "size" not in backbone.options or own == size:
        return backbone
    if own is not None:
        raise CallError(f"--size {size}, but --backbone {backbone}; give one of the two")
    spec = Spec(backbone.plugin.name, {**backbone.options, "size": size})
    return backbone.plugin.configure(spec.options)


def _sides(recipe: TrainingRecipe, own: PictureTransform, backbone: Configured) -> tuple[int, int]:
    """Side of the pictures that the network is shown, and of what they are cut out of, in pixels."""
    size = recipe.size or own.size
    if size != own.size:
        raise CallError(f"--size {size}: backbone {backbone} takes pictures of {own.size} px; leave out --size")
    resize = recipe.resize or own.resize or round(size * CUT)
    if resize < size:
        raise CallError(f"--resize {resize} is smaller than {size}, which is cut out of it; take {size} or more")
    return size, resize
