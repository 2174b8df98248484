"""Light, skin and pulse."""

from __future__ import annotations

import numpy as np
import pytest

from cltool_plugins.puppet.light import Light, pulse, skin
from cltool_plugins.puppet.noise import lot
from cltool_plugins.puppet.portrait import Portrait


def test_skin_is_cheeks_brow_and_neck_but_not_hair_teeth_nor_jacket(portrait: Portrait) -> None:
    bare = skin(portrait.picture, portrait.face).astype(float)
    face = portrait.face

    def share(place: np.ndarray) -> float:
        x, y = place.round().astype(int)
        return float(bare[y - 1 : y + 2, x - 1 : x + 2].mean() / 255)

    eye = np.hypot(*(face[45] - face[36]))
    assert share((face[2] + 2 * face[31]) / 3) > 0.7
    assert share((face[14] + 2 * face[35]) / 3) > 0.7
    assert share(face[27] - (0, 0.2 * eye)) > 0.6  # the brow
    assert share(face[8] - (0, 0.15 * eye)) > 0.6  # the chin
    assert share(face[27] - (0, 0.8 * eye)) < 0.1  # hair
    assert share(face[[62, 66]].mean(0)) < 0.3  # teeth
    assert share(face[8] + (0, 0.6 * eye)) < 0.1  # the collar
    assert share(np.array([12.0, 12.0])) == 0


@pytest.mark.parametrize("rate", [50.0, 72.0, 110.5])
def test_the_heart_beats_as_often_as_is_said(rate: float) -> None:
    times = np.arange(30 * 25) / 25
    power = abs(np.fft.rfft(pulse(times, rate))) ** 2
    assert np.fft.rfftfreq(len(times), 1 / 25)[power.argmax()] * 60 == pytest.approx(rate, abs=1.1)
    assert abs(pulse(times, rate)).max() <= 1


def test_light_has_brightness_warmth_and_a_side() -> None:
    gains = Light(brightness=0.8, warmth=0.1, slope=0.2, angle=0.0).gains(64)
    np.testing.assert_allclose(gains.mean((0, 1)), [0.88, 0.8, 0.72], rtol=1e-5)
    np.testing.assert_allclose(gains[:, -1, 1] / gains[:, 0, 1], 1.1 / 0.9, rtol=1e-5)
    np.testing.assert_allclose(gains[0], gains[-1], rtol=1e-6)


def test_films_differ_in_light() -> None:
    lights = [Light.drawn(lot(0, film)) for film in range(20)]
    for name in ("brightness", "warmth", "slope", "angle"):
        assert len({getattr(light, name) for light in lights}) > 15
    assert all(light.gains(8).min() > 0.3 for light in lights)
