"""One film played: what a portrait shows and says in every frame, and what is known of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cltool.video.modalities import Picture
from cltool_plugins.puppet.cast import Role
from cltool_plugins.puppet.expression import blinks
from cltool_plugins.puppet.fields import eased
from cltool_plugins.puppet.light import PULSE_SHARE, pulse
from cltool_plugins.puppet.noise import lot
from cltool_plugins.puppet.points import Points
from cltool_plugins.puppet.stage import Stage
from cltool_plugins.puppet.voice import Speech

SLIDE = 0.25  # of the time in which the face is hidden, until the card is all the way up
CARD = (214, 209, 198)
LINES = (150, 146, 138)
MARK = "synthetic"


class Moment(NamedTuple):
    """A frame of a film: its picture, uint8 [S, S, 3], its sound, float32 [n], and where its points are, in pixels.

    `face` [70, 2], `body` [25, 2] with NaN for what is not in the picture, `anchors` [4, 2] for an aligned crop.
    `hidden`: something is before the face.
    """

    picture: Picture
    sound: NDArray[np.float32]
    face: Points
    body: Points
    anchors: Points
    hidden: bool


def perform(
    role: Role, trace: NDArray[np.float64], stage: Stage, rate: float, sound_rate: int, seed: int
) -> Iterator[Moment]:
    """Play a film frame by frame: valence and arousal as in `trace` [T, 2], `rate` a second, on the role's stage."""
    valence, arousal = trace.T
    times = np.arange(len(trace)) / rate
    speech = Speech(role.subject.voice, valence, arousal, rate, seed, role.number)
    lids = blinks(lot(seed, "blinks", role.number), len(trace), rate)
    expressions = stage.expressions(valence, arousal, lids, speech.opening(times))
    bearings = stage.bearings(role.temper.path(arousal, rate, lot(seed, "path", role.number)))
    beats = PULSE_SHARE * pulse(times, role.heart_rate)
    gains = role.light.gains(stage.size)
    cuts = np.rint(np.arange(len(trace) + 1) / rate * sound_rate).astype(int)
    for frame, (bearing, expression) in enumerate(zip(bearings, expressions, strict=True)):
        pose = stage.pose(bearing, expression)
        picture = stage.picture(bearing, expression, pose, gains, float(beats[frame]))
        hiding = role.hiding(frame)
        if hiding is not None:
            _hold_card(picture, pose.face, hiding, gains)
        _sign(picture)
        sound = speech.samples(cuts[frame], cuts[frame + 1], sound_rate)
        yield Moment(picture, sound, pose.face, pose.body, pose.anchors, hiding is not None)


def _hold_card(picture: Picture, face: Points, share: float, gains: NDArray[np.float32]) -> None:
    """Draw, in place, a sheet of paper that comes up before the face and goes again as `share` goes from 0 to 1."""
    import cv2

    up = float(eased(np.array(min(share, 1 - share) / SLIDE + 0.35)))
    size = len(picture)
    left, right = (round(x) for x in (face[:, 0].min() - 0.08 * size, face[:, 0].max() + 0.08 * size))
    top, bottom = face[:, 1].min() - 0.16 * size, face[:, 1].max() + 0.1 * size
    down = round((1 - up) * (bottom - top))
    top, bottom = round(top) + down, round(bottom) + down
    sheet = picture.copy()
    cv2.rectangle(sheet, (left, top), (right, bottom), CARD, -1)
    cv2.rectangle(sheet, (left, top), (right, bottom), LINES, 1)
    for y in range(top + size // 16, bottom, size // 24):
        cv2.line(sheet, (left + size // 30, y), (right - size // 30, y), LINES, 1)
    where = (slice(max(top, 0), bottom + 1), slice(max(left, 0), right + 1))
    picture[where] = (sheet[where] * gains[where]).clip(0, 255).astype(np.uint8)


def _sign(picture: Picture) -> None:
    """Write, in place, into the corner below that this is synthetic."""
    import cv2

    size = len(picture)
    scale = max(0.3, size / 900)
    (wide, _), base = cv2.getTextSize(MARK, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    place = (size - wide - 4, size - base - 2)
    for colour, thick in (((0, 0, 0), 2), ((255, 255, 255), 1)):
        cv2.putText(picture, MARK, place, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thick, cv2.LINE_AA)
