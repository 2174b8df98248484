"""Making and saving figures without a display, in colours that the colour-blind can tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cltool.errors import CallError
from cltool.files import check_free_file, replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURES = (".png", ".jpg", ".svg", ".pdf")

# Okabe & Ito 2008
BLUE, ORANGE, GREEN, PINK, SKY, RED, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#666666",
)


def check_picture(path: Path, force: bool = False) -> None:
    """Raise CallError for a file name that no picture can have, or has already unless `force` is given."""
    if path.suffix not in PICTURES:
        raise CallError(f"a picture must end in {', '.join(PICTURES)}, not as {path}")
    check_free_file(path, force)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure in inches; matplotlib.pyplot, which looks for a display, is not imported.

    Margins are the caller's: working them out takes matplotlib longer than drawing.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height))


def save_figure(figure: Figure, paths: Sequence[Path]) -> None:
    """Write a figure under every path, its format by the suffix; never half a file."""
    from matplotlib import rc_context

    with rc_context({"svg.hashsalt": "cltool", "svg.fonttype": "none"}):
        for path in paths:
            # a date would make two pictures of the same numbers differ
            options: dict[str, Any] = {"metadata": {"Date": None}} if path.suffix == ".svg" else {}
            with replacing(path) as scratch:
                figure.savefig(scratch, dpi=150, **options)
