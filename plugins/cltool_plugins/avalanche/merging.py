"""A cltool merge as a plugin of Avalanche's strategies: the classifier's rows become heads, and heads are merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cltool import Block, CallError, Head, Learner, Task, discover
from cltool.learner import LinearPredictor
from cltool.pictures import Unsent
from cltool.plugin import Spec
from cltool.recipe import PlacedChoice
from cltool.spaces import FeatureSpace
from cltool.surgeries import Operation
from cltool_plugins.merges.class_rows import LAST

ELSEWHERE = Unsent("its samples are Avalanche's")


class MergeHeads:
    """A plugin for any Avalanche strategy: merges the classifier of each experience with that of all before it.

    `merge` and `surgery` are spelled as on cltool's command line, options included: `"alpha:alpha=0.7"`,
    `["prune@task"]`. `layer`: the name of the last linear layer in the model, an `nn.Linear` or Avalanche's
    `IncrementalClassifier`. `names`: what classes are called, by label; their numbers unless given. `plugins`: Python
    files with plugins of your own. `seed`: of merges and surgeries that draw.

    While an experience is trained only its own classes, and those of a batch, compete in the loss, as a task's own
    head is fitted; else new rows would learn to outdo old ones that are put back later. `alone=False` leaves that to
    the script, as it must be where another plugin works on old classes' scores (LwF). After training on an experience
    its training samples pass through the model once more, in evaluation mode, and statistics are taken of what the
    layer reads; then the rows of the experience's classes are operated on and merged as `cltool run` does it, and the
    result is written back into the layer: rows of all classes seen, and for classes that have not come a row that never
    wins. Those get their own rows back before the next experience, to be trained from. No sample is kept. Whatever lies
    below the layer should be frozen, as merges take heads and statistics of earlier experiences to be of the same
    features as the last.

    `learned` is what cltool knows after the last experience, None before: `learned.head` in the space of standardised
    features, `learned.effects` of the surgeries, `learned.nbytes` kept of earlier experiences.

    Raises CallError for a merge or surgery that there is not, and once training begins for a layer that is none.
    """

    supports_distributed = False  # Avalanche asks its plugins for this and for methods, not for a class

    def __init__(
        self,
        merge: str,
        layer: str = "classifier",
        *,
        surgery: Sequence[str] = (),
        names: Sequence[str] | None = None,
        alone: bool = True,
        seed: int = 0,
        plugins: Sequence[str | Path] = (),
    ) -> None:
        self.learner = _learner(merge, surgery, seed, [Path(file) for file in plugins])
        self.layer, self.names, self.alone = layer, names, alone
        self.learned: LinearPredictor | None = None
        self._waiting: dict[int, tuple[Tensor, Tensor]] = {}  # the script's own rows of classes that have not come
        self._training = False

    def before_training_exp(self, strategy: Any, **_: Any) -> None:
        """Give classes that have not come their own rows back."""
        self._training = True
        place, layer = self._place(strategy.model)
        with torch.no_grad():
            for label, (weight, bias) in self._waiting.items():
                layer.weight[label], layer.bias[label] = weight, bias
                if _masks(place) and label not in strategy.experience.classes_in_this_experience:
                    place.active_units[label] = 0
        self._waiting = {}

    def after_forward(self, strategy: Any, **_: Any) -> None:
        """Where rows are trained alone: leave only the classes of the experience, and of the batch, in the softmax."""
        if self.alone:
            competing = {*strategy.experience.classes_in_this_experience, *strategy.mb_y.tolist()}
            others = [label for label in range(strategy.mb_output.shape[1]) if label not in competing]
            strategy.mb_output = strategy.mb_output.index_fill(
                1, torch.tensor(others, dtype=torch.long, device=strategy.mb_output.device), _lowest(strategy.mb_output)
            )

    def after_training_exp(self, strategy: Any, **_: Any) -> None:
        """Merge the rows of the experience's classes with the head of all before it, and write the result back."""
        self._training = False
        place, layer = self._place(strategy.model)
        x, labels = _read_by(layer, strategy)
        self.learned = self._merged(layer, x, labels)
        rows = _Rows.of(self.learned.head, self.learned.knowledge.space)
        at = {name: row for row, name in enumerate(self.learned.head.names)}
        with torch.no_grad():
            for label in self._seen(layer):
                row = at[self._called(label)]
                layer.weight[label], layer.bias[label] = rows.weight[row], rows.bias[row]
        self._put_aside(place, layer)

    def before_eval_exp(self, strategy: Any, **_: Any) -> None:
        """Put aside the rows by which Avalanche has made the layer grow for test pictures of classes to come."""
        if self.learned and not self._training:
            self._put_aside(*self._place(strategy.model))

    def _merged(self, layer: nn.Linear, x: Tensor, labels: Tensor) -> LinearPredictor:
        """What is known after an experience: its samples are x [n, D] with labels [n], its head is in the layer."""
        classes = sorted(set(labels.tolist()))
        names = tuple(self._called(label) for label in classes)
        counts = torch.stack([(labels == label).sum() for label in classes])
        order = torch.argsort(labels, stable=True)
        rows = _Rows(layer.weight[classes].detach().double().cpu(), layer.bias[classes].detach().double().cpu())
        blocks = tuple(
            Block(name, "train", [f"{name} {i}" for i in range(int(n))], ELSEWHERE, ELSEWHERE)
            for name, n in zip(names, counts, strict=True)
        )
        known = self.learned.knowledge if self.learned else None
        return self.learner.learn(
            Task(f"{(known.tasks if known else 0) + 1:03d}", names, blocks, (), names),
            lambda _: x[order],
            f"what layer {self.layer} reads",
            known,
            lambda space, fingerprint: rows.head(names, counts, space, fingerprint),
        )

    def _seen(self, layer: nn.Linear) -> list[int]:
        """The labels of the classes that have come."""
        names = self.learned.head.classes if self.learned else ()
        return [label for label in range(layer.out_features) if self._called(label) in names]

    def _put_aside(self, place: Any, layer: nn.Linear) -> None:
        """Keep the rows of classes that have not come, and let them never win meanwhile."""
        with torch.no_grad():
            for label in {*range(layer.out_features)} - {*self._seen(layer), *self._waiting}:
                self._waiting[label] = layer.weight[label].clone(), layer.bias[label].clone()
                layer.weight[label], layer.bias[label] = 0.0, _lowest(layer.bias)
        if _masks(place):  # its own mask, −1000, is not below every score
            place.active_units[:] = 1

    def _called(self, label: int) -> str:
        return str(label) if self.names is None or label >= len(self.names) else self.names[label]

    def _place(self, model: nn.Module) -> tuple[Any, nn.Linear]:
        """The module of the layer's name and the linear layer, which is in it where Avalanche makes it grow.

        Raises CallError for a name that is none of a linear layer with biases.
        """
        found = dict(model.named_modules()).get(self.layer)
        inner = getattr(found, "classifier", found)  # of Avalanche's IncrementalClassifier
        if isinstance(inner, nn.Linear) and inner.bias is not None:
            return found, inner
        linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
        what = "is no linear layer with biases" if found is not None else "is not in the model"
        raise CallError(f"MergeHeads: layer {self.layer!r} {what}; linear layers are: {', '.join(linear) or 'none'}")


@dataclass(frozen=True)
class _Rows:
    """Rows over the layer's own inputs x: scores = x Wᵀ + b; `weight` [R, D], `bias` [R], float64."""

    weight: Tensor
    bias: Tensor

    def head(self, names: tuple[str, ...], counts: Tensor, space: FeatureSpace, fingerprint: str) -> Head:
        """The same scores as a head over z = (x − m) / s: W·s and b + W m."""
        mean, deviation = (part.double() for part in (space.standardization.mean, space.standardization.deviation))
        weight, bias = self.weight * deviation, self.bias + self.weight @ mean
        return Head(names, weight.float(), bias.float(), counts.float(), fingerprint)

    @classmethod
    def of(cls, head: Head, space: FeatureSpace) -> _Rows:
        """The rows over x that score as a head does over z."""
        mean, deviation = (part.double() for part in (space.standardization.mean, space.standardization.deviation))
        weight = head.weight.double() / deviation
        return cls(weight, head.bias.double() - weight @ mean)


def _learner(merge: str, surgery: Sequence[str], seed: int, plugins: Sequence[Path]) -> Learner:
    """The learner whose merge and surgeries these are; it fits no head itself. Raises CallError."""
    catalogue = discover(plugins)
    placed = [PlacedChoice.model_validate(text) for text in surgery]
    operations = tuple(Operation.of(catalogue.configure("surgery", one.spec), one.on) for one in placed)
    unused = catalogue.configure("head", Spec("softmax")), catalogue.configure("unknown", Spec("none"))
    learner = Learner(*unused, catalogue.configure("merge", Spec.parse(merge)), seed, surgeries=operations)
    if not learner.fits_heads and (lost := next((o for o in operations if o.on == "task"), None)):
        raise CallError(f"MergeHeads: surgery {lost}: merge {merge!r} looks at no task's head; take @merged")
    return learner


def _lowest(scores: Tensor) -> float:
    """A score below every other that is a number of this precision."""
    return max(LAST, torch.finfo(scores.dtype).min / 2)


def _masks(place: Any) -> bool:
    """Whether it is an IncrementalClassifier that masks classes which have not come."""
    return bool(getattr(place, "masking", False)) and hasattr(place, "active_units")


@torch.no_grad()
def _read_by(layer: nn.Linear, strategy: Any) -> tuple[Tensor, Tensor]:
    """What a layer reads of an experience's training samples: x [n, D] and labels [n], on the CPU.

    Raises CallError where it reads something else.
    """
    from avalanche.models.utils import avalanche_forward
    from torch.utils.data import DataLoader

    read: list[Tensor] = []
    labels: list[Tensor] = []
    model, training = strategy.model, strategy.model.training
    data = strategy.experience.dataset.eval()
    hook = layer.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0].detach().float().cpu()))
    try:
        model.eval()
        for x, y, task, *_ in DataLoader(data, batch_size=strategy.eval_mb_size):
            avalanche_forward(model, x.to(strategy.device), task.to(strategy.device))
            labels.append(y)
    finally:
        hook.remove()
        model.train(training)
    if [x.shape[:-1] for x in read] != [y.shape for y in labels]:
        raise CallError(
            "MergeHeads: the layer must read every sample once, as [n, D]; name the model's last linear layer"
        )
    return torch.cat(read), torch.cat(labels)
