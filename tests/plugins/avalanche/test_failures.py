"""All wrong calls of what goes into Avalanche together: each is answered by one line that says what to do."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from cltool import CallError, PictureTransform, TaskStream
from cltool.contract.examples import film_stream, pixel_features
from cltool.errors import DataGone
from cltool_plugins.avalanche import MergeHeads, benchmark


def one_line(*parts: str) -> str:
    """A pattern for a message of a single line that has these parts in this order."""
    return r"\A[^\n]*" + r"[^\n]*".join(map(re.escape, parts)) + r"[^\n]*\Z"


def test_streams_of_values_and_of_soft_labels_are_no_benchmarks(digit_stream: TaskStream) -> None:
    soft = replace(digit_stream, pictures=replace(digit_stream.pictures, soft=True))
    for stream in (film_stream(), soft):
        with pytest.raises(CallError, match=one_line("needs one class per picture", "values or soft labels")):
            benchmark(stream)


def test_samples_are_pictures_or_features(digit_stream: TaskStream) -> None:
    with pytest.raises(CallError, match=one_line("give transform for pictures or features, not both")):
        benchmark(digit_stream, transform=PictureTransform(8, 1), features=pixel_features)


def test_without_avalanche_the_extra_is_told(digit_stream: TaskStream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "avalanche", None)
    monkeypatch.setattr("cltool_plugins.avalanche.library.find_spec", lambda name: None)
    with pytest.raises(CallError, match=one_line("Avalanche is not installed; pip install cltool[avalanche]")):
        benchmark(digit_stream)


@pytest.mark.parametrize(
    ("merge", "options", "told"),
    [
        ("alpah", {}, "there is no merge 'alpah'; did you mean 'alpha'?"),
        ("alpha:alpha=2", {}, "merge 'alpha', option alpha=2"),
        ("alpha:share=1", {}, "merge 'alpha' has no option 'share'"),
        ("alpha", {"surgery": ["prun"]}, "there is no surgery 'prun'; did you mean 'prune'?"),
        ("lda", {"surgery": ["prune@task"]}, "merge 'lda' looks at no task's head; take @merged"),
        ("mine", {"plugins": ["no/mine.py"]}, "--plugin no/mine.py: no such Python file"),
    ],
)
def test_merges_and_surgeries_are_checked_before_training(merge: str, options: dict[str, Any], told: str) -> None:
    with pytest.raises(CallError, match=one_line(told)):
        MergeHeads(merge, **options)


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        ("head", "layer 'head' is not in the model; linear layers are: body.1, classifier"),
        ("body.0", "layer 'body.0' is no linear layer with biases; linear layers are: body.1, classifier"),
        ("classifier", "layer 'classifier' is no linear layer with biases"),
    ],
)
def test_a_layer_that_is_none_is_refused_before_training(layer: str, told: str) -> None:
    body = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    model = nn.ModuleDict({"body": body, "classifier": nn.Linear(3, 2, bias=False)})
    with pytest.raises(CallError, match=one_line(told)):
        MergeHeads("alpha", layer).before_training_exp(SimpleNamespace(model=model))


class Linear(nn.Module):
    """A classifier of four features; `through`: whether its forward goes through the layer as a module."""

    def __init__(self, through: bool) -> None:
        super().__init__()
        self.classifier, self.through = nn.Linear(4, 10), through

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        layer = self.classifier
        return layer(x) if self.through else nn.functional.linear(x, layer.weight, layer.bias)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("through", "told"),
    [
        (True, ("task 001: feature 0 of the backbone", "the same for all pictures")),
        (False, ("MergeHeads: the layer must read every sample once", "name the model's last linear layer")),
    ],
)
def test_features_that_nothing_can_be_learned_from_are_refused(
    through: bool, told: tuple[str, ...], digit_stream: TaskStream
) -> None:
    made = benchmark(digit_stream, features=lambda blocks: torch.zeros(sum(map(len, blocks)), 4))
    from avalanche.training import Naive

    model = Linear(through)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    plugins = [MergeHeads("alpha")]
    strategy = Naive(model=model, optimizer=optimizer, criterion=nn.CrossEntropyLoss(), plugins=plugins, evaluator=None)
    with pytest.raises(CallError, match=one_line(*told)):
        strategy.train(made.train_stream[0])


@pytest.mark.slow
def test_experiences_that_are_put_into_a_list_are_gone_but_the_last(digit_stream: TaskStream) -> None:
    *earlier, last = benchmark(digit_stream).train_stream
    assert len(last.dataset[0]) == 3
    for experience in earlier:
        with pytest.raises(DataGone, match=one_line("the train pictures of", "not samples")):
            experience.dataset[0]
