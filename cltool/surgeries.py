"""Operating on heads: surgeries in a row, where each acts, and what each has changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from cltool.errors import PluginError, PluginFailed
from cltool.heads import UNKNOWN, Head
from cltool.places import PLACES, Place
from cltool.plugin import Configured


@dataclass(frozen=True)
class Operation:
    """A surgery and where it acts: on a `task`'s head before merging, or on the `merged` head that is scored."""

    surgery: Configured
    on: Place

    @classmethod
    def of(cls, surgery: Configured, on: Place | None = None) -> Operation:
        """`surgery` at the place asked for, or at its own (its fact `on`; `merged` where it names none).

        Raises PluginError for a plugin whose own place is none.
        """
        own = surgery.plugin.facts.get("on", "merged")
        if own not in PLACES:
            raise PluginError(f"surgery {surgery.plugin.name!r}: on={own!r} is none of {', '.join(PLACES)}")
        return cls(surgery, on or own)

    def __str__(self) -> str:
        return f"{self.surgery}@{self.on}"


@dataclass(frozen=True)
class Effect:
    """What a surgery did to a head.

    `sparsity`: share of the class rows' weights that are zero now. `cosine_distance`: 1 − cos between the
    class rows' weights before and after, 1 where nothing is left. `range_before`, `range_after`: least and
    largest weight of the class rows. `no_op`: not one number of the head changed.
    """

    surgery: str
    sparsity: float
    cosine_distance: float
    range_before: tuple[float, float]
    range_after: tuple[float, float]
    no_op: bool

    @classmethod
    def between(cls, before: Head, after: Head, surgery: str) -> Effect:
        """Measure it.

        >>> a = Head(("x", "y"), torch.tensor([[3.0], [4.0]]), torch.zeros(2), torch.ones(2), "s")
        >>> b = Head(("x", "y"), torch.tensor([[0.0], [4.0]]), torch.zeros(2), torch.ones(2), "s")
        >>> Effect.between(a, b, "prune").sparsity, Effect.between(a, b, "prune").cosine_distance
        (0.5, 0.2)
        """
        old, new = _class_weights(before), _class_weights(after)
        same = torch.equal(before.weight, after.weight) and torch.equal(before.bias, after.bias)
        lengths = old.norm() * new.norm()
        cosine = float(old @ new / lengths) if lengths else 0.0
        return cls(
            surgery,
            float((new == 0).double().mean()),
            0.0 if same else round(max(0.0, 1 - cosine), 12),
            (float(old.min()), float(old.max())),
            (float(new.min()), float(new.max())),
            same,
        )


def _class_weights(head: Head) -> Tensor:
    """The weights of all class rows, or of all rows where there is no class, float64 [n]."""
    rows = [i for i, name in enumerate(head.names) if name != UNKNOWN] or list(range(len(head.names)))
    return head.weight[rows].double().flatten()


def operate(head: Head, operations: Sequence[Operation], rng: Generator) -> tuple[Head, list[Effect]]:
    """The head after all `operations`, in their order, and what each of them did.

    Raises PluginFailed for a surgery that gives back no head, other rows, another shape, or what is no finite
    number.
    """
    effects = []
    for operation in operations:
        after = operation.surgery(head=head, rng=rng)
        _check(operation, head, after)
        effects.append(Effect.between(head, after, str(operation)))
        head = after
    return head, effects


def _check(operation: Operation, before: Head, after: Head) -> None:
    name = operation.surgery
    if not isinstance(after, Head):
        raise PluginFailed(f"surgery {name} gave a {type(after).__name__} instead of a Head")
    if after.names != before.names or after.weight.shape != before.weight.shape:
        raise PluginFailed(f"surgery {name} changed the rows or the width of a head; it may change numbers only")
    if broken := after.not_finite:
        raise PluginFailed(f"surgery {name} left row {broken[0]!r} with numbers that are not finite")
