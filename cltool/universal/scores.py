"""What a classifier gets right and wrong: its confusion matrix, scores of every class, its surest mistakes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cltool.pictures import Block

MISTAKES, PAIRS = 24, 10  # how many of each are told

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class ClassScores:
    """Scores of one class over `pictures` pictures; None where there is nothing to divide by.

    `precision`: of the pictures taken for it, the share that are. `recall`: of its own, the share found. `f1`: their
    harmonic mean.
    """

    name: str
    precision: float | None
    recall: float | None
    f1: float | None
    pictures: int


@dataclass(frozen=True)
class Mistake:
    """A picture taken for another class, with the probability that was given to that one."""

    picture: str
    true: str
    predicted: str
    probability: float
    index: int = field(repr=False)  # in its class' test block


@dataclass(frozen=True)
class Pair:
    """Two classes, and how many pictures of either were taken for the other; `share` of all pictures of both."""

    classes: tuple[str, str]
    pictures: int
    share: float


def confusion(true: Tensor, predicted: Tensor, classes: int) -> Counts:
    """Pictures by true class (rows) and predicted class (columns), [K, K].

    >>> confusion(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    from sklearn.metrics import confusion_matrix

    return np.asarray(confusion_matrix(true.numpy(), predicted.numpy(), labels=range(classes)), dtype=np.int64)


def class_scores(matrix: Counts, classes: Sequence[str]) -> tuple[ClassScores, ...]:
    """Precision, recall and F1 of every class of a confusion matrix, as scikit-learn defines them.

    >>> class_scores(np.array([[3, 1], [0, 0]]), ["a", "b"])[0]
    ClassScores(name='a', precision=1.0, recall=0.75, f1=0.8571428571428571, pictures=4)
    """
    from sklearn.metrics import precision_recall_fscore_support

    rows, columns = np.nonzero(matrix)  # of a thousand classes most cells are empty
    told = precision_recall_fscore_support(
        rows, columns, labels=range(len(classes)), sample_weight=matrix[rows, columns], zero_division=np.nan
    )
    return tuple(
        ClassScores(name, _number(precision), _number(recall), _number(f1), int(pictures))
        for name, precision, recall, f1, pictures in zip(classes, *told[:3], matrix.sum(1), strict=True)
    )


def most_confused(matrix: Counts, classes: Sequence[str], most: int = PAIRS) -> tuple[Pair, ...]:
    """The pairs of classes with most pictures of either taken for the other.

    >>> most_confused(np.array([[8, 1], [1, 10]]), ["cat", "dog"])
    (Pair(classes=('cat', 'dog'), pictures=2, share=0.1),)
    """
    either = np.triu(matrix + matrix.T, 1)
    own = matrix.sum(1)
    places = np.argwhere(either)
    order = np.argsort(-either[either > 0], kind="stable")[:most]
    return tuple(
        Pair((classes[i], classes[j]), int(either[i, j]), float(either[i, j] / (own[i] + own[j])))
        for i, j in places[order].tolist()
    )


def worst_mistakes(
    blocks: Sequence[Block], chances: Tensor, classes: Sequence[str], most: int = MISTAKES
) -> tuple[Mistake, ...]:
    """The wrong predictions that were surest; `chances` [n, K] are those of the blocks' pictures, in order."""
    places = [(block, i) for block in blocks for i in range(len(block))]
    own = torch.cat([torch.full((len(block),), list(classes).index(block.output)) for block in blocks])
    sure, predicted = chances.max(1)
    sure = sure.where(predicted != own, -1.0)
    order = sure.argsort(descending=True, stable=True)[:most].tolist()
    return tuple(
        Mistake(block.names[i], block.output, classes[int(predicted[n])], float(sure[n]), i)
        for n in order
        if sure[n] >= 0
        for block, i in [places[n]]
    )


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
