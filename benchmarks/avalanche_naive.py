"""The work as Avalanche's users write it: class-incremental experiences, a dynamic head, `Naive`.

Only `benchmarks.avalanche`'s subprocesses import this: Avalanche takes seconds to import and much memory.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
from avalanche.benchmarks import class_incremental_benchmark
from avalanche.benchmarks.scenarios import CLExperience
from avalanche.evaluation.metrics import accuracy_metrics
from avalanche.models import DynamicModule
from avalanche.training.plugins import EvaluationPlugin, LRSchedulerPlugin
from avalanche.training.supervised import Naive
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset
from torchvision import transforms
from torchvision.datasets import ImageFolder

from benchmarks.avalanche import Work
from cltool.standardization import Standardization

BATCH = 64
MASKED = -1000.0  # the score of a class that is not trained, as in Avalanche's own IncrementalClassifier


class FeatureSet(TensorDataset):
    """Features [n, D] kept in memory, with the `targets` that Avalanche splits by."""

    def __init__(self, features: Tensor, targets: Tensor) -> None:
        super().__init__(features, targets)
        self.targets = targets.tolist()


def picture_set(folder: Path, size: int) -> ImageFolder:
    """Pictures in class folders, decoded and resized each time they are asked for."""
    seen = transforms.Compose(
        [
            transforms.Resize(size),
            transforms.CenterCrop(size),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    return ImageFolder(folder, seen)


class Standardize(nn.Module):
    """A fixed affine layer, set once."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))

    def set(self, features: Tensor) -> None:
        """Take the map from features [n, width], as cltool does."""
        taken = Standardization.of(features)
        self.mean, self.deviation = taken.mean, taken.deviation

    def forward(self, features: Tensor) -> Tensor:
        return (features - self.mean) / self.deviation


class TaskHeads(DynamicModule):
    """A head per experience, of its classes and `unknown`: the newest alone in training, all in evaluation.

    Classes come in order, so a score's column is its class. Blending the `unknown` rows is left out: they
    take no part in the argmax.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.classes = 0
        self.heads = nn.ModuleList()

    def adaptation(self, experience: CLExperience) -> None:
        """Grow a head for an experience of new classes; evaluation passes by here with old ones."""
        classes = experience.classes_in_this_experience
        if max(classes) < self.classes:
            return
        head = nn.Linear(self.width, len(classes) + 1)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        self.heads.append(head)
        self.classes += len(classes)

    def forward(self, features: Tensor) -> Tensor:
        """Training: [n, classes + 1], all masked but the newest head; evaluation: [n, classes]."""
        if self.training:
            scores = self.heads[-1](features)
            return functional.pad(scores, (self.classes + 1 - scores.shape[1], 0), value=MASKED)
        return torch.cat([head(features)[:, :-1] for head in self.heads], 1)


def learn(
    train: ImageFolder | FeatureSet,
    test: ImageFolder | FeatureSet,
    network: nn.Module,
    width: int,
    work: Work,
) -> Iterator[float]:
    """Learn task by task; the accuracy on all classes seen, after each."""
    warnings.filterwarnings("ignore", "No loggers specified")
    torch.manual_seed(0)
    order = sorted(set(train.targets))
    benchmark = class_incremental_benchmark(
        {"train": train, "test": test}, class_order=order, num_experiences=work.tasks
    )
    standardize, heads = Standardize(width), TaskHeads(width)
    heads.adaptation(benchmark.train_stream[0])  # an optimizer refuses a model without parameters
    model = nn.Sequential(network, standardize, heads)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-3)
    strategy = Naive(
        model=model,
        optimizer=optimizer,
        train_mb_size=BATCH,
        train_epochs=work.epochs,
        eval_mb_size=BATCH,
        plugins=[LRSchedulerPlugin(torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, work.epochs))],
        evaluator=EvaluationPlugin(accuracy_metrics(stream=True), loggers=[]),
    )
    first = DataLoader(benchmark.train_stream[0].dataset, BATCH, num_workers=work.workers)
    standardize.set(torch.cat([network(x) for x, *_ in first]))
    for number, experience in enumerate(benchmark.train_stream, 1):
        strategy.train(experience, num_workers=work.workers)
        metrics = strategy.eval(benchmark.test_stream[:number], num_workers=work.workers)
        yield next(value for name, value in metrics.items() if name.startswith("Top1_Acc_Stream/eval"))
