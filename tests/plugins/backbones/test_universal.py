"""The universal network: what it has seen, that it is kept, and that it learns."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cltool.progress import Silent
from cltool.tasks import TaskStream, arrange
from cltool_plugins.backbones.random import random
from cltool_plugins.backbones.universal import universal
from cltool_plugins.streams.digits import digits


def train(stream: TaskStream, **options: object):
    return universal(stream, "cpu", Silent(), epochs=1, **options)


def test_it_is_trained_once_for_the_same_pictures_and_recipe(digit_stream: TaskStream, cache: Path) -> None:
    first = train(digit_stream, on="first")
    kept = list((cache / "universal").iterdir())
    again = train(digit_stream, on="first")
    assert list((cache / "universal").iterdir()) == kept
    assert again.fingerprint == first.fingerprint
    picture = [digit_stream.pictures.test["3"].picture(0)]
    assert torch.equal(first(picture), again(picture))


@pytest.mark.slow
def test_the_first_task_decides_first_and_no_order_decides_all() -> None:
    orders = [arrange(digits(), 5, 2, "random", seed) for seed in (1, 2)]
    assert orders[0].groups[0] != orders[1].groups[0]
    firsts = [train(stream, on="first").fingerprint for stream in orders]
    everything = [train(stream, on="all").fingerprint for stream in orders]
    assert firsts[0] != firsts[1]
    assert everything[0] == everything[1]


def test_first_reads_no_picture_of_later_tasks(digit_stream: TaskStream, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in digit_stream.novel(0):
        for blocks in (digit_stream.pictures.train, digit_stream.pictures.test):
            monkeypatch.setattr(type(blocks[name]), "picture", guarded(digit_stream.groups[0]))
    assert train(digit_stream, on="first").protocol == {"on": "first", "leaks": False, "classes": 2}


def guarded(allowed: tuple[str, ...]):
    from cltool.pictures import Block

    read = Block.picture

    def picture(self: Block, index: int) -> torch.Tensor:
        assert self.output in allowed
        assert self.split == "train"
        return read(self, index)

    return picture


@pytest.mark.slow
def test_what_has_seen_everything_says_that_it_leaks(digit_stream: TaskStream) -> None:
    assert train(digit_stream, on="all").protocol == {"on": "all", "leaks": True, "classes": 10}


def test_it_has_120_features_and_about_1_47_million_weights(digit_stream: TaskStream) -> None:
    made = train(digit_stream, on="first")
    assert made.width == 120
    assert 1.46e6 < made.parameters < 1.48e6


def test_earlier_layers_are_those_of_the_same_network(digit_stream: TaskStream, cache: Path) -> None:
    last, hidden, conv = (train(digit_stream, layer=layer) for layer in ("last", "hidden", "conv"))
    assert len(list((cache / "universal").iterdir())) == 1
    assert (last.width, hidden.width, conv.width) == (120, 1080, 1152)
    picture = [digit_stream.pictures.test["3"].picture(0)]
    head = last.body[16:]  # what follows the hidden layer
    assert torch.allclose(head(hidden(picture)), last(picture), atol=1e-6)
    assert torch.allclose(last.body[13:](conv(picture)), last(picture), atol=1e-6)
    assert len({last.fingerprint, hidden.fingerprint, conv.fingerprint}) == 3


def test_none_is_never_trained_and_has_seen_nothing(digit_stream: TaskStream, cache: Path) -> None:
    drawn, other = train(digit_stream, on="none"), train(digit_stream, on="none", seed=1)
    assert drawn.protocol == {"on": "none", "leaks": False, "classes": 0}
    assert not (cache / "universal").exists()
    assert drawn.fingerprint == train(digit_stream, on="none").fingerprint != other.fingerprint


@pytest.mark.slow
def test_features_it_learned_separate_classes_better_than_random_ones(digit_stream: TaskStream) -> None:
    learned = universal(digit_stream, "cpu", Silent(), on="all", epochs=4)
    untrained = random(digit_stream, features=120)

    def nearest_mean(backbone) -> float:
        names = digit_stream.pictures.outputs
        sides = []
        for blocks in (digit_stream.pictures.train, digit_stream.pictures.test):
            sides.append([backbone(blocks[n].pictures(range(len(blocks[n])))) for n in names])
        means = torch.stack([x.mean(0) for x in sides[0]])
        right = [int((torch.cdist(x, means).argmin(1) == i).sum()) for i, x in enumerate(sides[1])]
        return sum(right) / sum(map(len, sides[1]))

    assert nearest_mean(learned) > nearest_mean(untrained) + 0.03
