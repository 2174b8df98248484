"""The contract of a modality: a row for every frame of a film, in order, whatever the batches."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from cltool.backbones import Backbone, PictureTransform
from cltool.catalogue import discover
from cltool.contract.clauses import Clause, NotChecked, told, unless
from cltool.contract.stream import no_network
from cltool.contract.trials import global_randomness
from cltool.errors import CallError
from cltool.plugin import Configured
from cltool.progress import Silent
from cltool.recipe import Choice
from cltool.video.encoding import film_writer
from cltool.video.films import Film
from cltool.video.modalities import Extractor, Frames, Picture, Rows, reads
from cltool.video.setups import ordered

RATE, SOUND_RATE, SIDE = 25, 16_000, 256
FRAMES, HIDDEN = 16, 9  # frames, and the one of them that has no picture
IN_BATCHES, AT_ONCE = (7, 5, 4), (16,)

Found = Mapping[str, Rows]


@dataclass(frozen=True)
class Subject:
    """A modality and what it gave, by tensor: of a film in batches, again, at once; and of a film that shows nothing.

    `announced`: the shapes it told. `untouched`: whether it left the pictures as they were. `error` is the exception
    that ended the trial; `missing` tells why it could not begin.
    """

    plugin: Configured
    announced: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    first: Found = field(default_factory=dict)
    again: Found = field(default_factory=dict)
    at_once: Found = field(default_factory=dict)
    nothing: Found = field(default_factory=dict)
    untouched: bool = True
    error: BaseException | None = None
    missing: str = ""


def subject(modality: Configured) -> Subject:
    """Try it on sixteen frames of a face that moves, with a tone; what it reads of other modalities is found first."""
    pictures = _pictures()
    given = _copies(pictures)
    with _film(pictures) as film, no_network():
        try:
            for one in _extractors(modality, film):
                one.close()
        except CallError as error:
            return Subject(modality, missing=str(error))
        except (Exception, SystemExit) as error:
            return Subject(modality, error=error)
        try:
            with global_randomness(1):
                announced, first = _rows(modality, film, given, IN_BATCHES)
            with global_randomness(2):
                _, again = _rows(modality, film, _copies(pictures), IN_BATCHES)
            _, at_once = _rows(modality, film, _copies(pictures), AT_ONCE)
            _, nothing = _rows(modality, Film("nothing", film.pictures), [None] * FRAMES, IN_BATCHES)
        except (Exception, SystemExit) as error:
            return Subject(modality, error=error)
    shown = ((one, other) for one, other in zip(given, pictures, strict=True) if one is not None and other is not None)
    untouched = all(np.array_equal(one, other) for one, other in shown)
    return Subject(modality, announced, first, again, at_once, nothing, untouched)


def _pictures() -> list[Picture | None]:
    """The astronaut of scikit-image, who is in the public domain, drifting a pixel a frame; one frame is missing."""
    from skimage.data import astronaut

    portrait = np.asarray(astronaut(), np.uint8)
    shown = [np.ascontiguousarray(portrait[:SIDE, 90 + n : 90 + n + SIDE]) for n in range(FRAMES)]
    return [None if n == HIDDEN else picture for n, picture in enumerate(shown)]


def _copies(pictures: Sequence[Picture | None]) -> list[Picture | None]:
    return [picture if picture is None else picture.copy() for picture in pictures]


@contextmanager
def _film(pictures: Sequence[Picture | None]) -> Iterator[Film]:
    """The same as a file, for those that read it themselves, with a tone."""
    samples = np.arange(FRAMES * SOUND_RATE // RATE)
    tone = (np.sin(2 * np.pi * 440 * samples / SOUND_RATE) / 2).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "film.mp4")
        with film_writer(path, SIDE, SIDE, RATE, SOUND_RATE) as writer:
            for picture in pictures:
                writer.write(np.zeros((SIDE, SIDE, 3), np.uint8) if picture is None else picture)
            writer.hear(tone)
        yield Film("film", path, sound=path)


def _extractors(modality: Configured, film: Film) -> list[Extractor]:
    """The modality at work on a film, last, behind those whose rows it reads."""
    earlier = ordered([Choice(name=name) for name in reads(modality)], discover())
    flat = Backbone.of("flat", torch.nn.Flatten(), PictureTransform(8), 3 * 8 * 8)
    inputs = {"film": film, "backbone": flat, "device": "cpu", "face_model": None, "pose_model": None}
    return [one(**inputs, progress=Silent()) for one in (*earlier.values(), modality)]


def _rows(
    modality: Configured, film: Film, pictures: Sequence[Picture | None], batches: Sequence[int]
) -> tuple[Mapping[str, tuple[int, ...]], Found]:
    """What it announces, and all its rows of a film."""
    found: dict[str, list[Rows]] = {}
    with ExitStack() as stack:
        extractors = _extractors(modality, film)
        for one in extractors:
            stack.callback(one.close)
        first = 0
        for size in batches:
            rows: dict[str, Rows] = {}
            times = np.arange(first, first + size) / RATE
            for one in extractors:
                given = one(Frames(first, times, pictures[first : first + size], rows))
                rows |= given
            first += size
            _collect(found, given)
        _collect(found, extractors[-1].finish())
        announced = extractors[-1].shapes
    return announced, {name: _joined(parts) for name, parts in found.items()}


def _collect(found: dict[str, list[Rows]], given: Found) -> None:
    for name, rows in given.items():
        found.setdefault(name, []).append(rows)


def _joined(parts: Sequence[Rows]) -> Rows:
    return Rows(np.concatenate([part.values for part in parts]), np.concatenate([part.valid for part in parts]))


def _runs(subject: Subject) -> str | None:
    if subject.missing:
        raise NotChecked(subject.missing)
    return told(subject.error) if subject.error else None


def _when_run(judge: Callable[[Subject], str | None]) -> Callable[[Subject], str | None]:
    return unless(lambda subject: "no call returned" if subject.error or subject.missing else "", judge)


def _announced(subject: Subject) -> str | None:
    if not subject.announced:
        return "nothing"
    if stray := set(subject.first) - set(subject.announced):
        return f"rows of {min(stray)!r}, which is not among them"
    return None


def _rows_for_all(subject: Subject) -> str | None:
    for name, shape in subject.announced.items():
        rows = subject.first.get(name, Rows.none(0, shape))
        if (len(rows.values), len(rows.valid)) != (FRAMES, FRAMES):
            return f"{len(rows.values)} rows of {name!r} and {len(rows.valid)} masks for {FRAMES} frames"
        if rows.values.shape[1:] != tuple(shape):
            return f"rows of {name!r} of {list(rows.values.shape[1:])}, where {list(shape)} is announced"
    return None


def _finite(subject: Subject) -> str | None:
    for name, rows in subject.first.items():
        if rows.values.dtype != np.float32 or rows.valid.dtype != np.bool_:
            return f"{rows.values.dtype} and masks of {rows.valid.dtype} in {name!r}"
        if not np.isfinite(rows.values).all():
            return f"numbers that are not in {name!r}"
        if rows.values[~rows.valid].any():
            return f"masked rows of {name!r} that are not zero"
    return None


def _masked(subject: Subject) -> str | None:
    unmasked = [name for name, rows in subject.nothing.items() if rows.valid.any()]
    return f"{unmasked[0]!r} is not" if unmasked else None


def _differing(one: Found, other: Found, tolerance: float) -> str | None:
    for name, rows in one.items():
        if name not in other or rows.values.shape != other[name].values.shape:
            return f"another number of rows of {name!r}"
        if not np.array_equal(rows.valid, other[name].valid):
            return f"another mask of {name!r}"
        if not np.allclose(rows.values, other[name].values, rtol=tolerance, atol=tolerance):
            return f"other rows of {name!r}"
    return None


def _batches(subject: Subject) -> str | None:
    return _differing(subject.first, subject.at_once, 1e-3)


def _deterministic(subject: Subject) -> str | None:
    return _differing(subject.first, subject.again, 1e-6)


def _untouched(subject: Subject) -> str | None:
    return None if subject.untouched else "a picture changed"


CLAUSES = (
    Clause("runs", "rows of a film", _runs),
    Clause("announced", "a name and a shape for all it gives, in `shapes`", _when_run(_announced)),
    Clause("rows", "one for every frame, in order, of the shape that was announced", _when_run(_rows_for_all)),
    Clause("finite", "finite float32, zero where masked", _when_run(_finite)),
    Clause("masked", "rows of a film with neither pictures nor sound are masked", _when_run(_masked)),
    Clause("batches", "a frame's row does not depend on how frames are batched", _when_run(_batches)),
    Clause("inputs", "pictures are left as they were given", _when_run(_untouched)),
    Clause("deterministic", "the same film gives the same rows", _when_run(_deterministic)),
)
