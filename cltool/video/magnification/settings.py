"""What is magnified, how much, and whether a film allows it: plain numbers, checked before any picture is read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from cltool.errors import CallError

Method = Literal["colour", "motion"]
Filter = Literal["ideal", "butterworth"]

COLOUR_LEVELS = 4  # a pixel of the fourth level is 16 × 16 of the picture: noise is averaged out, a face still in parts
FINEST_PX = 4.0  # a pyramid's finest level holds wavelengths up to this, the next ones up to 8, 16, …


@dataclass(frozen=True)
class Settings:
    """How a film is magnified. Raises CallError for numbers that no film allows.

    `method`: `colour` magnifies slow changes of large areas (a level of a Gaussian pyramid), `motion` those of the
    levels of a Laplacian pyramid, which moving edges make. `filter`: `ideal` cuts the spectrum of long stretches of
    film, `butterworth` is causal and gives every picture back at once. `low`, `high`: the band in Hz. `alpha` ≥ 0: what
    is found in the band is added so many times, so that a change becomes 1 + alpha times as large. `cutoff`: λ_c in
    pixels, of `motion`: shorter wavelengths are magnified less (see `level_alphas`). `chroma`: share of alpha that
    acts on the chroma of YIQ, 0 to 1. `levels`: how often the picture is halved; by default 4 times for `colour`, and
    down to a single row or column for `motion`. `reference_compat`: cut the spectrum as the authors' MATLAB program
    does: positive frequencies only, which halves what is added, and no frequency on the band's edge.

    >>> Settings(low=3, high=1)
    Traceback (most recent call last):
    cltool.errors.CallError: low 3 Hz is not below high 1 Hz; exchange them
    """

    method: Method = "colour"
    filter: Filter = "ideal"
    low: float = 0.8
    high: float = 3.0
    alpha: float = 5.0
    cutoff: float = 16.0
    chroma: float = 1.0
    levels: int | None = None
    reference_compat: bool = False

    def __post_init__(self) -> None:
        for name, value, known in (("method", self.method, Method), ("filter", self.filter, Filter)):
            if value not in get_args(known):
                raise CallError(f"{name} {value!r}: give {' or '.join(get_args(known))}")
        for name in ("low", "high", "alpha", "cutoff"):
            value = getattr(self, name)
            least = "zero or more" if name == "alpha" else "more than zero"
            if not math.isfinite(value) or value < 0 or (value == 0 and name != "alpha"):
                raise CallError(f"{name} {value:g}: give {least}")
        if self.low >= self.high:
            raise CallError(f"low {self.low:g} Hz is not below high {self.high:g} Hz; exchange them")
        if not 0 <= self.chroma <= 1:
            raise CallError(f"chroma {self.chroma:g}: give a share between 0 and 1")
        if self.levels is not None and self.levels < self.fewest_levels:
            raise CallError(f"levels {self.levels}: {self.method} needs {self.fewest_levels} or more")
        if self.reference_compat and self.filter != "ideal":
            raise CallError("reference_compat is a way of the ideal filter; leave it out, or take filter ideal")

    @property
    def fewest_levels(self) -> int:
        """Motion leaves the finest level and what lies below the coarsest as they are, so that 2 are needed."""
        return 1 if self.method == "colour" else 2

    def depth(self, width: int, height: int) -> int:
        """How often pictures of a size are halved.

        >>> COLOUR.depth(360, 288), MOTION.depth(360, 288)
        (4, 9)
        """
        if self.levels is not None:
            return self.levels
        return min(COLOUR_LEVELS, deepest(width, height)) if self.method == "colour" else deepest(width, height)

    def check(self, width: int, height: int, rate: float, frames: int | None = None) -> None:
        """Raise CallError unless a film can be magnified so: its size in pixels, frames per second and how many.

        Their number may be unknown: a film that turns out too short for the band is given back as it is.

        >>> COLOUR.check(360, 288, 5)
        Traceback (most recent call last):
        cltool.errors.CallError: high 3 Hz needs more than 6 frames per second, and the film has 5; take high below 2.5
        """
        most, size = deepest(width, height), f"{width}×{height} pixels"
        if most < self.fewest_levels:
            raise CallError(f"pictures of {size} are too small for {self.method}")
        if self.depth(width, height) > most:
            raise CallError(f"levels {self.levels} are too many for {size}; take {most} or fewer")
        if self.high >= rate / 2:
            raise CallError(
                f"high {self.high:g} Hz needs more than {2 * self.high:g} frames per second, and the film has "
                f"{rate:g}; take high below {rate / 2:g}"
            )
        if frames is not None:
            self._check_length(frames, rate)
        if self.method == "motion" and self.alpha and not any(level_alphas(self, most)):
            raise CallError(f"cutoff {self.cutoff:g} px leaves nothing of {size} to magnify; take a smaller one")

    def _check_length(self, frames: int, rate: float) -> None:
        if frames < 2:
            raise CallError("a film of a single frame has no changes to magnify")
        if self.filter == "ideal" and not any(in_band(self, n * rate / frames) for n in range(frames // 2 + 1)):
            raise CallError(
                f"{frames / rate:.3g} s of film tell nothing of {self.low:g} to {self.high:g} Hz; take a longer film, "
                "a wider band, or filter butterworth"
            )


COLOUR = Settings()
MOTION = Settings(method="motion", high=5.0, chroma=0.1)  # chroma as in the paper's programs for faces
DEFAULTS: Mapping[Method, Settings] = {"colour": COLOUR, "motion": MOTION}


def deepest(width: int, height: int) -> int:
    """How often a picture can be halved until a side has a single pixel.

    >>> deepest(360, 288), deepest(1, 5)
    (9, 0)
    """
    return (min(width, height) - 1).bit_length()


def in_band(settings: Settings, frequency: float) -> bool:
    """Whether the ideal filter lets a frequency in Hz through.

    >>> in_band(COLOUR, 0.8), in_band(Settings(reference_compat=True), 0.8)
    (True, False)
    """
    margin = -1e-9 if settings.reference_compat else 1e-9  # of Hz: 24 · 30 / 900 is not quite 0.8
    return settings.low - margin <= frequency <= settings.high + margin


def level_alphas(settings: Settings, depth: int) -> list[float]:
    """What each level of a Laplacian pyramid is multiplied by, finest first (Wu et al. 2012, eq. 14 and fig. 6).

    A wave of λ pixels that moves by δ is magnified truly while (1 + α) δ < λ / 8. `cutoff` is the wavelength at which
    this holds just so, which makes δ = λ_c / (8 (1 + α)); a level of shorter waves gets the α that its own λ allows,
    λ / (8 δ) − 1. Level l holds wavelengths from 2 · 2ˡ to 4 · 2ˡ; the longest is taken for λ. (The authors' program
    takes 2.1 to 2.9 · 2ˡ, by the picture's size, and then doubles what the bound allows.) The finest level, which is
    mostly noise, gets none.

    >>> level_alphas(MOTION, 5)
    [0.0, 2.0, 5.0, 5.0, 5.0]
    """
    alpha, allowed = settings.alpha, (1 + settings.alpha) / settings.cutoff
    return [0.0, *(min(alpha, max(0.0, FINEST_PX * 2**level * allowed - 1)) for level in range(1, depth))]
