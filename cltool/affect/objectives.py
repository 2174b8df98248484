"""What a training lowers: one loss, or a weighted sum of several, as a person spells it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cltool.errors import CallError
from cltool.plugin import Configured, Spec

if TYPE_CHECKING:
    from torch import Tensor

    from cltool.catalogue import Catalogue

_WEIGHTED = re.compile(r"([^:*]*)\*(.*)", re.DOTALL)  # an option's value may hold an asterisk, a loss' name does not


@dataclass(frozen=True)
class Objective:
    """Losses with their weights, to be summed; `str` gives the spelling that `parse` reads.

    >>> from cltool import discover
    >>> objective = Objective.parse("ccc + 0.5*non-inertial:variant=main", discover())
    >>> str(objective), [weight for weight, _ in objective.terms]
    ('ccc+0.5*non-inertial:variant=main', [1.0, 0.5])
    """

    terms: tuple[tuple[float, Configured], ...]

    @classmethod
    def parse(cls, text: str, catalogue: Catalogue) -> Objective:
        """Read `[WEIGHT*]LOSS[:key=value,…][+…]`; a loss without a weight has 1. No option's value may hold a `+`.

        Raises CallError: a part that is empty, a loss that is not there, an option that does not fit, a weight that is
        no positive number, or the same loss with the same options twice.
        """
        terms: list[tuple[float, Configured]] = []
        for part in text.split("+"):
            if not part.strip():
                raise CallError(f"loss {text!r}: an empty part; spell it LOSS+WEIGHT*LOSS, such as ccc+0.5*mse")
            weighted = _WEIGHTED.fullmatch(part)
            weight = _weight(weighted[1], text) if weighted else 1.0
            loss = catalogue.configure("loss", Spec.parse((weighted[2] if weighted else part).strip()))
            if any(_same(loss, other) for _, other in terms):
                raise CallError(f"loss {text!r}: {loss} is there twice; give it once, with the sum of its weights")
            terms.append((weight, loss))
        return cls(tuple(terms))

    def __call__(self, prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """Prediction and target [B, S, K], mask [B, S], True = valid → the weighted sum, a scalar."""
        first, *others = (weight * loss(prediction=prediction, target=target, mask=mask) for weight, loss in self.terms)
        return sum(others, start=first)

    def __str__(self) -> str:
        return "+".join(_spelled(weight, loss) for weight, loss in self.terms)


def _weight(text: str, whole: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        raise CallError(f"loss {whole!r}: weight {text.strip()!r} is no number; spell it 0.5*LOSS") from None
    if not (math.isfinite(weight) and weight > 0):
        raise CallError(f"loss {whole!r}: weight {text.strip()!r} is not a positive number")
    return weight


def _same(one: Configured, other: Configured) -> bool:
    return one.plugin.name == other.plugin.name and dict(one.options) == dict(other.options)


def _spelled(weight: float, loss: Configured) -> str:
    """A term as `parse` reads it: without a weight of 1, and 1e+20 as 1e20."""
    text = str(loss) if weight == 1 else f"{weight!r}*{loss}"
    return text.replace("e+", "e")
