"""What rivals keep of earlier tasks: found in their hands, counted, within the budget, and nothing else to be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from cltool import TaskStream
from cltool.errors import DataGone
from cltool_plugins.avalanche.experiences import TaskSamples

TINY = "epochs=1,batch=32"
Run = Callable[..., Any]


def rows_found(predictor: Any, stream: TaskStream) -> int:
    """How many training samples of the tasks so far lie in any tensor of the program that has the samples' shape."""
    import gc

    seen = stream.seen(predictor.after - 1)
    samples = predictor.rival.parts.samples([stream.pictures.train[name] for name in seen])
    wanted = {row.numpy().tobytes() for row in samples}
    del samples
    found = set()
    for thing in gc.get_objects():
        if (
            issubclass(type(thing), Tensor)
            and thing.ndim == 2
            and thing.shape[1] == 32
            and thing.dtype == torch.float32
        ):
            found |= {row.numpy().tobytes() for row in thing.detach()} & wanted
    return len(found)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["naive", "ewc", "si", "lwf", "mas", "cwr*"])
def test_without_a_buffer_no_sample_is_kept(run: Run, name: str) -> None:
    assert [predictor.samples_kept for predictor in run(f"avalanche:{name}:{TINY}")] == [0] * 5


@pytest.mark.slow
@pytest.mark.parametrize("name", ["slda", "ncm", "fecam"])
def test_prototypes_are_no_samples(run: Run, name: str) -> None:
    assert [predictor.samples_kept for predictor in run(f"avalanche:{name}")] == [0] * 5


@pytest.mark.slow
@pytest.mark.parametrize("name", ["replay", "gdumb", "agem", "gem", "der", "er-ace", "icarl", "bic"])
def test_a_budget_is_kept(run: Run, digit_stream: TaskStream, name: str) -> None:
    budget = 117 if name == "bic" else 37
    extra = ",correction_epochs=2" if name == "bic" else ""
    for predictor in run(f"avalanche:{name}:{TINY},memory={budget}{extra}"):
        assert 0 < predictor.samples_kept <= budget
        assert predictor.nbytes >= predictor.samples_kept * 32 * 4
        last = predictor
    assert rows_found(last, digit_stream) == last.samples_kept


@pytest.mark.slow
@pytest.mark.parametrize("name", ["joint", "cumulative"])
def test_an_upper_bound_keeps_all(run: Run, digit_stream: TaskStream, name: str) -> None:
    sizes = [sum(len(digit_stream.pictures.train[n]) for n in group) for group in digit_stream.groups]
    kept = [predictor.samples_kept for predictor in run(f"avalanche:{name}:{TINY}")]
    assert kept == [sum(sizes[: step + 1]) for step in range(5)]


@pytest.mark.slow
def test_bytes_are_counted(run: Run) -> None:
    rows = [2, 4, 6, 8, 10]
    moments = 2 * 32 * 4
    # naive: the classifier that goes on being trained, as in all that follow
    base = [moments + 4 * 33 * n for n in rows]
    assert [p.nbytes for p in run(f"avalanche:naive:{TINY}")] == base
    # EWC: weights and importances of every task; Avalanche makes the earlier ones as large as the classifier is
    tables = [2 * 4 * 33 * n * tasks for tasks, n in enumerate(rows, 1)]
    assert [p.nbytes for p in run(f"avalanche:ewc:{TINY}")] == [
        b + table for b, table in zip(base, tables, strict=True)
    ]
    # LwF: the last model, and a byte for every row, which says whether it is in use
    assert [p.nbytes for p in run(f"avalanche:lwf:{TINY}")] == [
        b + n * (4 * 33 + 1) for b, n in zip(base, rows, strict=True)
    ]


@pytest.mark.slow
def test_whoever_rereads_what_it_has_not_kept_fails(run: Run) -> None:
    predictors = run(f"avalanche:naive:{TINY}")
    first = next(predictors)
    (task,) = first.rival.turns
    assert task.kept == 0
    again = first.rival.experiences.train(0, task)
    with pytest.raises(DataGone, match=r"sample .* of task 001"):
        first.rival.strategy.train(again, eval_streams=[])


def test_what_is_dropped_leaves_the_memory() -> None:
    x = torch.arange(12.0).reshape(6, 2)
    task = TaskSamples("001", x, torch.zeros(6, dtype=torch.long))
    task.keep([4, 1])
    assert (task.kept, task.nbytes, len(task)) == (2, 16, 6)
    assert task[4][0].tolist() == [8, 9]
    task.keep([4])
    assert task.nbytes == 8
    with pytest.raises(DataGone):
        task[1]
    with pytest.raises(DataGone):
        task.keep([1])
