"""The learner: what it keeps, what it merges, and that it never looks back."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from cltool.backbones import Backbone
from cltool.catalogue import discover
from cltool.errors import CallError, DataGone, PluginFailed
from cltool.features import FeatureBank
from cltool.heads import UNKNOWN, Head
from cltool.learner import Knowledge, Learner, LinearPredictor
from cltool.pictures import Block
from cltool.plugin import Configured, Spec, merge, unknown
from cltool.plugin import head as head_kind
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


def means(statistics: Statistics) -> Head:
    """A row per class: its mean."""
    weight = statistics.means.float()
    return Head(statistics.names, weight, -weight.square().sum(1) / 2, statistics.count.float(), statistics.space)


@merge
def nearest_mean(old_statistics: Statistics, new_statistics: Statistics, statistics: Statistics) -> Head:
    """The mean of each class, from sums alone."""
    assert torch.equal(old_statistics.gram + new_statistics.gram, statistics.gram)
    return means(statistics)


@head_kind
def unwanted(features: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Nobody should ask for it."""
    raise AssertionError("a head was fitted")


def configured(function: Callable) -> Configured:
    return function.__cltool_plugin__.configure()


def headless(function: Callable = nearest_mean) -> Learner:
    return replace(make_learner(), fit=configured(unwanted), merge=configured(function))


def test_a_merge_of_sums_is_called_at_every_task_and_no_head_is_fitted(
    digit_stream: TaskStream, bank: FeatureBank, backbone: Backbone
) -> None:
    found = list(headless()(digit_stream, features=lambda b: bank.features(b, backbone), backbone="b"))
    assert [len(predictor.outputs) for predictor in found] == [2, 4, 6, 8, 10]
    assert all(predictor.task_head is None for predictor in found)
    x = found[0].knowledge.space(bank.features(tuple(digit_stream.pictures.train.values())[:1], backbone))
    assert torch.allclose(found[-1].head.row("0").weight, x.mean(0), atol=1e-5)


def test_at_the_first_task_there_are_no_old_sums(
    digit_stream: TaskStream, bank: FeatureBank, backbone: Backbone
) -> None:
    seen = []

    @merge
    def sees(old_statistics: Statistics, new_statistics: Statistics, statistics: Statistics) -> Head:
        """Remember what was given."""
        seen.append((old_statistics, new_statistics, statistics))
        return means(statistics)

    list(headless(sees)(digit_stream, features=lambda b: bank.features(b, backbone), backbone="b"))
    (old, new, total), *later = seen
    assert len(later) == 4
    assert (old.names, float(old.gram.abs().sum()), old.gram.shape) == ((), 0, total.gram.shape)
    assert torch.equal(new.gram, total.gram)
    assert new.names == total.names == ("0", "1")
    assert later[-1][0].names == tuple("01234567")


def test_of_a_merge_of_sums_only_the_sums_are_kept(
    digit_stream: TaskStream, bank: FeatureBank, backbone: Backbone
) -> None:
    @merge
    def forgets(new_statistics: Statistics, rng: torch.Generator) -> Head:
        """The newest classes; the others as they happen to be drawn."""
        own = means(new_statistics)
        lost = tuple(name for name in "0123456789" if name not in own.names)
        rest = Head(lost, torch.rand(len(lost), 64, generator=rng), torch.zeros(len(lost)), torch.zeros(len(lost)), "")
        return Head(
            (*own.names, *rest.names),
            *(torch.cat([getattr(own, k), getattr(rest, k)]) for k in ("weight", "bias", "counts")),
            own.space,
        )

    def last(learner: Learner) -> LinearPredictor:
        *_, found = learner(digit_stream, features=lambda b: bank.features(b, backbone), backbone="b")
        return found

    moments = 4 * 2 * 64
    assert last(headless()).nbytes == moments + last(headless()).knowledge.statistics.nbytes
    assert last(headless(forgets)).nbytes == moments
    plain = last(make_learner())
    assert plain.nbytes == make_learner().bytes_kept(plain.knowledge) == moments + plain.knowledge.head.nbytes


def test_sums_of_every_class_are_collected_where_a_merge_declares_them(
    digit_stream: TaskStream, bank: FeatureBank, backbone: Backbone
) -> None:
    @merge(class_grams=True)
    def wants(statistics: Statistics) -> Head:
        """Look at a class's own covariance."""
        assert statistics.covariance("0").shape == (64, 64)
        return means(statistics)

    *_, last = headless(wants)(digit_stream, features=lambda b: bank.features(b, backbone), backbone="b")
    assert last.knowledge.statistics.class_grams is not None
    assert last.nbytes > 10 * 8 * 64 * 64
    assert next(iter(learn_all(digit_stream, bank, backbone))).knowledge.statistics.class_grams is None


def features_with(change: Callable[[Tensor], None], task: int = 1) -> Callable[[Sequence[Block]], Tensor]:
    """Features of random numbers, changed from the given call on."""
    rng, calls = torch.Generator().manual_seed(0), itertools.count(1)

    def features(blocks: Sequence[Block]) -> Tensor:
        x = torch.rand(sum(map(len, blocks)), 4, generator=rng)
        if next(calls) >= task:
            change(x)
        return x

    return features


def put(row: slice | int, column: slice | int, value: float) -> Callable[[Tensor], None]:
    def change(x: Tensor) -> None:
        x[row, column] = value

    return change


EVERYTHING = slice(None)


@pytest.mark.parametrize(
    ("change", "task", "told"),
    [
        (put(3, 2, float("nan")), 1, "task 001: feature 2 of the backbone is not a finite number"),
        (put(3, 2, float("-inf")), 3, "task 003: feature 2 of the backbone is not a finite number"),
        (put(5, 1, 1e20), 3, r"task 003: feature 1 of the backbone reaches \d(\.\d)?e\+20 deviations of the first"),
        (put(5, 1, 1e20), 1, r"task 001: feature 1 of the backbone varies \d(\.\d)?e\+\d+ times as much as the others"),
        (put(5, 1, 1e30), 1, "task 001: feature 1 of the backbone varies"),
        (put(5, 1, -3e38), 2, "task 002: feature 1 of the backbone reaches"),
        (put(EVERYTHING, EVERYTHING, 7.0), 1, "task 001: feature 0 of the backbone, as every other, is the same"),
        (put(EVERYTHING, EVERYTHING, 0.1), 1, "task 001: feature 0"),
    ],
)
@pytest.mark.parametrize("learner", [make_learner(), headless()], ids=["heads", "sums"])
def test_features_that_nothing_can_be_learned_from_are_named(
    digit_stream: TaskStream, learner: Learner, change: Callable[[Tensor], None], task: int, told: str
) -> None:
    with pytest.raises(CallError, match=told):
        list(learner(digit_stream, features=features_with(change, task), backbone="b"))


@pytest.mark.parametrize("learner", [make_learner(), headless()], ids=["heads", "sums"])
def test_a_single_feature_that_never_moves_is_no_harm(digit_stream: TaskStream, learner: Learner) -> None:
    *_, last = learner(digit_stream, features=features_with(put(EVERYTHING, 2, 5.0)), backbone="b")
    assert not last.head.not_finite


def test_a_call_that_turns_out_wrong_within_a_task_names_it(digit_stream: TaskStream) -> None:
    @merge
    def singular(old: Head, new: Head) -> Head:
        """Refuse."""
        raise CallError("feature 3 is constant; give a strength")

    @head_kind
    def refuses(features: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Refuse."""
        raise CallError("too few samples")

    for learner, told in (
        (replace(make_learner(), merge=configured(singular)), "^task 002: feature 3 is constant; give a strength$"),
        (replace(make_learner(), fit=configured(refuses)), "^task 001: too few samples$"),
    ):
        with pytest.raises(CallError, match=told):
            list(learner(digit_stream, features=features_with(lambda x: None), backbone="b"))


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (lambda s: None, "task 001: merge broken gave a NoneType instead of a Head"),
        (lambda s: replace(means(s), weight=means(s).weight[:, 1:]), "gave a head of width 3, not 4"),
        (lambda s: replace(means(s), names=("1", "8")), "gave a head without row '0'"),
        (lambda s: replace(means(s), bias=torch.tensor([0, float("nan")])), "gave row '1' numbers that are not finite"),
    ],
)
def test_a_merge_that_gives_no_head_of_everything_seen_is_named(
    digit_stream: TaskStream, result: Callable, told: str
) -> None:
    @merge
    def broken(statistics: Statistics) -> Head:
        """Give back something else."""
        return result(statistics)

    with pytest.raises(PluginFailed, match=told):
        list(headless(broken)(digit_stream, features=features_with(lambda x: None), backbone="b"))


def test_what_a_task_learns_again_is_no_stranger_to_it(digit_stream: TaskStream) -> None:
    known: list[tuple[str, ...] | None] = []

    @unknown
    def spy(features: Tensor, old_statistics: Statistics | None) -> Tensor:
        """Note whose statistics there are."""
        known.append(old_statistics.names if old_statistics else None)
        return features[:0]

    groups = (("0", "1"), ("1", "0"), ("1", "2"))
    again = replace(digit_stream, groups=groups, left_out=())
    learner = replace(make_learner(), unknown=configured(spy))
    list(learner(again, features=features_with(put(0, 0, 0.5)), backbone="b"))
    assert known == [None, None, ("0",)]
