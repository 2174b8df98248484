"""Who plays in which film, and how: everything that differs between films, drawn by lot from seed and number alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cltool.video.films import Split
from cltool_plugins.puppet.bearing import Temper
from cltool_plugins.puppet.light import PULSE_SHARE, Light
from cltool_plugins.puppet.noise import lot
from cltool_plugins.puppet.voice import Voice

GROUP = 10  # films, of which two are for validation
VALIDATION = (1, 6)  # their places in a group: of two films one, of many a fifth
SUBJECTS = 5  # of a group, two films each; the last one plays in those for validation
UNLABELLED_S = 0.2  # seconds without labels in a film
HIDDEN_S = 0.4  # seconds in which the face is hidden, in every other film that lasts long enough
LONG_S = 3.0

Span = tuple[int, int]  # first and last of some frames, counted from 0


@dataclass(frozen=True)
class Subject:
    """A person: whether the portrait is turned left to right, the voice, and the heart's beats a minute at rest."""

    name: str
    mirrored: bool
    voice: Voice
    heart_rate: float


@dataclass(frozen=True)
class Role:
    """One film: its number, who plays, in which light and how, and which frames lack labels or hide the face."""

    number: int
    name: str
    split: Split
    subject: Subject
    light: Light
    temper: Temper
    heart_rate: float
    unlabelled: Span
    hidden: Span | None

    def hiding(self, frame: int) -> float | None:
        """How much of the time in which the face is hidden is over at a frame, 0 to 1; None where it is not hidden."""
        first, last = self.hidden or (0, -1)
        return (frame - first) / max(last - first, 1) if first <= frame <= last else None

    @property
    def told(self) -> dict[str, Any]:
        """All of it for a JSON file, the subject by name."""
        own = {name: value for name, value in asdict(self).items() if name not in ("number", "name", "subject")}
        person = asdict(self.subject)
        return {"subject": person.pop("name"), **own, **person, "heart_rate": self.heart_rate, "pulse": PULSE_SHARE}


def subject(number: int, seed: int) -> Subject:
    """The person of a number. Every other one is mirrored."""
    rng = lot(seed, "subject", number)
    return Subject(f"subject-{number:02d}", bool(number % 2), Voice.drawn(rng), round(float(rng.uniform(56, 96)), 1))


def role(number: int, frames: int, rate: float, seed: int) -> Role:
    """What the film of a number is like; it depends on no other film, nor on how many there are.

    >>> [role(n, 100, 25, 0).split for n in range(4)]
    ['train', 'validation', 'train', 'train']
    """
    rng = lot(seed, "film", number)
    group, place = divmod(number, GROUP)
    validation = place in VALIDATION
    inside = SUBJECTS - 1 if validation else [p for p in range(GROUP) if p not in VALIDATION].index(place) // 2
    person = subject(group * SUBJECTS + inside, seed)
    light, temper = Light.drawn(rng), Temper.drawn(rng)
    heart_rate = round(person.heart_rate * float(rng.uniform(0.95, 1.1)), 1)
    hides = number % 2 == 0 and frames >= LONG_S * rate
    return Role(
        number=number,
        name=f"synthetic-{number:03d}",
        split="validation" if validation else "train",
        subject=person,
        light=light,
        temper=temper,
        heart_rate=heart_rate,
        unlabelled=_span(rng, frames, UNLABELLED_S * rate),
        hidden=_span(rng, frames, HIDDEN_S * rate) if hides else None,
    )


def _span(rng: np.random.Generator, frames: int, length: float) -> Span:
    """First and last frame of so many, somewhere between the film's second and last frame but one."""
    length = max(1, min(round(length), frames - 2))
    first = int(rng.integers(1, frames - length))
    return first, first + length - 1
