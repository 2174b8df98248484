"""Tasks: how classes are ordered and cut, and that old data is gone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cltool.errors import DataGone
from cltool.tasks import TaskStream, cut, order_outputs


@given(st.integers(1, 40), st.integers(0, 5))
def test_a_random_order_is_a_permutation_that_the_seed_decides(count: int, seed: int) -> None:
    names = [f"class {i}" for i in range(count)]
    shuffled = order_outputs(names, "random", seed)
    assert sorted(shuffled) == sorted(names)
    assert shuffled == order_outputs(names, "random", seed)


def test_seeds_give_different_orders() -> None:
    names = [str(i) for i in range(20)]
    assert len({order_outputs(names, "random", seed) for seed in range(5)}) == 5


@given(st.integers(1, 60), st.integers(1, 12))
def test_equal_tasks_take_every_class_once_in_order(per_task: int, tasks: int) -> None:
    names = tuple(str(i) for i in range(per_task * tasks))
    groups = cut(names, tasks, None)
    assert tuple(name for group in groups for name in group) == names
    assert {len(group) for group in groups} == {per_task}


def test_classes_per_task_leaves_the_rest_out() -> None:
    names = [chr(97 + i) for i in range(26)]
    groups = cut(names, 5, 5)
    assert [len(group) for group in groups] == [5] * 5
    assert groups[-1][-1] == "y"
    assert [len(group) for group in cut(names, None, 5)] == [5] * 5
    assert [len(group) for group in cut(names, None, [3, 2, 2])] == [3, 2, 2]


def test_a_tasks_training_pictures_are_gone_after_its_turn(digit_stream: TaskStream) -> None:
    tasks = iter(digit_stream)
    first = next(tasks)
    block = first.train[0]
    assert block.picture(0).shape == (1, 8, 8)
    next(tasks)
    for ask in (lambda: block.picture(0), lambda: block.digest, lambda: first.train[1].picture(3)):
        with pytest.raises(DataGone, match="turn is over"):
            ask()
    assert first.test[0].picture(0).shape == (1, 8, 8)


def test_a_task_is_closed_when_the_iteration_is_given_up(digit_stream: TaskStream) -> None:
    tasks = digit_stream.tasks()
    last = next(tasks)
    tasks.close()  # type: ignore[attr-defined]
    with pytest.raises(DataGone):
        last.train[0].picture(0)


def test_two_passes_do_not_open_each_others_tasks(digit_stream: TaskStream) -> None:
    ours, reference = iter(digit_stream), iter(digit_stream)
    first = next(ours)
    next(ours)
    again = next(reference)
    assert again.train[0].picture(0) is not None
    with pytest.raises(DataGone):
        first.train[0].picture(0)


def test_seen_and_novel_outputs_part_all_of_them(digit_stream: TaskStream) -> None:
    for number in range(len(digit_stream)):
        seen, novel = digit_stream.seen(number), digit_stream.novel(number)
        assert len(seen) == 2 * (number + 1)
        assert sorted((*seen, *novel)) == sorted(digit_stream.pictures.outputs)
