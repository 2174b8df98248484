"""Trained networks evaluated by the field's own protocol, all valid frames of all films in one row, and by film."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cltool.affect.epochs import losses_of
from cltool.affect.frames import FilmFrames, check_labels
from cltool.affect.models import BEST, ModelCard, TrainedNetwork, weights_file
from cltool.affect.objectives import Objective
from cltool.affect.setups import WATCHED, sides
from cltool.catalogue import discover
from cltool.errors import CallError
from cltool.progress import Progress, Silent
from cltool.training.evaluations import names_of
from cltool.video.store import FeatureStore

PARTS = ("validation", "train")

Scores = Mapping[
    str, float | None
]  # the watched losses by name, and the coefficients ccc_valence, ccc_arousal, ccc_mean


@dataclass(frozen=True, eq=False)
class Candidate:
    """A trained network to be evaluated, and the films for it; `which` of the store's they are, in a word.

    `own`: whether these are features that it was trained on or chosen by: then its films' parts are known.
    """

    name: str
    directory: Path
    model: TrainedNetwork
    store: FeatureStore
    films: tuple[FilmFrames, ...]
    which: str
    own: bool
    watched: Mapping[str, Objective]

    def part(self, film: str) -> str | None:
        """What a film was to the training: `train`, `validation`, or None."""
        card = self.model.card
        return next((part for part in ("train", "validation") if self.own and film in getattr(card, part)), None)


@dataclass(frozen=True)
class FilmScores:
    """A film's scores over its `frames` that are labelled and seen; `part`: what it was to the training."""

    film: str
    part: str | None
    frames: int
    scores: Scores

    def facts(self) -> dict[str, Any]:
        """As plain values."""
        return {"film": self.film, "part": self.part, "frames": self.frames, **self.scores}


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a trained network is worth on some films.

    `scores` over all valid frames of all films, `videos` one by one. `curves`: by film, time in seconds [T], predicted
    [T, 2] and annotated [T, 2] valence and arousal, NaN where there is none.
    """

    candidate: Candidate
    scores: Scores
    videos: tuple[FilmScores, ...]
    curves: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float32]]]
    seconds: float

    @property
    def name(self) -> str:
        """What the training is called beside others."""
        return self.candidate.name

    @property
    def card(self) -> ModelCard:
        """What the network is."""
        return self.candidate.model.card

    @property
    def frames(self) -> int:
        """How many were scored."""
        return sum(video.frames for video in self.videos)

    @property
    def synthetic(self) -> bool:
        """Whether a program made any film that it was trained or scored on."""
        return self.card.synthetic or any(film.film.entry.synthetic for film in self.candidate.films)

    @property
    def learnt(self) -> int:
        """How many of the films it was trained on: of these the scores say nothing about others."""
        return sum(video.part == "train" for video in self.videos)

    @property
    def data(self) -> str:
        """What it was evaluated on, in a line."""
        count = len(self.videos)
        seen = f", {self.learnt} of them trained on" if self.learnt else ""
        made = ", synthetic" if self.synthetic else ""
        store = Path(self.candidate.store.path).resolve().name
        films = f"{count} film{'s' * (count != 1)}{seen}"
        return f"{store}: {self.candidate.which}, {films}, {self.frames:,} frames{made}"

    def facts(self) -> dict[str, Any]:
        """An entry of evaluation.json; `directory` as it was given."""
        card = self.card
        return {
            "training": self.name,
            "directory": str(self.candidate.directory),
            "network": card.network,
            "loss": card.recipe.get("loss"),
            "sequence": card.sequence,
            "context": card.context,
            "parameters": card.parameters,
            "epoch": card.metrics.get("epoch"),
            "trained_on": card.data,
            "store": Path(self.candidate.store.path).resolve().name,
            "films": self.candidate.which,
            "synthetic": self.synthetic,
            "frames": self.frames,
            **self.scores,
            "videos": [video.facts() for video in self.videos],
            "seconds": round(self.seconds, 1),
        }


def prepare(
    models: Sequence[Path], store: Path | None = None, films: str | None = None, device: str = "cpu"
) -> list[Candidate]:
    """Find and check trained networks and the films that they are to be tried on.

    `models`: training directories, or files of weights. `store`: other features than those of a training; all labelled
    films of it unless `films` says `train`, `validation` (as the training's recipe would divide them), or names, with
    commas between. Without `store`, a training's own validation films. Raises CallError: a model given twice or that is
    none, features of another version or that lack what a network reads, films that are not there or have no labels.
    """
    files = [weights_file(model) for model in models]
    places = [file.resolve() for file in files]
    for number, place in enumerate(places):
        if place in places[:number]:
            raise CallError(f"{models[number]} is given twice")
    names = names_of([file.parent if file.name == BEST else file for file in files])
    return [_candidate(name, path, store, films, device) for name, path in zip(names, models, strict=True)]


def _candidate(name: str, path: Path, other: Path | None, films: str | None, device: str) -> Candidate:
    model = TrainedNetwork.load(path, device)
    own = Path(model.card.recipe.get("store", ""))
    if other is None and not (own / "index.json").is_file():
        raise CallError(f"the features that {path} was trained on, {own}, are not there any more; give --store")
    store = FeatureStore(other or own)
    if (wrong := model.card.misfit(store.index)) is not None:
        raise CallError(f"{store.path} does not fit {path}: {wrong}")
    same = Path(store.path).resolve() == own.resolve()
    which = films or ("validation" if same else "all")
    chosen = _chosen(store, model, which, same)
    for film in chosen:
        check_labels(film)
    if not any(film.counted.any() for film in chosen):
        raise CallError(f"{store.path}: no frame of {which} has labels and what {path} reads")
    catalogue = discover([Path(file) for file in model.card.plugins])
    watched = {loss: Objective.parse(loss, catalogue) for loss in WATCHED if loss in catalogue.names("loss")}
    return Candidate(name, path, model, store, chosen, which, same, watched)


def _chosen(store: FeatureStore, model: TrainedNetwork, which: str, same: bool) -> tuple[FilmFrames, ...]:
    """The films that are meant by a part's name or by their own."""
    card = model.card
    labelled = [name for name, entry in store.index.films.items() if entry.labelled]
    if which == "all":
        names = labelled
    elif which in PARTS and same:
        names = list(getattr(card, which))
    elif which in PARTS:
        train, validation = sides(store, card.recipe["split"], card.recipe["seed"], tuple(card.reads))
        return train if which == "train" else validation
    else:
        names = list(dict.fromkeys(name.strip() for name in which.split(",")))
    if not names:
        raise CallError(f"{store.path}: no film has labels to compare with; cltool video predict needs none")
    found = tuple(model.frames(store[name]) for name in names)
    for film in found:
        if film.film.name not in labelled:
            raise CallError(f"film {film.film.name} of {store.path} has no labels to compare with; leave it out")
    return found


def evaluate(candidate: Candidate, progress: Progress | None = None) -> Evaluation:
    """Let a network predict its films, and score what it says."""
    start = time.perf_counter()
    predicted = {}
    with (progress or Silent()).track(candidate.name, len(candidate.films)) as advance:
        for film in candidate.films:
            predicted[film.film.name] = candidate.model.predict(film.film).values
            advance(1)
    values = [predicted[film.film.name] for film in candidate.films]
    videos = [
        FilmScores(
            film.film.name,
            candidate.part(film.film.name),
            int(film.counted.sum()),
            _scored(candidate, [film], [own]),
        )
        for film, own in zip(candidate.films, values, strict=True)
    ]
    curves = {film.film.name: (film.film.times, predicted[film.film.name], film.labels) for film in candidate.films}
    together = _scored(candidate, candidate.films, values)
    return Evaluation(candidate, together, tuple(videos), curves, time.perf_counter() - start)


def _scored(candidate: Candidate, films: Sequence[FilmFrames], values: Sequence[NDArray[np.float32]]) -> Scores:
    """Watched losses and concordance; all None where no frame is labelled and seen."""
    found = losses_of(films, values, candidate.watched)
    return found if any(film.counted.any() for film in films) else dict.fromkeys(found)
