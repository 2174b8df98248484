"""A film's features made as those were that a network has learnt from; what would be made otherwise is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cltool.affect.models import ModelCard
from cltool.catalogue import Catalogue, discover
from cltool.errors import CallError, nearest
from cltool.plugin import Configured, Spec
from cltool.progress import Progress
from cltool.recipe import Choice
from cltool.video.films import Labels
from cltool.video.recipes import ExtractionRecipe
from cltool.video.setups import ExtractionSetup, prepare
from cltool.video.store import Index, TensorFacts


@dataclass(frozen=True)
class Places:
    """Where models and files lie that an extraction needs; what is None is found as `cltool video extract` does.

    `modalities`: a modality that the network reads, spelled with folders of its own, as in `body:files=FOLDER`.
    `backbone`: in the place of the one in the card, such as its weights in another folder. `rate`: frames per second of
    numbered pictures. `plugins`: Python files.
    """

    modalities: Sequence[str] = ()
    backbone: str | None = None
    face_model: Path | None = None
    pose_model: Path | None = None
    rate: float | None = None
    device: str = "auto"
    plugins: Sequence[Path] = ()


def prepare_like(
    card: ModelCard, film: Path, places: Places, labels: Labels | None = None, progress: Progress | None = None
) -> ExtractionSetup:
    """Find and open one film and the modalities that a network reads; no work is done.

    `labels`: the film's, if there are any. Raises CallError for anything that is wrong with the call, and where
    features would be of another version, other options or another origin than those of the training.
    """
    files = [Path(file) for file in card.plugins] + list(places.plugins)
    chosen = _chosen(card, places.modalities, discover(files))
    recipe = ExtractionRecipe.of(
        {
            "inputs": [str(film.absolute())],
            "modalities": [Choice.of(spec).model_dump() for spec in chosen.values()],
            "device": places.device,
            "plugins": [str(file.absolute()) for file in files],
            **_given(backbone=places.backbone or card.backbone, rate=places.rate),
            **_given(**{name: _absolute(getattr(places, name)) for name in ("face_model", "pose_model")}),
        },
        "this call",
    )
    setup = prepare(recipe, progress)
    if len(setup.films) != 1:
        raise CallError(f"{film} holds {len(setup.films)} films; give one of them")
    _check_same(card, setup)
    (found,) = setup.films
    return setup if labels is None else replace(setup, films=(replace(found, labels=lambda: labels),))


def _given(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _absolute(path: Path | None) -> str | None:
    return str(path.absolute()) if path else None


def _chosen(card: ModelCard, given: Sequence[str], catalogue: Catalogue) -> Mapping[str, Spec]:
    """The modalities of the card by name, with the folders that are given in the place of the training's own."""
    trained = {spec.name: catalogue.configure("modality", spec) for spec in map(Spec.parse, card.modalities)}
    chosen = {name: Spec(name, _without_paths(configured)) for name, configured in trained.items()}
    for spec in map(Spec.parse, given):
        if spec.name not in trained:
            raise CallError(f"--modality {spec}: the model reads none of it; {nearest(spec.name, trained)}")
        own = catalogue.configure("modality", Spec(spec.name, {**chosen[spec.name].options, **spec.options}))
        if _without_paths(own) != _without_paths(trained[spec.name]):
            raise CallError(f"--modality {spec}: the model was trained on {trained[spec.name]}; give folders alone")
        chosen[spec.name] = own.spec
    return {name: _from_same(card, spec, catalogue) for name, spec in chosen.items()}


def _from_same(card: ModelCard, modality: Spec, catalogue: Catalogue) -> Spec:
    """The modality, told to take what the training took, where it can be told by an option `source`.

    Otherwise it might ask for another program's model first, which would be of no use.
    """
    made = {key.partition(" (")[2].rstrip(")") for key in card.about if key.partition(" (")[0] == modality.name}
    if len(made) != 1 or modality.options.get("source") != "auto":
        return modality
    with suppress(CallError):  # an origin that is no source
        told = Spec(modality.name, {**modality.options, "source": made.pop()})
        return catalogue.configure("modality", told).spec
    return modality


def _without_paths(modality: Configured) -> dict[str, Any]:
    """Options that decide what is found, rather than where it lies."""
    return {name: value for name, value in modality.options.items() if not isinstance(value, Path | None)}


def _check_same(card: ModelCard, setup: ExtractionSetup) -> None:
    """Raise CallError where the film's rows would not be like those of the training."""
    (film,) = setup.films
    spelled = {Spec.parse(text).name: text for text in card.modalities}
    index = Index()
    for name, modality in setup.modalities.items():
        extractor = setup.extractor(name, film)
        try:
            made = f"{name} ({extractor.origin})" if extractor.origin else name
            index.about[made] = dict(extractor.about)
            for tensor, shape in extractor.shapes.items():
                facts = TensorFacts(modality=spelled.get(name, str(modality)), shape=list(shape))
                index.tensors[tensor] = facts
        finally:
            extractor.close()
        _check_origin(card, name, made, film.name)
    if (wrong := card.misfit(index)) is not None:
        raise CallError(f"{film.name}: {wrong}; give what was used in training, or train anew on features of now")


def _check_origin(card: ModelCard, name: str, made: str, film: str) -> None:
    """Raise CallError where other programs found what the network has learnt from."""
    known = [key for key in card.about if key.partition(" (")[0] == name]
    if known and made not in known:
        raise CallError(
            f"{film} would have {made}, and the model was trained on {' and '.join(known)}; "
            f"if there are such files, give their folder as `cltool plugins show {name}` says, by --modality {name}:…"
        )
