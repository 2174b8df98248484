"""How strategies are told apart in pictures: by colour, by mark and by dash, so that a grey print will do, too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cltool.report.figures import BLUE, GREEN, ORANGE, PINK, RED, SKY
from cltool.report.runs import Group, in_order

COLOURS = (BLUE, ORANGE, GREEN, RED, PINK, SKY, "#000000")
# matplotlib's letters, and plotly's names for the same
MARKS = (
    ("o", "circle"),
    ("s", "square"),
    ("^", "triangle-up"),
    ("D", "diamond"),
    ("v", "triangle-down"),
    ("P", "cross"),
    ("X", "x"),
    ("*", "star"),
)
LEADING = 6  # strategies with the highest scores, which are brought out among many
DASHES = (("-", "solid"), ("--", "dash"), ("-.", "dashdot"), (":", "dot"))


@dataclass(frozen=True)
class Style:
    """Colour by number, so that a dark page can have another; mark and dash as matplotlib and plotly spell them."""

    number: int
    mark: tuple[str, str]
    dash: tuple[str, str]
    leading: bool

    @property
    def colour(self) -> str:
        """On white."""
        return COLOURS[self.number]


def style(place: int) -> Style:
    """The style of the strategy at a place; the first 56 differ in colour or mark, neighbours in both.

    >>> len({(style(place).colour, style(place).mark) for place in range(56)})
    56
    """
    dash = DASHES[place // len(COLOURS) % len(DASHES)]
    return Style(place % len(COLOURS), MARKS[place % len(MARKS)], dash, place < LEADING)


def styled(groups: Sequence[Group]) -> list[tuple[Group, Style]]:
    """The groups of a setting in their order, each with the style that it has in every picture."""
    return [(group, style(place)) for place, group in enumerate(in_order(groups))]
