"""Films frame by frame and their sound block by block, whatever the container; memory does not grow with length."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cltool.errors import CallError
from cltool.video.modalities import Picture

if TYPE_CHECKING:
    from av.container import InputContainer

Note = Callable[[str], None]  # is told, in a line, what was wrong with a film that is read all the same

FILM_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".ts", ".3gp"}
)
RATE = 30.0  # frames per second of numbered pictures whose film is not there to ask
NUMBERED = re.compile(r"(\d+)\.(jpg|jpeg|png|bmp)", re.IGNORECASE)
NO_PICTURES = "holds no frame that can be read; give another film"
GAP_S = 0.05  # seconds that sound's time stamps may differ from the samples counted before silence is put in


class Frame(NamedTuple):
    """A frame: `time` in seconds from the film's first, and its `picture`, None where a numbered one is missing."""

    time: float
    picture: Picture | None


@dataclass(frozen=True)
class FilmFacts:
    """What a film's container tells before it is read.

    `width` and `height` in pixels, as shown (rotation applied). `rate`: mean frames per second. `frames`, `seconds`:
    how long it says it is, None where it does not. `sound_rate` in Hz, None for a silent film.
    """

    width: int
    height: int
    rate: float
    frames: int | None = None
    seconds: float | None = None
    sound_rate: int | None = None


def _unheard(message: str) -> None:
    """Nobody is told."""


def probe(path: Path, rate: float | None = None) -> FilmFacts:
    """What a film, or a folder of numbered pictures, says of itself; its first frame is decoded.

    `rate`: frames per second of numbered pictures. Raises CallError for what cannot be read as a film or holds no
    frame.

    >>> probe(Path("nowhere.mp4"))
    Traceback (most recent call last):
    cltool.errors.CallError: nowhere.mp4: there is no such film
    """
    if path.is_dir():
        return _probed_folder(path, rate or RATE)
    with _opened(path) as container:
        stream = container.streams.best("video")
        if stream is None:
            raise CallError(f"{path} {NO_PICTURES}")
        first = next(_decoded(container, stream, _unheard, str(path)), None)
        if first is None:
            raise CallError(f"{path} {NO_PICTURES}")
        _, picture = first
        sound: Any = container.streams.best("audio")
        return FilmFacts(
            width=picture.shape[1],
            height=picture.shape[0],
            rate=float(stream.average_rate or stream.guessed_rate or RATE),
            frames=stream.frames or None,
            seconds=_seconds(container, stream),
            sound_rate=int(sound.rate) if sound else None,
        )


def read_frames(path: Path, note: Note = _unheard, rate: float | None = None) -> Iterator[Frame]:
    """The frames of a film, or of a folder of numbered pictures, in order.

    Pictures are turned as the film's rotation flag says. Times are the film's own, so that a variable frame rate is
    kept; those of numbered pictures follow from `rate`. Number 0, where it is there, else number 1, is the first
    frame. `note` is told of a film that breaks off before its end, and of pictures that cannot be read, which are None.
    Raises CallError for what cannot be opened as a film.
    """
    if path.is_dir():
        yield from _numbered(path, rate or RATE, note)
        return
    with _opened(path) as container:
        stream = container.streams.best("video")
        if stream is None:
            raise CallError(f"{path} {NO_PICTURES}")
        expected, count, first = stream.frames, 0, 0.0
        period = 1 / float(stream.average_rate or RATE)
        for time, picture in _decoded(container, stream, note, str(path)):
            time = count * period + first if time is None else time
            first = time if count == 0 else first
            count += 1
            yield Frame(time - first, picture)
        if count < expected:
            note(f"{path} breaks off: {count} of {expected} frames")


def read_sound(path: Path, rate: int, note: Note = _unheard) -> Iterator[NDArray[np.float32]]:
    """A film's sound in blocks float32 [n], the mean of its channels, `rate` samples a second, in [-1, 1].

    Its first sample is heard with the film's first frame: what was before is left out, and silence put in where sound
    begins later or is interrupted. `note` is told where it breaks off. Nothing comes of a film without sound. Raises
    CallError for what cannot be opened.
    """
    import av

    with _opened(path) as container:
        sound, pictures = container.streams.best("audio"), container.streams.best("video")
        if sound is None:
            return
        origin = _start(pictures) if pictures is not None else _start(sound)
        # channels are averaged here: FFmpeg's own mix makes what all channels share 3 dB louder
        resampler = av.AudioResampler(format="fltp", rate=rate)
        heard = 0.0  # seconds that went into the resampler, silence included
        skipped = 0  # samples before the film's first frame
        for frame in _sound_frames(container, sound, note, str(path)):
            late = (heard if frame.time is None else frame.time - origin) - heard
            if heard == 0 and late < 0:
                skipped, heard = round(-late * rate), late
            elif late > GAP_S or (heard == 0 and late > 0):
                yield np.zeros(round(late * rate), np.float32)
                heard += late
            heard += frame.samples / frame.sample_rate
            for block in resampler.resample(frame):
                samples = block.to_ndarray().mean(0)
                yield samples[skipped:]
                skipped = max(0, skipped - len(samples))
        for block in resampler.resample(None):
            yield block.to_ndarray().mean(0)


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    import av

    if not path.exists():
        raise CallError(f"{path}: there is no such film")
    try:
        container = av.open(str(path))
    except (av.FFmpegError, ValueError, OSError) as error:
        raise CallError(f"{path} cannot be read as a film ({_reason(error)}); give another, or mend it") from None
    with container:
        yield container


def _decoded(container: Any, stream: Any, note: Note, name: str) -> Iterator[tuple[float | None, Picture]]:
    """Times and upright pictures up to the film's end, or to where it breaks off."""
    import av

    stream.thread_type = "AUTO"
    decoding = container.decode(stream)
    while True:
        try:
            frame = next(decoding)
        except StopIteration:
            return
        except av.FFmpegError as error:
            note(f"{name} breaks off ({_reason(error)})")
            return
        # a picture's rows may be padded; what reads it later, MediaPipe among others, takes it for packed
        turned = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))
        yield frame.time, np.ascontiguousarray(turned)


def _sound_frames(container: Any, stream: Any, note: Note, name: str) -> Iterator[Any]:
    import av

    decoding = container.decode(stream)
    while True:
        try:
            yield next(decoding)
        except StopIteration:
            return
        except av.FFmpegError as error:
            note(f"the sound of {name} breaks off ({_reason(error)})")
            return


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _start(stream: Any) -> float:
    return float((stream.start_time or 0) * stream.time_base)


def _seconds(container: Any, stream: Any) -> float | None:
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return container.duration / 1e6 if container.duration else None


def has_numbered_pictures(folder: Path) -> bool:
    """Whether a folder holds a numbered picture."""
    with os.scandir(folder) as entries:
        return any(NUMBERED.fullmatch(entry.name) for entry in entries)


def numbered_pictures(folder: Path) -> dict[int, str]:
    """The numbered pictures of a folder: frame, counted from 0, → file name, in order; none in another folder.

    Number 0, where it is there, else number 1, is the first frame.
    """
    with os.scandir(folder) as entries:
        found = {int(match[1]): entry.name for entry in entries if (match := NUMBERED.fullmatch(entry.name))}
    first = 0 if 0 in found else 1
    return {number - first: found[number] for number in sorted(found)}


def _probed_folder(folder: Path, rate: float) -> FilmFacts:
    numbers = numbered_pictures(folder)
    if not numbers:
        raise CallError(f"{folder} holds no numbered pictures such as 00001.jpg; give a film or a folder of its frames")
    for name in numbers.values():
        picture = _picture(folder / name)
        if picture is not None:
            count = max(numbers) + 1
            return FilmFacts(picture.shape[1], picture.shape[0], rate, count, count / rate)
    raise CallError(f"none of the {len(numbers)} pictures in {folder} can be read")


def _numbered(folder: Path, rate: float, note: Note) -> Iterator[Frame]:
    numbers = numbered_pictures(folder)
    for number in range(max(numbers, default=-1) + 1):
        picture = None
        if number in numbers:
            picture = _picture(folder / numbers[number])
            if picture is None:
                note(f"{folder / numbers[number]} cannot be read; the frame is left empty")
        yield Frame(number / rate, picture)


def _picture(path: Path) -> Picture | None:
    import cv2

    encoded = np.fromfile(path, np.uint8)
    found = cv2.imdecode(encoded, cv2.IMREAD_COLOR) if len(encoded) else None
    return None if found is None else np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), np.uint8)
