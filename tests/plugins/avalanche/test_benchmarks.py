"""A cltool stream in Avalanche's hands: real digits, as pictures and as features."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from cltool import Block, DataGone, PictureTransform, TaskStream
from cltool.tasks import arrange
from cltool_plugins.avalanche import benchmark
from cltool_plugins.streams.digits import digits

pytestmark = pytest.mark.slow  # Avalanche alone takes seconds to be imported


@pytest.fixture
def stream() -> TaskStream:
    """Three tasks of two digits, not in their numbers' order; two digits are left out."""
    return arrange(digits(), per_task=[2, 2, 2], order=["7", "1", "0", "9", "4", "2", "3", "5"])


def pixels(blocks: Sequence[Block]) -> Tensor:
    """Pixels as features, [n, 64]."""
    return torch.stack([block.picture(i).flatten() for block in blocks for i in range(len(block))]).float() / 255


def test_classes_are_numbered_in_the_order_in_which_they_come(stream: TaskStream) -> None:
    made = benchmark(stream)
    assert made.class_names == ("7", "1", "0", "9", "4", "2")
    assert made.n_classes_per_exp == [2, 2, 2]
    told = [
        (e.classes_in_this_experience, e.previous_classes, e.classes_seen_so_far, e.future_classes, e.task_label)
        for e in made.train_stream
    ]
    assert told[0] == ([0, 1], [], [0, 1], [2, 3, 4, 5], 0)
    assert told[2] == ([4, 5], [0, 1, 2, 3], [0, 1, 2, 3, 4, 5], [], 0)
    assert [e.current_experience for e in made.test_stream] == [0, 1, 2]
    assert len(made.train_stream) == 3
    assert made.train_stream[1].origin_stream.benchmark is made


def test_samples_are_the_streams_pictures(stream: TaskStream) -> None:
    made = benchmark(stream)
    for experiences, blocks in ((made.train_stream, stream.pictures.train), (made.test_stream, stream.pictures.test)):
        for number, group in enumerate(stream.groups):
            data = experiences[number].dataset
            pictures = [blocks[name].picture(i) for name in group for i in range(len(blocks[name]))]
            labels = [made.class_names.index(name) for name in group for _ in range(len(blocks[name]))]
            assert torch.equal(torch.stack([x for x, *_ in data]), torch.stack(pictures))
            assert [y for _, y, _ in data] == labels


def test_a_backbones_transform_makes_batches_of_what_it_reads(stream: TaskStream) -> None:
    transform = PictureTransform(16, 3)
    data = benchmark(stream, transform=transform).test_stream[0].dataset
    wanted = transform([stream.pictures.test["7"].picture(0)])[0]
    assert torch.equal(data[0][0], wanted)
    doubled = benchmark(stream, transform=lambda picture: picture * 2).test_stream[0].dataset
    assert torch.equal(doubled[0][0], stream.pictures.test["7"].picture(0) * 2)


def test_samples_are_frozen_features_where_those_are_given(stream: TaskStream) -> None:
    made = benchmark(stream, features=pixels)
    first = next(iter(made.train_stream))
    wanted = pixels([stream.pictures.train["7"], stream.pictures.train["1"]])
    assert torch.equal(torch.stack([x for x, *_ in first.dataset]), wanted)
    assert {y for _, y, _ in first.dataset} == {0, 1}


@pytest.mark.parametrize("given", [{}, {"features": pixels}], ids=["pictures", "features"])
def test_training_data_are_gone_when_the_next_experience_is_drawn(stream: TaskStream, given: dict) -> None:
    made = benchmark(stream, **given)
    drawn = iter(made.train_stream)
    first = next(drawn)
    kept = first.dataset.subset([0, 1])
    assert len(first.dataset[0]) == 3
    next(drawn)
    for held in (first.dataset, kept, made.train_stream[0].dataset):  # by the loop's pass, and by number
        with pytest.raises(DataGone):
            held[0]
    assert len(made.test_stream[0].dataset[0]) == 3


def test_a_new_loop_starts_anew_and_all_stays_where_that_is_asked(stream: TaskStream) -> None:
    made = benchmark(stream)
    assert [len(e.dataset[0]) for e in made.train_stream] == [len(e.dataset[0]) for e in made.train_stream]
    kept = list(benchmark(stream, old_data=True).train_stream)
    assert [len(e.dataset[0]) for e in kept] == [3, 3, 3]


def test_avalanches_own_strategies_learn_it_and_replay_needs_old_data(stream: TaskStream) -> None:
    from avalanche.training import Naive, Replay
    from torch import nn

    def learn(strategy: type, made: object, **options: int) -> float:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 6))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        learner = strategy(
            model=model, optimizer=optimizer, criterion=nn.CrossEntropyLoss(), train_epochs=2, evaluator=None, **options
        )
        for experience in made.train_stream:
            learner.train(experience)
        x, y = zip(*((x, y) for e in made.test_stream for x, y, _ in e.dataset), strict=True)
        return float((model(torch.stack(x)).argmax(1) == torch.tensor(y)).float().mean())

    forgets = learn(Naive, benchmark(stream, features=pixels))
    assert forgets < 0.6
    with pytest.raises(DataGone):
        learn(Replay, benchmark(stream, features=pixels), mem_size=60)
    assert learn(Replay, benchmark(stream, features=pixels, old_data=True), mem_size=60) > forgets + 0.2


def test_importing_the_package_imports_no_avalanche() -> None:
    code = (
        "import sys, cltool_plugins.avalanche as a; assert dir(a); assert not {'avalanche', 'torch'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
