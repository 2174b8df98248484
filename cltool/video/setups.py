"""From what was asked for to films and modalities: all is found and looked at before any work is done."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from cltool.backbones import Backbone
from cltool.catalogue import Catalogue, discover
from cltool.errors import CallError, Lacking, nearest
from cltool.pictures import Block, ImageFile, PictureSet
from cltool.plugin import Configured, Spec
from cltool.progress import Progress, Silent
from cltool.recipe import Choice
from cltool.setups import device_of
from cltool.tasks import TaskStream, arrange
from cltool.video.decoding import FILM_SUFFIXES, FilmFacts, has_numbered_pictures, probe, read_frames
from cltool.video.films import Corpus, Film
from cltool.video.modalities import Extractor, reads
from cltool.video.own_words import says_synthetic
from cltool.video.recipes import ExtractionRecipe
from cltool.video.store import FilmEntry

LONGEST = 200  # bytes of a film's name, which becomes a file's


@dataclass(frozen=True)
class ExtractionSetup:
    """Films to be looked at, modalities in the order in which they read one another, and the device.

    `facts`: what each film says of itself; `left_out`: why a film that could not be read is left out, by name.
    `shapes`: what each modality gives. `done`: films that a store has already, by name.
    """

    recipe: ExtractionRecipe
    films: tuple[Film, ...]
    facts: Mapping[str, FilmFacts]
    left_out: Mapping[str, str]
    modalities: Mapping[str, Configured]
    source: Configured
    device: str
    shapes: Mapping[str, Mapping[str, tuple[int, ...]]] = field(default_factory=dict)
    done: Mapping[str, FilmEntry] = field(default_factory=dict)
    progress: Progress = field(default_factory=Silent)

    @cached_property
    def backbone(self) -> Backbone:
        """The frozen network, described; a modality that asks for it builds it."""
        film = self.films[0]
        stream = pictures_of(film) if self.source.asks("stream") else None
        return self.source(stream=stream, device=self.device, progress=self.progress)

    def extractor(self, name: str, film: Film, progress: Progress | None = None) -> Extractor:
        """A modality at work on one film."""
        modality, recipe = self.modalities[name], self.recipe
        face_model, pose_model = (Path(given) if given else None for given in (recipe.face_model, recipe.pose_model))
        backbone = self.backbone if modality.asks("backbone") else None
        extractor: Extractor = modality(
            film=film,
            backbone=backbone,
            device=self.device,
            face_model=face_model,
            pose_model=pose_model,
            progress=progress or self.progress,
        )
        return extractor


def prepare(
    recipe: ExtractionRecipe, progress: Progress | None = None, done: Mapping[str, FilmEntry] | None = None
) -> ExtractionSetup:
    """Find films and modalities, and open every film but those that are `done`.

    Raises CallError for anything that is wrong with the call.
    """
    progress, done = progress or Silent(), done or {}
    catalogue = discover([Path(file) for file in recipe.plugins])
    modalities = ordered(recipe.modalities, catalogue)
    source = catalogue.configure("backbone", recipe.backbone.spec)
    device = device_of(recipe.device)
    films = _of_corpus(recipe, catalogue, progress) if recipe.corpus else _of_inputs(recipe, done)
    films = tuple(film for film in films if film.name not in done)
    facts, left_out = _probed(films, recipe.skip_broken, progress)
    setup = ExtractionSetup(
        recipe=recipe.model_copy(update={"modalities": [_placed(modality) for modality in modalities.values()]}),
        films=tuple(_as_it_says(film, facts[film.name]) for film in films if film.name in facts),
        facts=facts,
        left_out=left_out,
        modalities=modalities,
        source=source,
        device=device,
        done=done,
        progress=progress,
    )
    if not setup.films and not done:
        raise CallError("none of the films can be read")
    return replace(setup, shapes={name: _shapes(setup, name) for name in modalities} if setup.films else {})


def _as_it_says(film: Film, facts: FilmFacts) -> Film:
    """The film, synthetic if its own words say so, wherever it was found."""
    return replace(film, synthetic=film.synthetic or says_synthetic(facts.told))


def _placed(modality: Configured) -> Choice:
    """A modality as a recipe keeps it: its files and folders are found from any working folder."""
    options = {n: v.absolute() if isinstance(v, Path) else v for n, v in modality.options.items()}
    return Choice.of(Spec(modality.plugin.name, options))


def _shapes(setup: ExtractionSetup, name: str) -> Mapping[str, tuple[int, ...]]:
    """What a modality gives, tried on the first film that has what it reads, and on the slowest, whose rate may not do.

    Raises CallError, so that a missing model or too low a rate is told before any work.
    """
    slowest = min(setup.films, key=lambda film: setup.facts[film.name].rate)
    lacking: Lacking | None = None
    for film in setup.films:
        try:
            extractor = setup.extractor(name, film)
        except Lacking as error:
            lacking = lacking or error
            continue
        extractor.close()
        if film is not slowest:
            with suppress(Lacking):
                setup.extractor(name, slowest).close()
        return dict(extractor.shapes)
    assert lacking is not None
    raise lacking


def ordered(choices: Sequence[Choice], catalogue: Catalogue) -> dict[str, Configured]:
    """Modalities with those that they read before them, found and configured; each once.

    Raises CallError (and its PluginError): an unknown modality, wrong options, one asked for twice, a circle.
    """
    asked: dict[str, Spec] = {}
    for choice in choices:
        if choice.name in asked:
            raise CallError(f"--modality {choice.name} is given twice; give it once, with all its options")
        asked[choice.name] = choice.spec
    found: dict[str, Configured] = {}

    def add(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise CallError(f"modalities read one another in a circle: {' → '.join((*path, name))}")
        if name in found:
            return
        configured = catalogue.configure("modality", asked.get(name, Spec(name)))
        for earlier in reads(configured):
            add(earlier, (*path, name))
        found[name] = configured

    for name in asked:
        add(name, ())
    return found


def _of_corpus(recipe: ExtractionRecipe, catalogue: Catalogue, progress: Progress) -> tuple[Film, ...]:
    """A corpus' films; what of it is missing is told. Raises CallError where nothing of it can be read."""
    assert recipe.corpus is not None
    assert recipe.data_root is not None
    root = Path(recipe.data_root)
    if not root.is_dir():
        raise CallError(f"--data-root {root}: there is no such folder; give the one that holds the data set")
    corpus: Corpus = catalogue.configure("corpus", recipe.corpus.spec)(data_root=root)
    films = corpus.films
    if not films:
        because = corpus.missing[0] if corpus.missing else "there is none"
        raise CallError(f"no film of {recipe.corpus.name} can be read below {root}: {because}")
    if corpus.missing:
        more = f" (and {len(corpus.missing) - 1} more)" if len(corpus.missing) > 1 else ""
        told = f"{corpus.missing[0]}{more}"
        progress.say(f"{told}; cltool data check {recipe.corpus.name} --data-root {root} tells all")
    return tuple(replace(film, rate=recipe.rate) for film in films) if recipe.rate else films


def _of_inputs(recipe: ExtractionRecipe, done: Mapping[str, FilmEntry]) -> tuple[Film, ...]:
    """Films given by their paths, each under a name of its own; what is done keeps the name that it has."""
    known = {entry.source: name for name, entry in done.items()}
    paths = [path for given in recipe.inputs if given not in known for path in _within(Path(given))]
    if len(set(paths)) < len(paths):
        raise CallError(f"{next(path for path, times in Counter(paths).items() if times > 1)} is given twice")
    folders = [path for path in paths if path.is_dir()]
    if recipe.rate and not folders and not known:
        raise CallError(f"--rate {recipe.rate:g} is for folders of numbered pictures; a film tells its own")
    films, taken = [], set(done)
    for path in paths:
        if str(path) in known:
            continue
        stem = path.name if path.is_dir() else path.stem
        above = path.absolute().parent.name
        names = (stem, f"{above}_{stem}", path.name, f"{above}_{path.name}")
        name = next((n for n in map(_as_name, names) if n not in taken), None)
        if name is None:
            raise CallError(f"{path}: there are other films of the same name; rename one")
        taken.add(name)
        films.append(Film(name, path, None if path.is_dir() else path, recipe.rate))
    return tuple(films)


def _as_name(text: str) -> str:
    name = re.sub(r"[^\w.-]+", "_", text).encode()[:LONGEST].decode(errors="ignore").strip(".")
    return name or "film"


def _within(path: Path) -> list[Path]:
    """A film, a folder of numbered pictures, or all of these that lie in a folder; raises CallError where none does."""
    if not path.exists():
        where = path.absolute().parent
        alike = nearest(path.name, [p.name for p in where.iterdir()]) if where.is_dir() else "its folder is not there"
        raise CallError(f"{path}: there is no such film or folder; {alike if len(alike) < 100 else 'check its name'}")
    if path.is_file():
        return [path]
    if has_numbered_pictures(path):
        if films := [p.name for p in path.iterdir() if p.suffix.lower() in FILM_SUFFIXES]:
            raise CallError(f"{path} holds numbered pictures and films ({min(films)}); give one or the other by itself")
        return [path]
    found = [
        p
        for p in sorted(path.iterdir())
        if p.suffix.lower() in FILM_SUFFIXES or (p.is_dir() and has_numbered_pictures(p))
    ]
    if not found:
        raise CallError(f"{path} holds neither films nor numbered pictures such as 00001.jpg")
    return found


def _probed(films: Sequence[Film], skip: bool, progress: Progress) -> tuple[dict[str, FilmFacts], dict[str, str]]:
    """What each film says of itself, and why those that cannot be read are left out."""
    facts: dict[str, FilmFacts] = {}
    left_out: dict[str, str] = {}
    with progress.track("looking at films", len(films)) as advance:
        for film in films:
            try:
                facts[film.name] = probe(film.pictures, film.rate)
                if film.labels is not None:
                    film.labels()
            except CallError as error:
                left_out[film.name] = str(error)
                if skip:
                    progress.say(f"left out: {error}")
            advance(1)
    if left_out and not skip:
        first, more = next(iter(left_out.values())), len(left_out) - 1
        others = f" (and {more} more)" if more else ""
        raise CallError(f"{first}{others}; --skip-broken leaves out what cannot be read" if len(films) > 1 else first)
    return facts, left_out


def pictures_of(film: Film) -> TaskStream:
    """A stream of one class with a film's first picture in it, for a backbone that asks what its pictures are like."""
    from PIL import Image

    picture = next(frame.picture for frame in read_frames(film.pictures) if frame.picture is not None)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    read: Callable[[int], bytes] = lambda _: buffer.getvalue()  # noqa: E731
    train, test = (Block("film", split, [film.name], read, ImageFile()) for split in ("train", "test"))
    return arrange(PictureSet(("film",), {"film": train}, {"film": test}), 1)
