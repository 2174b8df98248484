"""Scoring a predictor after a task: on every task seen, with and without the task known, and on the unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

from cltool.errors import PluginFailed
from cltool.heads import UNKNOWN
from cltool.learner import Predictor
from cltool.metrics import auroc, pooled
from cltool.pictures import Block, values_of
from cltool.ridge import concordances
from cltool.tasks import TaskStream


@dataclass(frozen=True)
class Unknowns:
    """How the `unknown` row tells known from novel pictures.

    `rate_known`, `rate_novel`: the share of each on which it scores above every class. `auroc`: of its lead
    over the best class. None where there are no such pictures.
    """

    rate_known: float
    rate_novel: float | None
    auroc: float | None


@dataclass(frozen=True)
class StepScores:
    """Scores after one task, one entry per task seen; `unknown` is None for a head without that row.

    Of classes they are accuracies, of values CCCs, means over the values. `overall`: on the test pictures of all these
    tasks together; `by_class`: the same of each class seen; `by_output`: of values, of each value.
    """

    row: list[float]
    row_task_aware: list[float]
    unknown: Unknowns | None
    overall: float
    by_class: dict[str, float] | None = None
    by_output: dict[str, float] | None = None


def evaluate(predictor: Predictor, stream: TaskStream, step: int, task_aware: bool = False) -> StepScores:
    """Score `predictor`, which has learned tasks 0…`step`, on the test pictures of the stream.

    `unknown` never competes in the argmax. Task-aware: only the picture's own task's outputs do; of a predictor that is
    `task_aware` itself, all scores are such. Novel are
    the test pictures of outputs that no task so far had, later tasks' and those left out. Values do not compete, and
    nothing is novel to them: the two rows are alike.

    Raises PluginFailed for a predictor that lacks an output, or gives scores that are not finite or not one for
    every picture and output.
    """
    if lost := [name for name in stream.learned(step) if name not in predictor.outputs]:
        raise PluginFailed(f"there is no score for {lost[0]!r}, which was learned")
    if stream.values:
        return _of_values(predictor, stream, step)
    classes = [i for i, name in enumerate(predictor.outputs) if name != UNKNOWN]
    stranger = predictor.outputs.index(UNKNOWN) if UNKNOWN in predictor.outputs else None
    column = {name: i for i, name in enumerate(predictor.outputs)}
    row, aware, leads = [], [], []
    by_class: dict[str, float] = {}
    for outputs in stream.groups[: step + 1]:
        blocks = stream.test(outputs)
        scores = _scores(predictor, blocks)
        truth = torch.cat([torch.full((len(block),), column[block.output]) for block in blocks])
        own = [column[name] for name in outputs]
        right = _right(scores, truth, own if task_aware else classes)
        row.append(_share(right))
        aware.append(_share(_right(scores, truth, own)))
        by_class |= {
            block.output: _share(part) for block, part in zip(blocks, right.split(list(map(len, blocks))), strict=True)
        }
        leads.append(_lead(scores, stranger, classes))
    overall = pooled(row, stream.test_counts)
    if stranger is None:
        return StepScores(row, aware, None, overall, by_class)
    known = torch.cat(leads)
    novel = _lead(_scores(predictor, stream.test(stream.novel(step))), stranger, classes)
    rate_novel = _share(novel > 0) if len(novel) else None
    unknowns = Unknowns(_share(known > 0), rate_novel, auroc(known.numpy(), novel.numpy()))
    return StepScores(row, aware, unknowns, overall, by_class)


def _of_values(predictor: Predictor, stream: TaskStream, step: int) -> StepScores:
    """CCC of each task's held-out frames, and of all of them in one row, which is not the mean of the others."""
    columns = [predictor.outputs.index(name) for name in stream.values]
    tasks = [stream.test(outputs) for outputs in stream.groups[: step + 1]]
    found = [_scores(predictor, blocks)[:, columns] for blocks in tasks]
    truth = [values_of(blocks) for blocks in tasks]
    row = [fmean(concordances(scores, own)) for scores, own in zip(found, truth, strict=True)]
    together = concordances(torch.cat(found), torch.cat(truth))
    by_output = dict(zip(stream.values, together, strict=True))
    return StepScores(row, list(row), None, fmean(together), by_output=by_output)


def _scores(predictor: Predictor, blocks: Sequence[Block]) -> Tensor:
    scores = predictor.scores(blocks)
    wanted = [sum(map(len, blocks)), len(predictor.outputs)]
    if list(scores.shape) != wanted:
        raise PluginFailed(f"scores are {list(scores.shape)} instead of {wanted}, pictures and outputs")
    if not torch.isfinite(scores).all():
        output = predictor.outputs[int((~torch.isfinite(scores)).any(0).nonzero()[0])]
        raise PluginFailed(f"a score for {output!r} is not a finite number")
    return scores


def _right(scores: Tensor, truth: Tensor, columns: Sequence[int]) -> Tensor:
    """Whether the largest score among `columns` is the true one, for each row."""
    allowed = torch.tensor(columns)
    return allowed[scores[:, allowed].argmax(1)] == truth


def _lead(scores: Tensor, stranger: int | None, classes: Sequence[int]) -> Tensor:
    """How far the unknown row scores above the best class, per picture."""
    if stranger is None:
        return torch.zeros(0)
    return scores[:, stranger] - scores[:, classes].max(1).values


def _share(yes: Tensor) -> float:
    return int(yes.sum()) / max(1, len(yes))
