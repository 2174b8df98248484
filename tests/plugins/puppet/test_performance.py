"""A film as it is played: frames, sound and what hides the face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cltool_plugins.puppet.cast import Role, role
from cltool_plugins.puppet.performance import perform
from cltool_plugins.puppet.stage import Stage

RATE, SOUND = 10, 16000
TRACE = np.column_stack([np.linspace(-1, 1, 30), np.linspace(1, -1, 30)])


@pytest.fixture(scope="module")
def own() -> Role:
    return role(0, 30, RATE, 0)


def test_every_frame_has_its_share_of_sound(stage: Stage, own: Role) -> None:
    moments = list(perform(own, TRACE, stage, 29.97, SOUND, 0))
    assert len(moments) == 30
    lengths = [len(moment.sound) for moment in moments]
    assert sum(lengths) == round(30 / 29.97 * SOUND)
    assert max(lengths) - min(lengths) <= 1
    assert all(moment.picture.flags.c_contiguous and moment.picture.dtype == np.uint8 for moment in moments)


def test_a_card_hides_the_face_while_it_is_said_to(stage: Stage, own: Role) -> None:
    assert own.hidden
    first, last = own.hidden
    hidden = list(perform(own, TRACE, stage, RATE, SOUND, 0))
    bare = list(perform(replace(own, hidden=None), TRACE, stage, RATE, SOUND, 0))
    changed = [bool((a.picture != b.picture).any()) for a, b in zip(hidden, bare, strict=True)]
    assert [n for n, moment in enumerate(hidden) if moment.hidden] == list(range(first, last + 1))
    assert [n for n, other in enumerate(changed) if other] == list(range(first, last + 1))
    middle = (first + last) // 2
    covered = (hidden[middle].picture != bare[middle].picture).any(-1)
    low, high = bare[middle].face.min(0).astype(int), bare[middle].face.max(0).astype(int)
    assert covered[low[1] : high[1], low[0] : high[0]].mean() > 0.98


def test_films_that_are_else_alike_move_blink_and_speak_in_their_own_way(stage: Stage, own: Role) -> None:
    one, other = (list(perform(replace(own, number=n), TRACE, stage, RATE, SOUND, 0)) for n in (0, 2))
    paths = [np.array([moment.anchors[0] for moment in film]) for film in (one, other)]
    assert abs(np.corrcoef(paths[0][:, 0], paths[1][:, 0])[0, 1]) < 0.9
    assert not np.allclose(one[0].sound, other[0].sound)
    lids = [[moment.face[41, 1] - moment.face[37, 1] for moment in film] for film in (one, other)]
    assert int(np.argmin(lids[0])) != int(np.argmin(lids[1]))


def test_it_is_signed_in_the_corner(stage: Stage, own: Role) -> None:
    dark = replace(own, light=replace(own.light, brightness=0.0), hidden=None)
    picture = next(perform(dark, TRACE, stage, RATE, SOUND, 0)).picture
    written = np.argwhere(picture.max(-1) > 128)
    assert len(written) > 30
    assert written.min(0)[0] > 0.85 * stage.size
    assert written.min(0)[1] > 0.5 * stage.size


def test_the_pulse_is_in_the_pictures(stage: Stage, own: Role) -> None:
    """On the cheek, before a film's encoder sees it; the head is held still so that nothing else changes."""
    still = replace(own, hidden=None, temper=replace(own.temper, reach={}), heart_rate=72.0)
    trace = np.tile([0.8, -1.0], (200, 1))
    greens = []
    for moment in perform(still, trace, stage, 20, SOUND, 0):
        x, y = moment.face[[2, 31]].mean(0).astype(int)
        greens.append(moment.picture[y - 5 : y + 6, x - 5 : x + 6, 1].mean())
    power = abs(np.fft.rfft(np.array(greens) - np.mean(greens))) ** 2
    hertz = np.fft.rfftfreq(200, 1 / 20)
    band = hertz > 0.6
    assert 60 * hertz[band][power[band].argmax()] == pytest.approx(72, abs=3.1)
