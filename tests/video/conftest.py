"""Films for tests: small ones, written in a moment, whose frames tell their own number."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from cltool.video.modalities import Picture

WIDTH, HEIGHT = 96, 64


def _numbered(number: int) -> Picture:
    """A picture whose left half is as bright as its number is high, red in its upper left corner."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[:, : WIDTH // 2] = min(255, 8 * number)
    picture[: HEIGHT // 4, : WIDTH // 4] = (255, 0, 0)
    return picture


@pytest.fixture
def number_of() -> Callable[[Picture], int]:
    """Reads the number that a frame of such a film tells."""

    def read(picture: Picture) -> int:
        high, wide = picture.shape[:2]
        return round(float(picture[-high // 3 :, 4 : wide // 3].mean()) / 8)

    return read


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., Path]:
    """Writes a film of numbered frames and a tone.

    `times`: milliseconds of its frames, 25 a second unless given. `sound_rate`: in Hz, None for a silent one;
    `channels` of it; `late`: seconds by which sound begins after the first frame. The container follows from the name.
    """

    def make(
        name: str = "film.mp4",
        frames: int = 24,
        times: Sequence[int] | None = None,
        sound_rate: int | None = 16_000,
        channels: str = "mono",
        late: float = 0.0,
        codecs: tuple[str, str] = ("libx264", "aac"),
    ) -> Path:
        path = tmp_path / name
        times = times or [40 * number for number in range(frames)]
        with av.open(str(path), "w", options={"movflags": "+faststart"} if path.suffix == ".mp4" else {}) as container:
            pictures = container.add_stream(codecs[0], rate=25)
            pictures.width, pictures.height, pictures.pix_fmt = (
                WIDTH,
                HEIGHT,
                "yuvj420p" if codecs[0] == "mjpeg" else "yuv420p",
            )
            timed = codecs[0] == "libx264" and path.suffix != ".avi"
            pictures.codec_context.time_base = Fraction(1, 1000) if timed else Fraction(1, 25)
            if codecs[0] == "libx264":
                pictures.options = {"crf": "10"}
            else:
                pictures.bit_rate = 2_000_000
            sound = container.add_stream(codecs[1], rate=sound_rate, layout=channels) if sound_rate else None
            for number, time in enumerate(times):
                frame = av.VideoFrame.from_ndarray(_numbered(number), format="rgb24")
                unit = pictures.codec_context.time_base
                frame.pts, frame.time_base = round(Fraction(time, 1000) / unit), unit
                container.mux(pictures.encode(frame))
            container.mux(pictures.encode(None))
            if sound is not None:
                _hear(container, sound, tone(times[-1] / 1000 + 0.04 - late, sound_rate), late)
        return path

    return make


def tone(seconds: float, rate: int) -> NDArray[np.float32]:
    """A tone of 1 kHz at half the full scale."""
    return (np.sin(2 * np.pi * 1000 * np.arange(round(seconds * rate)) / rate) / 2).astype(np.float32)


def _hear(container: av.container.OutputContainer, stream: av.AudioStream, samples: NDArray, late: float) -> None:
    rate, size = stream.rate, stream.codec_context.frame_size or 1024
    for begin in range(0, len(samples), size):
        part = samples[begin : begin + size]
        shown = np.repeat(part[None], stream.codec_context.layout.nb_channels, 0)
        if not stream.codec_context.format.is_planar:
            shown = shown.T.reshape(1, -1)
        if (kind := stream.codec_context.format.name[:3]) in ("s16", "s32"):
            whole = np.int16 if kind == "s16" else np.int32
            shown = (shown.astype(np.float64) * np.iinfo(whole).max).astype(whole)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(shown), stream.codec_context.format.name, stream.codec_context.layout.name
        )
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        frame.pts = begin + round(late * rate)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


@pytest.fixture
def turned(tmp_path: Path) -> Callable[[Path], Path]:
    """Copies an mp4 whose track says that it is to be shown turned by 90° clockwise, as telephones write it."""

    def turn(path: Path) -> Path:
        content = bytearray(path.read_bytes())
        place = content.index(b"tkhd") + 44
        content[place : place + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, HEIGHT << 16, 0, 1 << 30)
        copy = tmp_path / f"turned-{path.name}"
        copy.write_bytes(content)
        return copy

    return turn
