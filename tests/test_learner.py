"""The learner: what it keeps, what it merges, and that it never looks back."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import pytest
import torch
from torch import Tensor

from cltool.backbones import Backbone
from cltool.catalogue import discover
from cltool.errors import CallError, DataGone
from cltool.features import FeatureBank
from cltool.heads import UNKNOWN
from cltool.learner import Knowledge, Learner, LinearPredictor
from cltool.pictures import Block
from cltool.plugin import Spec
from cltool.progress import Silent
from cltool.statistics import Statistics
from cltool.tasks import Task, TaskStream


def make_learner(merge: str = "alpha", head: str = "ridge", unknown: str = "none", seed: int = 0) -> Learner:
    catalogue = discover()
    parts = {"head": head, "unknown": unknown, "merge": merge}
    return Learner(*(catalogue.configure(kind, Spec.parse(text)) for kind, text in parts.items()), seed)


@pytest.fixture
def backbone(digit_stream: TaskStream) -> Backbone:
    return discover().find("backbone", "random").function(digit_stream, features=64)


@pytest.fixture
def bank() -> FeatureBank:
    return FeatureBank(progress=Silent())


def test_a_whole_stream_is_learned_without_a_look_back(
    digit_stream: TaskStream, bank: FeatureBank, backbone: Backbone
) -> None:
    """Each task's blocks refuse once its turn is over, so reaching the end is the proof."""
    read: list[tuple[int, str]] = []
    turn = 0

    def features(blocks: Sequence[Block]) -> Tensor:
        read.extend((turn, block.output) for block in blocks)
        return bank.features(blocks, backbone)

    for _predictor in make_learner(unknown="statistics")(digit_stream, features=features, backbone="b"):
        turn += 1
    assert turn == 5
    assert {(t, o) for t, o in read} == {(t, o) for t, g in enumerate(digit_stream.groups) for o in g}


@pytest.mark.parametrize("warm", [False, True])
def test_a_learner_that_looks_back_is_stopped_bank_warm_or_not(
    digit_stream: TaskStream, bank: FeatureBank, backbone: Backbone, warm: bool
) -> None:
    class Cheat(Learner):
        hoard: list[Block] = []  # noqa: RUF012

        def learn(self, task: Task, features: object, backbone: str, old: Knowledge | None) -> LinearPredictor:
            self.hoard.extend(task.train)
            features(self.hoard)  # type: ignore[operator]
            return super().learn(task, features, backbone, old)  # type: ignore[arg-type]

    if warm:
        bank.features(tuple(digit_stream.pictures.train.values()), backbone)
    honest = make_learner()
    cheat = Cheat(honest.fit, honest.unknown, honest.merge)
    with pytest.raises(DataGone, match="keep heads and statistics"):
        list(cheat(digit_stream, features=lambda b: bank.features(b, backbone), backbone="b"))


def test_knowledge_holds_no_samples_and_grows_by_class_rows_only(
    digit_stream: TaskStream, bank: FeatureBank, backbone: Backbone
) -> None:
    learner = make_learner()
    sizes = [
        learner.bytes_kept(predictor.knowledge)
        for predictor in learner(digit_stream, features=lambda b: bank.features(b, backbone), backbone="b")
    ]
    row = 4 * (64 + 1 + 1)  # weight, bias and count of a row, float32
    assert [after - before for before, after in itertools.pairwise(sizes)] == [2 * row] * 4
    with_sums = make_learner(unknown="statistics")
    kept = [
        with_sums.bytes_kept(predictor.knowledge)
        for predictor in with_sums(digit_stream, features=lambda b: bank.features(b, backbone), backbone="b")
    ]
    assert kept[-1] > sizes[-1] + 8 * 65 * 65


def learn_all(stream: TaskStream, bank: FeatureBank, backbone: Backbone, **parts: str) -> Iterator:
    learner = make_learner(**parts)
    return learner(stream, features=lambda b: bank.features(b, backbone), backbone=backbone.fingerprint)


def test_the_merged_unknown_row_is_blended_by_mass_at_each_of_four_merges(
    digit_stream: TaskStream, bank: FeatureBank, backbone: Backbone
) -> None:
    """α = N/(N+K): .5, .667, .75 and .8 as in the thesis' 5+5+5+5+5."""
    blended: Tensor | None = None
    shares = []
    for number, predictor in enumerate(learn_all(digit_stream, bank, backbone)):
        own, merged = predictor.task_head.row(UNKNOWN), predictor.knowledge.head.row(UNKNOWN)
        new = torch.cat([own.weight, own.bias[None]])
        if blended is None:
            blended = new
        else:
            share = 2 * number / (2 * number + 2)
            shares.append(round(share, 3))
            blended = share * blended + (1 - share) * new
        assert torch.allclose(torch.cat([merged.weight, merged.bias[None]]), blended, atol=1e-6)
    assert shares == [0.5, 0.667, 0.75, 0.8]


def test_class_rows_pass_through_every_merge_untouched(
    digit_stream: TaskStream, bank: FeatureBank, backbone: Backbone
) -> None:
    heads = []
    for predictor in learn_all(digit_stream, bank, backbone):
        heads.append(predictor.task_head)
        for head in heads:
            for name in head.classes:
                assert torch.equal(predictor.knowledge.head.row(name).weight, head.row(name).weight)


def test_the_same_seed_learns_the_same_head_and_another_seed_another(
    digit_stream: TaskStream, bank: FeatureBank, backbone: Backbone
) -> None:
    def final(seed: int) -> Tensor:
        learner = make_learner(head="softmax:epochs=2", unknown="noise", seed=seed)
        *_, last = learner(digit_stream, features=lambda b: bank.features(b, backbone), backbone="b")
        return last.knowledge.head.weight

    assert torch.equal(final(1), final(1))
    assert not torch.equal(final(1), final(2))


def test_statistics_add_up_over_the_stream(digit_stream: TaskStream, bank: FeatureBank, backbone: Backbone) -> None:
    *_, last = learn_all(digit_stream, bank, backbone)
    x = bank.features(tuple(digit_stream.pictures.train.values()), backbone)
    y = torch.cat(
        [
            torch.nn.functional.one_hot(torch.full((len(digit_stream.pictures.train[n]),), i), 10)
            for i, n in enumerate(digit_stream.pictures.outputs)
        ]
    )
    joint = Statistics.of(last.knowledge.space(x), y, digit_stream.pictures.outputs, "s")
    assert torch.allclose(last.knowledge.statistics.gram, joint.gram, rtol=1e-9)
    assert torch.equal(last.knowledge.statistics.count, joint.count)


def test_features_that_are_no_numbers_are_named(digit_stream: TaskStream) -> None:
    def broken(blocks: Sequence[Block]) -> Tensor:
        x = torch.zeros(sum(map(len, blocks)), 4)
        x[3, 2] = float("nan")
        return x

    with pytest.raises(CallError, match="task 001: feature 2"):
        list(make_learner()(digit_stream, features=broken, backbone="b"))
