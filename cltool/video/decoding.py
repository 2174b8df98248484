"""Films frame by frame and their sound block by block, whatever the container; memory does not grow with length."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cltool.errors import CallError
from cltool.video import own_words
from cltool.video.modalities import Picture

if TYPE_CHECKING:
    from av.container import InputContainer

Note = Callable[[str], None]  # is told, in a line, what was wrong with a film that is read all the same

FILM_SUFFIXES = frozenset(
    {
        ".mp4",
        ".m4v",
        ".mov",
        ".avi",
        ".mkv",
        ".webm",
        ".mpg",
        ".mpeg",
        ".wmv",
        ".flv",
        ".ts",
        ".mts",
        ".m2ts",
        ".vob",
        ".3gp",
    }
)
RATE = 30.0  # frames per second of numbered pictures whose film is not there to ask
NUMBERED = re.compile(r"(\d{1,7})\.(jpg|jpeg|png|bmp)", re.IGNORECASE)
NO_PICTURES = "holds no frame that can be read; give another film"
GAP_S = 0.02  # seconds that sound's own times may differ from the samples counted before they are brought together
BACK_S = 0.3  # seconds that its times may jump back without that another piece of film begins
BREAK_S = 0.5  # seconds that may lack at a film's end before it is told


class Frame(NamedTuple):
    """A frame: `time` in seconds from the film's first, and its `picture`, None where a numbered one is missing."""

    time: float
    picture: Picture | None


@dataclass(frozen=True)
class FilmFacts:
    """What a film's container tells before it is read.

    `width` and `height` in pixels, as shown (rotation applied). `rate`: mean frames per second. `frames`, `seconds`:
    how long it says it is, None where it does not. `sound_rate` in Hz, None for a silent film. `told`: its own title
    and comment; of numbered pictures, the first one's comment.
    """

    width: int
    height: int
    rate: float
    frames: int | None = None
    seconds: float | None = None
    sound_rate: int | None = None
    told: Mapping[str, str] = field(default_factory=dict)

    @property
    def expected(self) -> int | None:
        """How many frames there should be, reckoned from its length where it does not count them."""
        return self.frames or (round(self.seconds * self.rate) if self.seconds else None) or None


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
        stream = _pictures_of(container, path)
        _, picture = _first(container, stream, path)
        sound: Any = container.streams.best("audio")
        return FilmFacts(
            width=picture.shape[1],
            height=picture.shape[0],
            rate=float(stream.average_rate or stream.guessed_rate or RATE),
            frames=stream.frames or None,
            seconds=_seconds(container, stream),
            sound_rate=int(sound.rate) if sound else None,
            told=own_words.of_metadata(container.metadata),
        )


def read_frames(path: Path, note: Note = _unheard, rate: float | None = None) -> Iterator[Frame]:
    """The frames of a film, or of a folder of numbered pictures, in order.

    Pictures are turned as the film's rotation flag says. Times are the film's own, so that a variable frame rate is
    kept, and always rise: where they jump back, as in films put together of several, they go on from there. Those of
    numbered pictures follow from `rate`. Number 0, where it is there, else number 1, is the first frame. `note` is told
    of damage, of a film that breaks off before its end, and of pictures that cannot be read, which are None; so are
    frames that damage took from a film of constant rate. Raises CallError for what cannot be opened as a film.
    """
    if path.is_dir():
        yield from _numbered(path, rate or RATE, note)
        return
    with _opened(path) as container:
        stream = _pictures_of(container, path)
        period = 1 / float(stream.average_rate or RATE)
        constant = stream.base_rate and abs(stream.base_rate * period - 1) < 0.01
        told = container.format.name != "avi"  # whose times follow from the rate, and are not in order
        decoding = _Decoding(container, stream)
        count, last, first, shift = 0, -period, 0.0, 0.0
        for frame in decoding:
            time = count * period if frame.time is None or not told else frame.time
            first = time if count == 0 else first
            time += shift - first
            if time <= last:
                note(f"{path}: times jump back after {last:.2f} s; they go on from there")
                shift += last + period - time
                time = last + period
            lost = round((time - last) / period) - 1 if decoding.damaged and constant else 0
            for number in range(lost):
                yield Frame(last + (number + 1) * period, None)
            count, last = count + 1 + lost, time
            yield Frame(time, _upright(frame))
        if decoding.damaged:
            note(f"{path} is damaged; what could be read of it was")
        expected, lasts = stream.frames - decoding.discarded, _seconds(container, stream)
        if count < expected:
            note(f"{path} breaks off: {count} of {expected} frames")
        elif not stream.frames and lasts is not None and lasts - last - period > BREAK_S:
            note(f"{path} breaks off: {last + period:.1f} of {lasts:.1f} s")


def read_sound(path: Path, rate: int, note: Note = _unheard) -> Iterator[NDArray[np.float32]]:
    """A film's sound in blocks float32 [n], the mean of its channels, `rate` samples a second, in [-1, 1].

    Its first sample is heard with the film's first frame: what was before is left out. Where sound begins later or is
    interrupted there is silence; where more samples come than its own times leave room for, they are left out. `note`
    is told of damage. Nothing comes of a film without sound. Raises CallError for what cannot be opened.
    """
    origin = _origin(path)
    with _opened(path) as container:
        stream = container.streams.best("audio")
        if stream is None:
            return
        decoding = _Decoding(container, stream)
        resampled = _Resampled(rate)
        heard: float | None = None  # seconds of the film that sound has been given for
        skipped, shift = 0, 0.0
        for frame in decoding:
            begins = (heard or 0.0) if frame.time is None else frame.time - origin + shift
            late = begins - (heard or 0.0)
            if heard is not None and late < -BACK_S:  # times jump back, as in films put together of several
                shift -= late
            elif abs(late) > GAP_S or heard is None:
                yield from _silence(max(0.0, late), rate)
                skipped += round(max(0.0, -late) * rate)
                heard = begins
            heard = (heard or 0.0) + frame.samples / frame.sample_rate
            for samples in resampled(frame):
                yield samples[skipped:]
                skipped = max(0, skipped - len(samples))
        yield from resampled.rest()
        if decoding.damaged:
            note(f"the sound of {path} is damaged; what could be read of it was")


def _silence(seconds: float, rate: int) -> Iterator[NDArray[np.float32]]:
    """Silence, a second at a time at the most."""
    left = round(seconds * rate)
    while left > 0:
        yield np.zeros(min(left, rate), np.float32)
        left -= rate


class _Resampled:
    """Sound frames, which may change rate and channels on the way, as mono samples of one rate."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._kind: tuple[Any, ...] = ()
        self._resampler: Any = None

    def __call__(self, frame: Any) -> Iterator[NDArray[np.float32]]:
        import av

        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind != self._kind:
            yield from self.rest()
            # channels are averaged here: FFmpeg's own mix makes what all channels share 3 dB louder
            self._kind, self._resampler = kind, av.AudioResampler(format="fltp", rate=self._rate)
        yield from self._samples(frame)

    def rest(self) -> Iterator[NDArray[np.float32]]:
        """What the resampler still holds."""
        if self._resampler is not None:
            yield from self._samples(None)

    def _samples(self, frame: Any) -> Iterator[NDArray[np.float32]]:
        assert self._resampler is not None
        for block in self._resampler.resample(frame):
            yield block.to_ndarray().mean(0)


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    import av

    if not path.exists():
        raise CallError(f"{path}: there is no such film")
    try:
        container = av.open(str(path), metadata_errors="replace")
    except (av.FFmpegError, ValueError, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CallError(f"{path} cannot be read as a film ({reason}); give another, or mend it") from None
    with container:
        yield container


def _pictures_of(container: Any, path: Path) -> Any:
    """The stream of a film's pictures, a cover that belongs to its sound aside."""
    from av.stream import Disposition

    streams = [one for one in container.streams.video if not one.disposition & Disposition.attached_pic]
    if not streams:
        raise CallError(f"{path} {NO_PICTURES}")
    best = container.streams.best("video")
    return best if best in streams else streams[0]


class _Decoding:
    """A stream's frames; packets that cannot be decoded are passed over. Tells afterwards what was found.

    `damaged`: whether there were such. `discarded`: packets that the film itself says are not to be shown.
    """

    def __init__(self, container: Any, stream: Any) -> None:
        self._container, self._stream = container, stream
        self.damaged, self.discarded = False, 0

    def __iter__(self) -> Iterator[Any]:
        import av

        if self._stream.type == "video":
            self._stream.thread_type = "AUTO"
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.FFmpegError:
                self.damaged = True
                return
            self.discarded += packet.is_discard
            try:
                yield from packet.decode()
            except av.FFmpegError:
                self.damaged = True


def _first(container: Any, stream: Any, path: Path) -> tuple[float, Picture]:
    """Time and picture of a film's first frame; raises CallError where there is none."""
    frame = next(iter(_Decoding(container, stream)), None)
    if frame is None:
        raise CallError(f"{path} {NO_PICTURES}")
    return frame.time or 0.0, _upright(frame)


def _origin(path: Path) -> float:
    """When a film's first frame is shown, in seconds of its container's clock; of sound alone, when that begins."""
    with _opened(path) as container:
        sound: Any = container.streams.best("audio")
        try:
            return _first(container, _pictures_of(container, path), path)[0]
        except CallError:
            return float((sound.start_time or 0) * sound.time_base) if sound else 0.0


def _upright(frame: Any) -> Picture:
    # a picture's rows may be padded; what reads it later, MediaPipe among others, takes it for packed
    return np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90)))


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

    Number 0, where it is there, else number 1, is the first frame. Raises CallError for two of one number.
    """
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if NUMBERED.fullmatch(entry.name)]
    found: dict[int, str] = {}
    for name in names:
        number = int(name.partition(".")[0])
        if number in found:
            raise CallError(f"{folder} holds {found[number]} and {name}, which are one number; take one away")
        found[number] = name
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
            told = own_words.of_picture(folder / next(iter(numbers.values())))
            return FilmFacts(picture.shape[1], picture.shape[0], rate, count, count / rate, told=told)
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

    try:
        encoded = np.fromfile(path, np.uint8)
        found = cv2.imdecode(encoded, cv2.IMREAD_COLOR) if len(encoded) else None
    except (OSError, cv2.error):  # a link to nowhere, a folder of that name; a header that lies
        return None
    return None if found is None else np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), np.uint8)
