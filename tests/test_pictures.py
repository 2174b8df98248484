"""Pictures: parts of blocks, and the hold-out that settings are chosen on."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from cltool.errors import CallError, DataGone
from cltool.pictures import Block, RawPixels, Turn
from cltool.tasks import TaskStream


def test_a_part_reads_the_chosen_pictures_and_their_targets() -> None:
    targets = torch.eye(3)
    block = Block("a", "train", ["0", "1", "2"], lambda i: bytes([i] * 4), RawPixels(1, 2, 2), targets)
    part = block.part([2, 0], "test")
    assert (part.split, len(part), part.output) == ("test", 2, "a")
    assert [int(part.picture(i).max()) for i in range(2)] == [2, 0]
    assert torch.equal(part.targets, targets[[2, 0]])
    assert part.digest != block.digest


def test_a_part_of_a_task_that_is_over_is_gone_as_well() -> None:
    turn = Turn()
    block = Block("a", "train", ["0", "1"], lambda i: bytes(4), RawPixels(1, 2, 2)).during(turn)
    part = block.part([0], "test")
    turn.over = True
    with pytest.raises(DataGone):
        part.picture(0)


def test_held_out_pictures_are_training_pictures_that_are_not_trained_on(digit_stream: TaskStream) -> None:
    whole = digit_stream.pictures
    cut = whole.held_out(0.2)
    for name in whole.outputs:
        kept, held, real = cut.train[name], cut.test[name], whole.test[name]
        assert {*kept.names} | {*held.names} == {*whole.train[name].names}
        assert not {*kept.names} & {*held.names}
        assert not {*held.names} & {*real.names}
        assert len(held) == round(0.2 * len(whole.train[name]))
        assert [b.split for b in (kept, held)] == ["train", "test"]
    assert [cut.test[n].names for n in "01"] == [whole.held_out(0.2).test[n].names for n in "01"]


def test_a_share_that_leaves_a_side_empty_is_refused(digit_stream: TaskStream) -> None:
    with pytest.raises(CallError, match=r"--holdout 0.001: '0' has 143 training pictures, too few to be cut"):
        digit_stream.pictures.held_out(0.001)


def test_the_owners_cut_into_tasks_is_of_the_owners_classes_only(digit_stream: TaskStream) -> None:
    whole = replace(digit_stream.pictures, own_tasks=(5, 5))
    assert whole.held_out(0.2).own_tasks == (5, 5)
    assert whole.only(4).own_tasks == ()
    assert whole.relabelled({name: "a" if name < "5" else "b" for name in whole.outputs}).own_tasks == ()
