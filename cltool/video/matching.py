"""Labels and frames brought together, by number; what does not fit is told."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cltool.video.films import OUTPUTS, Labels

RATE_TOLERANCE = 0.01  # share by which the rates of labels and frames may differ untold: 29.97 is 30


def matched(labels: Labels, frames: int, rate: float) -> tuple[NDArray[np.float32], list[str]]:
    """Valence and arousal of a film's frames: float32 [frames, 2], a row of NaN where there is no label.

    Row i belongs to frame i, whatever the rates say: both were counted from the film's first frame. `frames`: how many
    there are; `rate`: of them per second. The lines tell what is odd about the labels' file, how many labels or frames
    are left over, and rates that differ by more than 1 %.

    >>> from pathlib import Path
    >>> labels = Labels(np.zeros((3, 2), np.float32), Path("a.txt"), rate=20)
    >>> values, lines = matched(labels, 2, 25)
    >>> values.shape, lines
    ((2, 2), ['a.txt: 3 labels for 2 frames; the last label is left out',
              'a.txt: 20 labels a second, 25 frames; they are matched by number'])
    """
    values = np.full((frames, len(OUTPUTS)), np.nan, np.float32)
    common = min(len(labels), frames)
    given = labels.given[:common]
    values[:common][given] = labels.values[:common][given]
    lines = [*labels.notes]
    if odd := told_count(len(labels), frames):
        lines.append(f"{labels.path}: {odd}")
    if odd := told_rates(labels.rate, rate):
        lines.append(f"{labels.path}: {odd}")
    return values, lines


def told_count(labels: int, frames: int) -> str:
    """What becomes of labels and frames that differ in number; nothing to tell where they do not.

    >>> told_count(1224, 1220), told_count(1220, 1220)
    ('1224 labels for 1220 frames; the last 4 labels are left out', '')
    >>> told_count(1, 2)
    '1 label for 2 frames; the last frame has none'
    """
    if labels == frames:
        return ""
    over = abs(labels - frames)
    what = _counted(labels, "label"), _counted(frames, "frame")
    if labels > frames:
        rest = "the last label is" if over == 1 else f"the last {over} labels are"
        return f"{what[0]} for {what[1]}; {rest} left out"
    rest = "the last frame has" if over == 1 else f"the last {over} frames have"
    return f"{what[0]} for {what[1]}; {rest} none"


def told_rates(labels: float | None, frames: float) -> str:
    """What becomes of labels and frames whose rates, per second, differ by more than 1 %; nothing where they do not.

    `labels`: None where their file tells no rate.

    >>> told_rates(20, 25), told_rates(29.97, 30), told_rates(None, 30)
    ('20 labels a second, 25 frames; they are matched by number', '', '')
    """
    if labels is None or abs(labels - frames) <= RATE_TOLERANCE * frames:
        return ""
    return f"{labels:.4g} labels a second, {frames:.4g} frames; they are matched by number"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")
