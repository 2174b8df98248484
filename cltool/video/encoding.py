"""Films written frame by frame, so that they play anywhere: H.264 and AAC in an mp4 that a browser starts at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cltool.files import replacing
from cltool.video.modalities import Picture

QUALITY = "18"  # x264's constant rate factor: hard to tell from the original


class FilmWriter:
    """A film under way; `film_writer` opens one."""

    def __init__(self, container: Any, pictures: Any, sound: Any) -> None:
        self._container, self._pictures, self._sound = container, pictures, sound
        self._heard = 0
        self._waiting = np.zeros(0, np.float32)

    def write(self, picture: Picture) -> None:
        """Add a frame, uint8 [H, W, 3], RGB; sides are made even by repeating the last row or column."""
        import av

        high, wide = self._pictures.height, self._pictures.width
        if picture.shape[:2] != (high, wide):
            spare = ((0, high - picture.shape[0]), (0, wide - picture.shape[1]), (0, 0))
            picture = np.pad(picture, spare, mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        self._container.mux(self._pictures.encode(frame))

    def hear(self, samples: NDArray[np.float32]) -> None:
        """Add sound, float32 [n], mono, in [-1, 1]; it starts with the first frame."""
        self._waiting = np.concatenate([self._waiting, samples.astype(np.float32)])
        size = self._sound.codec_context.frame_size or 1024
        while len(self._waiting) >= size:
            self._hear(self._waiting[:size])
            self._waiting = self._waiting[size:]

    def _hear(self, samples: NDArray[np.float32]) -> None:
        import av

        shown = np.ascontiguousarray(samples.clip(-1, 1)[None])
        frame = av.AudioFrame.from_ndarray(shown, format="fltp", layout="mono")
        frame.sample_rate = self._sound.rate
        frame.pts, frame.time_base = self._heard, Fraction(1, self._sound.rate)
        self._heard += len(samples)
        self._container.mux(self._sound.encode(frame))

    def _finish(self) -> None:
        if self._sound is not None:
            if len(self._waiting):
                self._hear(self._waiting)
            self._container.mux(self._sound.encode(None))
        self._container.mux(self._pictures.encode(None))


@contextmanager
def film_writer(
    path: Path,
    width: int,
    height: int,
    rate: float,
    sound_rate: int | None = None,
    told: Mapping[str, str] | None = None,
) -> Iterator[FilmWriter]:
    """Open a film of `rate` frames a second for writing; it is whole or not there.

    `sound_rate` in Hz where it has sound. `told`: the container's own words about it (title, comment).

    >>> import tempfile
    >>> from cltool.video.decoding import probe
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "grey.mp4")
    ...     with film_writer(path, 33, 32, 25) as film:
    ...         for _ in range(3):
    ...             film.write(np.full((32, 33, 3), 128, np.uint8))
    ...     facts = probe(path)
    >>> facts.width, facts.height, facts.frames, facts.rate
    (34, 32, 3, 25.0)
    """
    import av

    with (
        replacing(path) as scratch,
        av.open(str(scratch), "w", format="mp4", options={"movflags": "+faststart"}) as container,
    ):
        container.metadata.update(told or {})
        pictures: Any = container.add_stream("libx264", rate=Fraction(rate).limit_denominator(100_000))
        pictures.width, pictures.height = width + width % 2, height + height % 2
        pictures.pix_fmt = "yuv420p"
        pictures.options = {"crf": QUALITY, "preset": "veryfast"}
        sound: Any = container.add_stream("aac", rate=sound_rate, layout="mono") if sound_rate else None
        writer = FilmWriter(container, pictures, sound)
        yield writer
        writer._finish()
