"""Extraction: every film once through its decoder and all modalities into a store, in memory of a fixed size."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cltool.clock import Clock
from cltool.errors import CallError, Lacking, PluginFailed
from cltool.progress import Progress, Silent
from cltool.rundir import begun
from cltool.video.decoding import RATE, Frame, read_frames
from cltool.video.films import OUTPUTS, Film
from cltool.video.growing import SCRATCH, GrowingTensors, growing_tensors
from cltool.video.matching import matched
from cltool.video.modalities import Extractor, Frames, Rows, reads
from cltool.video.recipes import ExtractionRecipe
from cltool.video.setups import ExtractionSetup
from cltool.video.store import VALID, FeatureStore, FilmEntry, Index, StoredFilm, TensorFacts

UNEVEN = 0.02  # share by which a film's mean rate may differ from what it says
BATCH = 32  # frames that modalities see at a time
BATCH_BYTES = 64_000_000  # of their pictures at the most; of larger ones there are fewer at a time

Watch = Callable[[str, FilmEntry], None]  # is told of every finished film


def extract(setup: ExtractionSetup, store: Path, watch: Watch = lambda name, entry: None) -> FeatureStore:
    """Fill a new store, which must be an empty folder or none; a film is finished when the index tells of it.

    Raises CallError where `store` cannot be filled, PluginFailed for a modality that does not keep its contract. What
    breaks off after the first film can be taken up by `resume`.
    """
    with begun(store, setup.recipe, lambda _: _taken_back(store)):
        _fill(setup, store, Index(left_out=dict(setup.left_out)), watch)
    return FeatureStore(store)


def _taken_back(store: Path) -> bool:
    """Remove what an unfinished first film left; whether no film was finished."""
    if (store / "index.json").exists():
        return False
    shutil.rmtree(store / "films", ignore_errors=True)
    return True


def resume(setup: ExtractionSetup, store: Path, watch: Watch = lambda name, entry: None) -> FeatureStore:
    """Go on with a store, whose films that are `done` stay.

    Raises CallError where a modality is not what it was, such as by another version of a model.
    """
    index = Index.load(store) if (store / "index.json").exists() else Index()
    index.films, index.left_out = dict(setup.done), dict(setup.left_out)
    _fill(setup, store, index, watch)
    return FeatureStore(store)


def finished(store: Path, progress: Progress | None = None) -> dict[str, FilmEntry]:
    """The films of a store that need not be extracted again: their files are as written, their sources as read.

    A source that is gone cannot have changed.
    """
    progress, index = progress or Silent(), Index.load(store) if (store / "index.json").exists() else Index()
    found = {}
    with progress.track("looking at what is there", len(index.films)) as advance:
        for name, entry in index.films.items():
            source = Path(entry.source)
            if not StoredFilm(name, store / entry.file, entry).intact:
                progress.say(f"{store / entry.file} is not as it was written; extracting it again")
            elif source.exists() and state_of(source) != entry.source_state:
                progress.say(f"{source} is not as it was read; extracting it again")
            else:
                found[name] = entry
            advance(1)
    return found


def state_of(source: Path) -> str:
    """Size and time of a film, or of a folder of numbered pictures; others where it has changed."""
    told = source.stat()
    size = sum(1 for _ in source.iterdir()) if source.is_dir() else told.st_size
    return f"{size} {told.st_mtime_ns}"


def recipe_of(store: Path) -> ExtractionRecipe:
    """The recipe of a store to be taken up; raises CallError if there is none."""
    if not (store / "recipe.yaml").is_file():
        raise CallError(f"--resume {store}: there is no recipe.yaml, so no extraction to take up")
    return ExtractionRecipe.load(store / "recipe.yaml")


def _fill(setup: ExtractionSetup, store: Path, index: Index, watch: Watch) -> None:
    films = store / "films"
    films.mkdir(exist_ok=True)
    for left in (*store.glob(f"{SCRATCH}*"), *films.glob(".*")):  # by a process that was killed
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    with setup.progress.track("films", len(setup.done) + len(setup.films)) as advance:
        advance(len(setup.done))
        for film in setup.films:
            try:
                with growing_tensors(store) as growing:
                    entry = _Extraction(setup, film, index, growing).run(store)
            except CallError as error:
                if isinstance(error, OtherRows) or not setup.recipe.skip_broken:
                    raise
                setup.progress.say(f"left out: {error}")
                index.left_out[film.name] = str(error)
            else:
                index.films[film.name] = entry
                index.save(store)
                watch(film.name, entry)
            advance(1)
    index.save(store)


@dataclass
class _Heard:
    """A progress that remembers what was said: notes of one film."""

    progress: Progress
    notes: list[str] = field(default_factory=list)

    def track(self, what: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        return self.progress.track(what, total)

    def say(self, message: str) -> None:
        if message not in self.notes:
            self.notes.append(message)
            self.progress.say(message)


class OtherRows(CallError):
    """A modality is not what it was for the films that a store has."""


class _Masked(Extractor):
    """Rows of what a film does not have."""

    origin = "missing"

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.shapes = shapes

    def __call__(self, frames: Frames) -> Mapping[str, Rows]:
        return {name: Rows.none(len(frames), shape) for name, shape in self.shapes.items()}


class _Extraction:
    """One film on its way into the store."""

    def __init__(self, setup: ExtractionSetup, film: Film, index: Index, growing: GrowingTensors) -> None:
        self.setup, self.film, self.index, self.growing = setup, film, index, growing
        self.heard = _Heard(setup.progress)
        self.clock = Clock()
        self.labels = film.labels() if film.labels is not None else None
        self.valid: dict[str, int] = {}
        self.lasts = 0.0  # seconds from the first frame to the last

    def run(self, store: Path) -> FilmEntry:
        film, facts = self.film, self.setup.facts[self.film.name]
        with ExitStack() as stack:
            extractors: dict[str, Extractor] = {}
            for name in self.setup.modalities:
                with self.clock.measure("preparing"):
                    extractors[name] = self._extractor(name)
                stack.callback(extractors[name].close)
            self._agree(extractors)
            self._declare(extractors)
            count = self._read(extractors)
        rate = self._mean_rate(count, facts.rate)
        labelled = self._label(count, rate)
        with self.clock.measure("writing"):
            path = store / "films" / f"{film.name}.safetensors"
            columns = self._name_columns(extractors)
            told = {"film": film.name, "rate": rate, "synthetic": film.synthetic, "columns": columns}
            digest = self.growing.save(path, told)
        return FilmEntry(
            file=str(path.relative_to(store)),
            sha256=digest,
            source=str(film.pictures),
            source_state=state_of(film.pictures),
            frames=count,
            rate=rate,
            width=facts.width,
            height=facts.height,
            valid=self.valid,
            labelled=labelled,
            origins={name: e.origin for name, e in extractors.items() if e.origin},
            split=film.split,
            subject=film.subject,
            synthetic=film.synthetic,
            notes=self.heard.notes,
            seconds={name: round(spent, 3) for name, spent in self.clock.seconds.items()},
        )

    def _extractor(self, name: str) -> Extractor:
        """A modality at work; one that masks all its rows where this film lacks what others have."""
        try:
            return self.setup.extractor(name, self.film, self.heard)
        except Lacking as error:
            self.heard.say(f"{name}: {error}; its rows are masked")
            return _Masked(self.setup.shapes[name])

    def _declare(self, extractors: Mapping[str, Extractor]) -> None:
        self.growing.declare("times", (), np.float64)
        for name, extractor in extractors.items():
            for tensor, shape in extractor.shapes.items():
                if tensor in self.valid or tensor in ("times", "labels"):
                    raise PluginFailed(f"modality {name!r} gives {tensor!r}, which another gives already")
                self.valid[tensor] = 0
                self.growing.declare(tensor, shape)
                self.growing.declare(tensor + VALID, (), np.bool_)

    def _read(self, extractors: Mapping[str, Extractor]) -> int:
        """All frames through all modalities; gives their number."""
        count = 0
        expected = self.setup.facts[self.film.name].expected or 1
        with self.setup.progress.track(self.film.name, expected) as advance:
            for frames in self._batches():
                self.growing.append("times", frames.times)
                self.lasts = float(frames.times[-1])
                rows: dict[str, Rows] = {}
                for name, extractor in extractors.items():
                    self._check_read(name, extractors, rows)
                    with self.clock.measure(name):
                        found = extractor(Frames(frames.first, frames.times, frames.pictures, rows))
                    self._keep(name, extractor, found)
                    rows |= {tensor: part for tensor, part in found.items() if len(part) == len(frames)}
                count += len(frames)
                advance(len(frames))
        for name, extractor in extractors.items():
            with self.clock.measure(name):
                rest = extractor.finish()
            self._keep(name, extractor, rest)
            for tensor in extractor.shapes:
                if self.growing.rows[tensor] != count:
                    told = f"{self.growing.rows[tensor]} rows of {tensor!r} for {count} frames of {self.film.name}"
                    raise PluginFailed(f"modality {name!r} gives {told}")
        return count

    def _check_read(self, name: str, extractors: Mapping[str, Extractor], rows: Mapping[str, Rows]) -> None:
        """Raise PluginFailed where what a modality reads has not been found yet in these frames."""
        for earlier in reads(self.setup.modalities[name]):
            if late := extractors[earlier].shapes.keys() - rows.keys():
                raise PluginFailed(f"modality {name!r} reads rows of {min(late)!r}, which come late")

    def _keep(self, name: str, extractor: Extractor, found: Mapping[str, Rows]) -> None:
        for tensor, rows in found.items():
            if tensor not in extractor.shapes or len(rows.values) != len(rows.valid):
                raise PluginFailed(f"modality {name!r} gives rows of {tensor!r} that it has not announced so")
            if rows.values.shape[1:] != tuple(extractor.shapes[tensor]) or rows.values[~rows.valid].any():
                what = f"rows of {tensor!r} of another shape, or masked ones that are not zero"
                raise PluginFailed(f"modality {name!r} gives {what}")
            if not np.isfinite(rows.values).all():
                raise PluginFailed(f"modality {name!r} gives numbers in {tensor!r} that are not, in {self.film.name}")
            self.growing.append(tensor, rows.values)
            self.growing.append(tensor + VALID, rows.valid)
            self.valid[tensor] += int(rows.valid.sum())

    def _batches(self) -> Iterator[Frames]:
        """The film's frames, a batch at a time; numbered pictures go on, empty, as long as there are labels."""
        facts = self.setup.facts[self.film.name]
        size = max(1, min(BATCH, BATCH_BYTES // (facts.width * facts.height * 3)))
        first, held = 0, list[Frame]()
        frames = self._frames()
        while True:
            with self.clock.measure("decoding"):
                while len(held) < size and (frame := next(frames, None)) is not None:
                    held.append(frame)
            if not held:
                return
            yield Frames(first, np.array([f.time for f in held]), [f.picture for f in held])
            first, held = first + len(held), []

    def _frames(self) -> Iterator[Frame]:
        film, count = self.film, 0
        for frame in read_frames(film.pictures, self.heard.say, film.rate):
            yield frame
            count += 1
        if film.pictures.is_dir() and self.labels is not None:
            rate = film.rate or RATE
            for number in range(count, len(self.labels)):  # frames at the end in which no face was found
                yield Frame(number / rate, None)

    def _mean_rate(self, count: int, told: float) -> float:
        """Frames per second as their times have it; the film's own word where that fits."""
        found = (count - 1) / self.lasts if self.lasts else told
        if abs(found - told) <= UNEVEN * told:
            return told
        self.heard.say(f"{self.film.pictures} says {told:.4g} frames a second, and has {found:.4g} on the mean")
        return found

    def _label(self, count: int, rate: float) -> int | None:
        if self.labels is None:
            return None
        values, notes = matched(self.labels, count, rate)
        for note in notes:
            self.heard.say(note)
        self.growing.declare("labels", (len(OUTPUTS),))
        self.growing.append("labels", values)
        return int(np.isfinite(values).all(1).sum())

    def _agree(self, extractors: Mapping[str, Extractor]) -> None:
        """Note in the index what rows are made of; raise OtherRows for what is made otherwise than earlier films'."""
        for name, extractor in extractors.items():
            about, made = dict(extractor.about), f"{name} ({extractor.origin})" if extractor.origin else name
            if (earlier := self.index.about.setdefault(made, about)) != about:
                told = f"modality {name!r} is not what it was for earlier films ({earlier}, now {about})"
                raise OtherRows(f"{told}; extract all films into a new store")
            for tensor, shape in extractor.shapes.items():
                facts = TensorFacts(modality=str(self.setup.modalities[name]), shape=list(shape))
                if (known := self.index.tensors.setdefault(tensor, facts)).shape != facts.shape:
                    raise OtherRows(f"{tensor!r} has rows of {list(shape)}, of earlier films {known.shape}")

    def _name_columns(self, extractors: Mapping[str, Extractor]) -> dict[str, list[str]]:
        """Names of the numbers in rows, some of which are known only once there were rows; the index keeps them."""
        columns = {tensor: list(names) for e in extractors.values() for tensor, names in e.columns.items()}
        for tensor, names in columns.items():
            self.index.tensors[tensor].columns = names
        return columns
