"""Trainings evaluated: the pictures they are tried on, what each made of them, and all that is told of it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cltool.backbones import Backbone
from cltool.catalogue import Catalogue, discover
from cltool.errors import CallError, nearest
from cltool.features import FeatureBank
from cltool.heads import Head
from cltool.pictures import Block, PictureSet
from cltool.progress import Progress, Silent
from cltool.recipe import Choice
from cltool.training.evaluations import names_of
from cltool.universal.cards import Card
from cltool.universal.frozen import rebuilt, space, weights_file
from cltool.universal.journals import read_journal
from cltool.universal.recipes import TrainingRecipe
from cltool.universal.scores import (
    ClassScores,
    Counts,
    Mistake,
    Pair,
    class_scores,
    confusion,
    most_confused,
    worst_mistakes,
)
from cltool.universal.setups import load

DENSE = 200  # classes up to which a confusion matrix is told cell by cell


@dataclass(frozen=True)
class OtherData:
    """What a training is to be tried on instead of its own stream's test pictures; None leaves the recipe's.

    Another stream is taken whole, under its own classes unless `label_map` leads to those that were learnt.
    """

    stream: Choice | None = None
    data_root: str | None = None
    label_map: Mapping[str, str | None] | None = None

    def of(self, recipe: TrainingRecipe) -> TrainingRecipe:
        """A training's recipe with these data."""
        changed: dict[str, Any] = {}
        if self.stream is not None:
            changed = {"stream": self.stream, "data_root": None, "label_map": None, "classes": None}
        if self.data_root is not None:
            changed["data_root"] = self.data_root
        if self.label_map is not None:
            changed |= {"label_map": dict(self.label_map), "classes": None}
        return recipe.model_copy(update=changed)


@dataclass(frozen=True, eq=False)
class Candidate:
    """A training to be evaluated, found and checked, and the pictures for it.

    `data` says what these are, `data_root` where they lie. `journal`: the epochs.
    """

    name: str
    directory: Path
    card: Card
    head: Head
    journal: tuple[Mapping[str, Any], ...]
    backbone: Backbone
    pictures: PictureSet
    data: str
    data_root: str | None

    @property
    def blocks(self) -> list[Block]:
        """The pictures that it is tried on, in the order of the data's classes."""
        return [self.pictures.test[output] for output in self.pictures.outputs]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A training and how it does on pictures that it did not learn from.

    `confusion` [K, K]: pictures by true class (rows) and predicted one (columns), both in the order of `classes`.
    `data`: what was evaluated. `journal`: the epochs.
    """

    name: str
    directory: Path
    card: Card
    classes: tuple[str, ...]
    data: str
    confusion: Counts
    mistakes: tuple[Mistake, ...]
    journal: tuple[Mapping[str, Any], ...]
    seconds: float

    @property
    def pictures(self) -> int:
        """How many were evaluated."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """The share of pictures whose class is found."""
        return float(self.confusion.trace()) / self.pictures

    @cached_property
    def per_class(self) -> tuple[ClassScores, ...]:
        """Precision, recall and F1 of every class."""
        return class_scores(self.confusion, self.classes)

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the classes that have pictures, each counting the same."""
        return _mean([scores.f1 or 0.0 for scores in self.per_class if scores.pictures])

    @property
    def balanced_accuracy(self) -> float:
        """Mean recall of the classes that have pictures, each counting the same."""
        return _mean([scores.recall or 0.0 for scores in self.per_class if scores.pictures])

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs of classes most often taken for each other."""
        return most_confused(self.confusion, self.classes)

    @property
    def kept(self) -> Mapping[str, Any]:
        """The journal's line of the epoch whose weights were kept; empty where there is no journal."""
        best = [line for line in self.journal if line.get("best")]
        return best[-1] if best else {}

    @property
    def counts(self) -> dict[str, int]:
        """Training pictures of each class."""
        return {name: self.card.counts[name] for name in self.classes}

    @property
    def drawn(self) -> dict[str, int] | None:
        """How many of each class the sampler drew in the kept epoch; None where there is no journal."""
        told = self.kept.get("drawn")
        return None if told is None else {name: told.get(name, 0) for name in self.classes}

    @property
    def training_seconds(self) -> float:
        """What all its epochs took."""
        return float(sum(line["seconds"] for line in self.journal))

    def facts(self) -> dict[str, Any]:
        """Everything as plain values, for a JSON file.

        `confusion`: rows of the matrix, in the order of `classes`. Above 200 classes `confusion_cells` stands for it:
        [true class, predicted class, pictures] of every cell that is not empty. `directory` is as it was given,
        pictures are told from the data's folder on: the file can be handed on.
        """
        return {
            "training": self.name,
            "directory": str(self.directory),
            "backbone": self.card.architecture,
            "started_from": self.card.started_from,
            "trained_on": self.card.data,
            "evaluated_on": self.data,
            "licence": self.card.licence,
            "parameters": self.card.parameters,
            "epoch": self.kept.get("epoch"),
            "epochs": len(self.journal),
            "training_seconds": round(self.training_seconds, 1),
            "evaluation_seconds": round(self.seconds, 1),
            "pictures": self.pictures,
            "accuracy": self.accuracy,
            "balanced_accuracy": self.balanced_accuracy,
            "macro_f1": self.macro_f1,
            "classes": [dict(vars(scores)) for scores in self.per_class],
            **self._confusion_told(),
            "pairs": [dict(vars(pair)) for pair in self.pairs],
            "mistakes": [{k: v for k, v in vars(mistake).items() if k != "index"} for mistake in self.mistakes],
            "counts": self.counts,
            "drawn": self.drawn,
        }

    def _confusion_told(self) -> dict[str, Any]:
        if len(self.classes) <= DENSE:
            return {"confusion": self.confusion.tolist()}
        cells = np.argwhere(self.confusion).tolist()
        return {"confusion_cells": [[self.classes[i], self.classes[j], int(self.confusion[i, j])] for i, j in cells]}


def prepare(
    directories: Sequence[Path],
    other: OtherData | None = None,
    plugins: Sequence[Path] = (),
    progress: Progress | None = None,
) -> list[Candidate]:
    """Find and check the trainings in some directories, and load what they are to be tried on, once for all alike.

    Raises CallError: a directory given twice or without a training, a head of other weights, a damaged journal, data
    that cannot be had, classes that were not learnt, weights that do not fit their card.
    """
    places = [directory.resolve() for directory in directories]
    for number, place in enumerate(places):
        if place in places[:number]:
            raise CallError(f"{directories[number]} is given twice")
    loaded: dict[str, PictureSet] = {}
    found = [_opened(directory, other or OtherData(), plugins) for directory in directories]
    return [
        _candidate(name, opened, loaded, progress or Silent())
        for name, opened in zip(names_of(directories), found, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class _Opened:
    """What a training directory holds; the recipe with the data to try it on, and the plugins it may name."""

    directory: Path
    card: Card
    head: Head
    journal: tuple[Mapping[str, Any], ...]
    recipe: TrainingRecipe
    catalogue: Catalogue


def _opened(directory: Path, other: OtherData, plugins: Sequence[Path]) -> _Opened:
    file = weights_file(directory)
    if file == directory:
        raise CallError(f"{directory} is a file; give the training directory that it lies in")
    card, head = Card.load(file)[0], Head.load(directory / "head.safetensors")
    if head.space != space(file):
        raise CallError(
            f"{directory / 'head.safetensors'} was fitted to other weights than {file.name} has; both must be of one "
            "training"
        )
    recipe = other.of(TrainingRecipe.load(directory / "recipe.yaml"))
    catalogue = discover([*map(Path, recipe.plugins), *plugins])
    return _Opened(directory, card, head, tuple(read_journal(directory)), recipe, catalogue)


def _candidate(name: str, opened: _Opened, loaded: dict[str, PictureSet], progress: Progress) -> Candidate:
    recipe = opened.recipe
    source = opened.catalogue.configure("stream", recipe.stream.spec)
    key = json.dumps([str(source.spec), recipe.data_root, recipe.label_map, recipe.classes])
    if key not in loaded:
        loaded[key] = load(recipe, source, progress)
    pictures = loaded[key]
    _check_classes(pictures, opened.head.names, opened.directory)
    return Candidate(
        name,
        opened.directory,
        opened.card,
        opened.head,
        opened.journal,
        rebuilt(opened.directory, catalogue=opened.catalogue),
        pictures,
        f"{source}; {pictures.note}" if pictures.note else str(source),
        recipe.data_root,
    )


def _check_classes(pictures: PictureSet, known: Sequence[str], directory: Path) -> None:
    """Raise CallError for pictures of a class that a training does not know, or where there are none."""
    for name in pictures.outputs:
        if name not in known:
            raise CallError(
                f"{directory} was not trained on a class {name!r} ({nearest(name, known)}); give --label-map FILE "
                f"that says which class {name!r} is there, or null to leave it out"
            )
    if not any(len(block) for block in pictures.test.values()):
        raise CallError(f"there are no test pictures to try {directory} on; give others by --data-root or --stream")


def evaluate(candidate: Candidate, bank: FeatureBank) -> Evaluation:
    """Try a training's best epoch on the test pictures of its data; features are kept in the bank.

    A picture's class is the block that it stands in. Raises CallError where a picture cannot be read.
    """
    start = time.perf_counter()
    blocks, head = candidate.blocks, candidate.head
    chances = torch.softmax(head(bank.features(blocks, candidate.backbone)), 1)
    true = torch.cat([torch.full((len(block),), head.names.index(block.output)) for block in blocks])
    return Evaluation(
        candidate.name,
        candidate.directory,
        candidate.card,
        head.names,
        candidate.data,
        confusion(true, chances.argmax(1), len(head.names)),
        tuple(_told_from(candidate.data_root, mistake) for mistake in worst_mistakes(blocks, chances, head.names)),
        candidate.journal,
        time.perf_counter() - start,
    )


def _told_from(data_root: str | None, mistake: Mistake) -> Mistake:
    """A mistake, its picture's path without that of the data where it lies below them."""
    if data_root is None or not Path(mistake.picture).is_relative_to(data_root):
        return mistake
    return replace(mistake, picture=str(Path(mistake.picture).relative_to(data_root)))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
