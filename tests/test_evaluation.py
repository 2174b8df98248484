"""Evaluation: pooled and per-task accuracy, and what `unknown` may and may not do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from cltool.evaluation import evaluate
from cltool.pictures import Block
from cltool.tasks import TaskStream


@dataclass(frozen=True)
class Oracle:
    """Scores every picture's own class 1, others 0; `confuse` swaps classes, `strangers` raises unknown."""

    outputs: tuple[str, ...]
    confuse: dict[str, str]
    strangers: tuple[str, ...] = ()

    def scores(self, blocks: Sequence[Block]) -> Tensor:
        rows = []
        for block in blocks:
            row = torch.zeros(len(block), len(self.outputs))
            name = self.confuse.get(block.output, block.output)
            if name in self.outputs:
                row[:, self.outputs.index(name)] = 1
            if block.output in self.strangers:
                row[:, self.outputs.index("unknown")] = 9
            rows.append(row)
        return torch.cat(rows) if rows else torch.zeros(0, len(self.outputs))


def test_task_aware_scores_forgive_confusion_with_other_tasks_only(digit_stream: TaskStream) -> None:
    seen = digit_stream.seen(1)
    found = evaluate(Oracle(seen, {"0": "2"}), digit_stream, 1)
    zeros, ones = (len(digit_stream.pictures.test[name]) for name in "01")
    assert found.row == [ones / (zeros + ones), 1.0]
    assert found.row_task_aware == [1.0, 1.0]  # its own task's scores tie at 0, and the first wins
    within = evaluate(Oracle(seen, {"0": "1"}), digit_stream, 1)
    assert within.row_task_aware[0] == within.row[0] < 1
    assert found.unknown is None
    assert found.by_class == {"0": 0.0, "1": 1.0, "2": 1.0, "3": 1.0}


def test_scores_of_a_task_aware_predictor_are_task_aware(digit_stream: TaskStream) -> None:
    found = evaluate(Oracle(digit_stream.seen(1), {"0": "2"}), digit_stream, 1, task_aware=True)
    assert found.row == found.row_task_aware == [1.0, 1.0]
    assert found.overall == 1
    assert found.by_class == dict.fromkeys("0123", 1.0)


def test_unknown_never_wins_but_is_counted(digit_stream: TaskStream) -> None:
    outputs = (*digit_stream.seen(1), "unknown")
    found = evaluate(Oracle(outputs, {}, strangers=("0", "5", "6", "7", "8", "9")), digit_stream, 1)
    assert found.row == [1.0, 1.0]
    known = [len(digit_stream.pictures.test[name]) for name in "0123"]
    assert found.unknown is not None
    assert found.unknown.rate_known == known[0] / sum(known)
    novel = [len(digit_stream.pictures.test[name]) for name in "456789"]
    assert found.unknown.rate_novel == pytest.approx(1 - novel[0] / sum(novel))
    assert 0.5 < found.unknown.auroc < 1


def test_where_nothing_is_novel_there_is_no_rate(digit_stream: TaskStream) -> None:
    found = evaluate(Oracle((*digit_stream.seen(4), "unknown"), {}), digit_stream, 4)
    assert (found.unknown.rate_novel, found.unknown.auroc) == (None, None)
