"""The film with the circle beside it: a frame for each, its sound, at a size at which words can be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cltool.report.overlays import LOWEST, WIDEST, Placing, moments, write_overlay
from cltool.video.decoding import probe, read_frames, read_sound
from cltool.video.encoding import film_writer

Film = Callable[..., Path]


@pytest.fixture
def film(tmp_path: Path) -> Film:
    """Writes a film of ten grey frames, each brighter than the one before, with a tone."""

    def make(width: int = 90, height: int = 60, **told: str) -> Path:
        path = tmp_path / "in.mp4"
        tone = (np.sin(2 * np.pi * 440 * np.arange(1600) / 16_000) / 2).astype(np.float32)
        with film_writer(path, width, height, 10, 16_000, told) as writer:
            for number in range(10):
                writer.write(np.full((height, width, 3), 60 + 15 * number, np.uint8))
                writer.hear(tone)
        return path

    return make


def overlay(source: Path, annotated: bool = False) -> Path:
    out = source.parent / "out.mp4"
    times = np.arange(10) / 10
    predicted = np.stack([np.linspace(-0.8, 0.8, 10), np.zeros(10)], 1).astype(np.float32)
    predicted[4] = np.nan
    write_overlay(source, probe(source), out, times, predicted, -predicted if annotated else None)
    return out


def test_every_frame_has_its_own_picture_and_point(film: Film) -> None:
    out = overlay(film())
    facts = probe(out)
    assert (facts.width, facts.height, facts.frames, facts.rate) == (810 + 432, LOWEST, 10, 10)
    for number, (_, picture) in enumerate(read_frames(out)):
        assert picture is not None
        assert picture[:, :800].mean() == pytest.approx(60 + 15 * number, abs=3)
        panel = picture[190:205, 810:].astype(int)  # the line on which the points are
        blue = (panel[..., 2] - panel[..., 0] > 120).any(0).nonzero()[0]
        if number == 4:
            assert not len(blue)
        else:
            assert (blue.max() > 216) == (number > 4)  # to the right of the circle's middle


def test_sound_goes_on_as_it_was(film: Film) -> None:
    source = film()
    heard, given = (np.concatenate(list(read_sound(path, 16_000))) for path in (overlay(source), source))
    assert probe(source.parent / "out.mp4").sound_rate == 16_000
    assert abs(len(heard) - len(given)) < 3000
    common = slice(2000, 14_000)
    assert np.corrcoef(heard[common], given[common])[0, 1] > 0.99


def test_browsers_can_play_it_while_it_loads(film: Film) -> None:
    import av

    path = overlay(film(91, 61), annotated=True)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert container.streams.audio[0].codec_context.name == "aac"
        assert stream.width % 2 == stream.height % 2 == 0
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


@pytest.mark.slow
def test_a_film_that_calls_itself_synthetic_stays_so(film: Film) -> None:
    marked = overlay(film(comment="synthetic: made by a program"))
    assert probe(marked).told["comment"] == "synthetic: made by a program"
    shown = next(read_frames(marked)).picture
    bare = next(read_frames(overlay(film()))).picture
    assert shown is not None
    assert bare is not None
    foot = (slice(500, 530), slice(1050, None))
    assert np.abs(shown[foot].astype(int) - bare[foot]).max() > 100


@pytest.mark.parametrize("size", [(16, 16), (112, 112), (360, 288), (1080, 1920), (3840, 2160), (3000, 20), (20, 3000)])
def test_whatever_its_size_a_film_fits_and_keeps_its_shape(size: tuple[int, int]) -> None:
    placing = Placing.of(*size)
    wide, high = placing.size
    assert LOWEST <= placing.height <= 1080
    assert wide <= WIDEST
    assert placing.height % 2 == 0
    assert wide / high == pytest.approx(size[0] / size[1], rel=0.15)
    page = np.zeros((placing.height, wide + 10, 3), np.uint8)
    placing.put(np.full((size[1], size[0], 3), 200, np.uint8), page)
    assert (page == 200).all(2).sum() == wide * high


def test_a_trail_is_a_second_of_predictions_and_few_pieces() -> None:
    values = np.arange(1000, dtype=np.float32).repeat(2).reshape(-1, 2) / 1000
    for rate, pieces in ((10, 11), (25, 26), (240, 31)):
        last = list(moments(np.arange(1000) / rate, values, None, rate))[-1]
        assert len(last.trail) == pieces
        assert last.trail[-1, 0] == pytest.approx(0.999)
        assert last.trail[0, 0] == pytest.approx(0.999 - rate / 1000, abs=0.01)
