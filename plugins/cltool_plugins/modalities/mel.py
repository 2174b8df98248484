"""Sound: the Mel spectrogram's column at each frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cltool import CallError, modality
from cltool.progress import Progress
from cltool.video.decoding import Note, read_sound
from cltool.video.films import Film
from cltool.video.modalities import Extractor, Frames, Rows

RATE, WINDOW, HOP, BANDS = 22_050, 2048, 512, 128
COLUMNS = 512  # of the spectrogram made at a time: twelve seconds
SILENCE = 1e-10  # power below which dB are not told apart


@modality(source="Orgil 2022, §1.2.4, eq. 1.1")
def mel(
    film: Film,
    progress: Progress,
    *,
    htk: Annotated[bool, Field(description="eq. 1.1's Mel scale, which is HTK's; otherwise Slaney's")] = True,
    decibel: Annotated[bool, Field(description="10·log₁₀ of the power; otherwise the power itself")] = True,
    scaled: Annotated[bool, Field(description="from `floor` … `ceiling` dB to 0 … 1; needs decibel")] = True,
    floor: Annotated[float, Field(description="dB that become 0")] = -60.0,
    ceiling: Annotated[float, Field(description="dB that become 1")] = 40.0,
) -> Extractor:
    """The Mel spectrogram's column nearest to each frame: 128 bands of sound at 22,050 Hz.

    Gives `mel` [128]. Hann window of 2048 samples, hop 512 (23.2 ms), so that a column's middle is never more than
    11.6 ms away from its frame. Frames after the sound's end, and all of a silent film, are masked; before it begins,
    and where it pauses, there is silence. dB are those of full scale, the same for all films, so that how loud a voice
    is stays in the numbers; a range of -60 to 40 holds the loudest tone (about 37 dB) and all of speech.

    Raises CallError: a ceiling that is not above the floor; scaled without decibel.
    """
    if ceiling <= floor:
        raise CallError(f"modality 'mel': ceiling={ceiling} must lie above floor={floor}")
    if scaled and not decibel:
        raise CallError("modality 'mel': scaled=true is for decibel=true; add scaled=false")
    spread = (floor, ceiling) if scaled else None
    _columns(np.zeros(WINDOW, np.float32), htk)  # importing librosa takes seconds, which are no film's own
    columns = spectrogram(film.sound, htk, progress.say) if film.sound else iter(())
    return MelExtractor(columns, decibel, spread, htk)


class MelExtractor(Extractor):
    """Columns of one film's spectrogram, given out as its frames come by."""

    shapes: Mapping[str, tuple[int, ...]] = {"mel": (BANDS,)}

    def __init__(
        self, columns: Iterator[NDArray[np.float32]], decibel: bool, spread: tuple[float, float] | None, htk: bool
    ) -> None:
        self.about = {"librosa": version("librosa"), "scale": "htk" if htk else "slaney"}
        self._columns, self._decibel, self._spread = columns, decibel, spread
        self._held = np.zeros((0, BANDS), np.float32)
        self._first = 0  # number of the first column that is held

    def __call__(self, frames: Frames) -> Mapping[str, Rows]:
        """Rows of these frames, at once."""
        rows = Rows.none(len(frames), (BANDS,))
        for row, time in enumerate(frames.times):
            power = self._column(round(float(time) * RATE / HOP))
            if power is not None:
                rows.values[row], rows.valid[row] = self._shown(power), True
        return {"mel": rows}

    def _column(self, number: int) -> NDArray[np.float32] | None:
        """A column by its number, of which none before the last asked for; None after the sound's end."""
        while number >= self._first + len(self._held):
            following = next(self._columns, None)
            if following is None:
                return None
            self._first += len(self._held)
            self._held = following
        return self._held[number - self._first] if number >= self._first else None

    def _shown(self, power: NDArray[np.float32]) -> NDArray[np.float32]:
        if not self._decibel:
            return power
        level = 10 * np.log10(np.maximum(power, SILENCE))
        if self._spread is None:
            return level.astype(np.float32)
        low, high = self._spread
        return ((level - low) / (high - low)).clip(0, 1).astype(np.float32)

    def close(self) -> None:
        """Close the film's sound."""
        if hasattr(self._columns, "close"):
            self._columns.close()


def spectrogram(sound: Path, htk: bool = True, note: Note = lambda _: None) -> Iterator[NDArray[np.float32]]:
    """A film's Mel power spectrogram in parts [n, 128]: column k is centred on sample 512·k; no part for a silent one.

    The same columns as `librosa.feature.melspectrogram` gives for the whole sound (centred, padded with zeros), made
    from twelve seconds at a time.
    """
    half, part = WINDOW // 2, WINDOW + (COLUMNS - 1) * HOP
    waiting = np.zeros(half, np.float32)
    silent = True
    for block in read_sound(sound, RATE, note):
        silent = False
        waiting = np.concatenate([waiting, block])
        while len(waiting) >= part:
            yield _columns(waiting[:part], htk)
            waiting = waiting[COLUMNS * HOP :]
    waiting = np.concatenate([waiting, np.zeros(half, np.float32)])
    if len(waiting) >= WINDOW and not silent:
        yield _columns(waiting, htk)


def _columns(samples: NDArray[np.float32], htk: bool) -> NDArray[np.float32]:
    """Mel power [n, 128] of samples that hold n whole windows."""
    import librosa

    power = librosa.feature.melspectrogram(
        y=samples, sr=RATE, n_fft=WINDOW, hop_length=HOP, n_mels=BANDS, window="hann", center=False, power=2.0, htk=htk
    )
    return np.ascontiguousarray(power.T, np.float32)
