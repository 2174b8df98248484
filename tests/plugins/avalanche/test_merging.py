"""A cltool merge in an Avalanche script, beside the same merge in `cltool run`, on the same features of real digits."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cltool import Backbone, FeatureBank, Head, TaskStream
from cltool.catalogue import discover
from cltool.plugin import Spec
from cltool.progress import Silent
from cltool.standardization import Standardization
from cltool.tasks import arrange
from cltool_plugins.avalanche import MergeHeads, benchmark
from cltool_plugins.streams.digits import digits

pytestmark = pytest.mark.slow  # Avalanche alone takes seconds to be imported
WIDTH, TASKS = 48, 3
RUN = ("run", "--stream", "digits", "--backbone", f"random:features={WIDTH},size=8", "--tasks", TASKS)
RUN = (*RUN, "--classes-per-task", 3, "--no-joint")


@pytest.fixture
def stream() -> TaskStream:
    """Three tasks of three digits; the tenth never comes."""
    return arrange(digits(), TASKS, 3)


@pytest.fixture
def backbone(stream: TaskStream) -> Backbone:
    """The backbone of `RUN`."""
    source = discover().configure("backbone", Spec.parse(f"random:features={WIDTH},size=8"))
    return source(stream=stream, device="cpu", progress=Silent())


@pytest.fixture
def made(stream: TaskStream, backbone: Backbone) -> Any:
    """The stream as a benchmark of the backbone's features."""
    return benchmark(stream, features=partial(FeatureBank().features, backbone=backbone))


class Linear(nn.Module):
    """A classifier of features, as wide as all classes, with one more that never comes."""

    def __init__(self) -> None:
        super().__init__()
        self.classifier = nn.Linear(WIDTH, 3 * TASKS + 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(x)


def naive(model: nn.Module, plugins: Sequence[object], epochs: int = 2) -> Any:
    """Avalanche's naive training, which says nothing."""
    from avalanche.training import Naive
    from avalanche.training.plugins import EvaluationPlugin

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evaluator = EvaluationPlugin()
    return Naive(
        model=model,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        criterion=nn.CrossEntropyLoss(),
        train_epochs=epochs,
        train_mb_size=32,
        plugins=list(plugins),
        evaluator=evaluator,
    )


def scored(made: Any) -> tuple[Tensor, Tensor]:
    """All test samples and their labels."""
    pairs = [(x, y) for experience in made.test_stream for x, y, _ in experience.dataset]
    return torch.stack([x for x, _ in pairs]), torch.tensor([y for _, y in pairs])


@pytest.mark.parametrize("merge", ["lda", "ncm"])
def test_a_merge_of_statistics_gives_what_cltool_run_gives(
    merge: str, made: Any, cltool: Callable, tmp_path: Path
) -> None:
    assert cltool(*RUN, "--merge", merge, "--out", tmp_path / "run").code == 0
    space = Standardization.load(tmp_path / "run" / "standardization.safetensors")
    expected = Head.load(tmp_path / "run" / "head.safetensors")
    model, plugin = Linear(), MergeHeads(merge, names=made.class_names)
    strategy = naive(model, [plugin])
    for experience in made.train_stream:
        strategy.train(experience)
    x, _ = scored(made)
    with torch.no_grad():
        ours, theirs = model(x), expected(space(x))
    assert expected.names == made.class_names
    assert torch.allclose(ours[:, :9], theirs, rtol=1e-4, atol=1e-4)
    assert plugin.learned is not None
    assert torch.allclose(plugin.learned.head.weight, expected.weight, rtol=1e-4, atol=1e-4)


class Fitted:
    """Stands for a script's own training: the rows that `cltool run` fitted to the experience's task."""

    def __init__(self, run: Path) -> None:
        self.run, self.space = run, Standardization.load(run / "standardization.safetensors")

    def after_training_exp(self, strategy: Any, **_: Any) -> None:
        number = strategy.experience.current_experience
        head = Head.load(self.run / "heads" / f"{number + 1:03d}.safetensors")
        weight = head.weight.double() / self.space.deviation.double()
        bias = head.bias.double() - weight @ self.space.mean.double()
        layer = strategy.model.classifier
        with torch.no_grad():
            for name in head.classes:
                row = head.names.index(name)
                layer.weight[int(name)], layer.bias[int(name)] = weight[row], bias[row]


@pytest.mark.parametrize(
    ("merge", "surgery"),
    [
        ("alpha", []),
        ("align", ["prune:relative=0.2@task"]),
        ("concat", ["prune:relative=0.2@merged"]),
    ],
)
def test_merged_heads_are_those_of_cltool_run_where_the_fitted_ones_are(
    merge: str, surgery: list[str], made: Any, cltool: Callable, tmp_path: Path
) -> None:
    spelled = [part for one in surgery for part in ("--surgery", one)]
    done = cltool(*RUN, "--merge", merge, *spelled, "--head", "ridge", "--out", tmp_path / "run")
    assert done.code == 0, done.err
    expected = Head.load(tmp_path / "run" / "head.safetensors")
    space = Standardization.load(tmp_path / "run" / "standardization.safetensors")
    model = Linear()
    plugin = MergeHeads(merge, surgery=surgery)
    strategy = naive(model, [Fitted(tmp_path / "run"), plugin], epochs=1)
    for experience in made.train_stream:
        strategy.train(experience)
    x, _ = scored(made)
    with torch.no_grad():
        ours, theirs = model(x), expected(space(x))
    at = [expected.names.index(str(label)) for label in range(9)]
    assert torch.allclose(ours[:, :9], theirs[:, at], rtol=1e-4, atol=1e-4)


class Seen:
    """Looks at the layer when its training begins and when it has ended, before it is merged."""

    def __init__(self) -> None:
        self.begun: list[Tensor] = []
        self.trained: list[Tensor] = []

    def before_training_epoch(self, strategy: Any, **_: Any) -> None:
        self.begun.append(strategy.model.classifier.weight.detach().clone())

    def after_training_exp(self, strategy: Any, **_: Any) -> None:
        self.trained.append(strategy.model.classifier.weight.detach().clone())


def test_classes_that_have_not_come_never_win_and_are_trained_from_their_own_rows(made: Any) -> None:
    model, seen = Linear(), Seen()
    strategy = naive(model, [seen, MergeHeads("lda")], epochs=1)
    x, _ = scored(made)
    for number, experience in enumerate(made.train_stream):
        strategy.train(experience)
        with torch.no_grad():
            scores = model(1000 * x)  # far from all that was learned, where all scores are low
        assert set(scores.argmax(1).tolist()) <= {*range(3 * (number + 1))}
        assert not model.classifier.weight[3 * (number + 1) :].any()
    assert torch.equal(seen.begun[1][3:], seen.trained[0][3:])
    assert torch.equal(seen.begun[2][6:], seen.trained[1][6:])
    assert not torch.equal(seen.begun[1][:3], seen.trained[0][:3])  # the merged rows of the first task


def test_naive_training_forgets_and_merged_heads_do_not(made: Any) -> None:
    x, labels = scored(made)

    def accuracy(*plugins: object) -> float:
        torch.manual_seed(0)
        model = Linear()
        strategy = naive(model, plugins, epochs=4)
        for experience in made.train_stream:
            strategy.train(experience)
        with torch.no_grad():
            return float((model(x).argmax(1) == labels).float().mean())

    forgets, alone = accuracy(), accuracy(MergeHeads("alpha"))
    assert forgets < 0.5
    assert alone > forgets + 0.1
    assert alone > accuracy(MergeHeads("alpha", alone=False)) + 0.1  # where new rows learn to outdo old ones
    assert accuracy(MergeHeads("ridge")) > 0.8


def test_a_classifier_that_grows_is_written_back_too(made: Any) -> None:
    from avalanche.models import IncrementalClassifier

    class Growing(nn.Module):
        def __init__(self, **masking: bool) -> None:
            super().__init__()
            self.classifier = IncrementalClassifier(WIDTH, initial_out_features=2, **masking)

        def forward(self, x: Tensor) -> Tensor:
            return self.classifier(x)

    x, _ = scored(made)
    wide = Linear()
    strategy = naive(wide, [MergeHeads("lda")])
    for experience in made.train_stream:
        strategy.train(experience)
    for masking in (True, False):
        model = Growing(masking=masking)
        strategy = naive(model, [MergeHeads("lda")])
        for number, experience in enumerate(made.train_stream):
            strategy.train(experience)
            strategy.eval(made.test_stream)  # which makes it grow for classes to come
            with torch.no_grad():
                assert int(model(1000 * x).argmax(1).max()) < 3 * (number + 1)
        with torch.no_grad():
            assert torch.allclose(model(x), wide(x)[:, :9], rtol=1e-4, atol=1e-4)


def test_what_a_surgery_did_is_told(made: Any) -> None:
    plugin = MergeHeads("alpha", surgery=["prune:relative=0.3@merged"])
    strategy = naive(Linear(), [plugin])
    strategy.train(made.train_stream[0])
    assert plugin.learned is not None
    (effect,) = plugin.learned.effects
    assert effect.surgery.startswith("prune")
    assert 0 < effect.sparsity < 1
    zeros = float((strategy.model.classifier.weight[:3] == 0).float().mean())
    assert zeros == pytest.approx(effect.sparsity)
    assert not (plugin.learned.knowledge.head.weight == 0).any()  # the next merge gets the head before surgery
