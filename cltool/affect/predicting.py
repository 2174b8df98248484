"""What a trained network says of one film: from the film to valence and arousal of every frame."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cltool.affect.annotation import read_annotation
from cltool.affect.concordance import scores
from cltool.affect.inference import predicted
from cltool.affect.like_training import Places, prepare_like
from cltool.affect.models import TrainedNetwork
from cltool.affect.smoothing import smoothed
from cltool.errors import CallError
from cltool.files import check_free_file, load_tensors
from cltool.progress import Progress, Silent
from cltool.video.decoding import FilmFacts
from cltool.video.extraction import extract
from cltool.video.films import Film, Labels
from cltool.video.matching import told_count, told_rates
from cltool.video.setups import ExtractionSetup
from cltool.video.store import FeatureStore, StoredFilm

CSV, CURVES, OVERLAY = "predictions.csv", "curves.png", "overlay.mp4"
FACES = ("mesh", "landmarks", "face", "evm", "openface_landmarks")  # tensors that tell whether there was a face
OTHER = 0.01  # share by which labels and frames may differ in number; beyond, they are another film's
PART = 4096  # frames whose confidences are read at a time


@dataclass(frozen=True, eq=False)
class PredictionSetup:
    """A network and a film that fit each other, and what is to become of them; `smooth` in seconds."""

    network: TrainedNetwork
    extraction: ExtractionSetup
    out: Path
    smooth: float = 0.0
    labels: Labels | None = None

    @property
    def film(self) -> Film:
        """The film."""
        return self.extraction.films[0]

    @property
    def facts(self) -> FilmFacts:
        """What the film says of itself."""
        return self.extraction.facts[self.film.name]


@dataclass(frozen=True, eq=False)
class FilmPrediction:
    """What is known of every frame of a film.

    `times` float64 [T], seconds. `values` float32 [T, 2], valence and arousal, NaN where the network saw nothing.
    `face_found` bool [T], None for a network that reads nothing of a face. `confidence` float32 [T], 0…1: the share of
    what the network reads that was there; points count by OpenPose's confidence in them. `annotated` float32 [T, 2],
    NaN where there is none, or None. `rate`: frames per second.
    """

    times: NDArray[np.float64]
    values: NDArray[np.float32]
    face_found: NDArray[np.bool_] | None
    confidence: NDArray[np.float32]
    rate: float
    annotated: NDArray[np.float32] | None = None

    @property
    def seen(self) -> NDArray[np.bool_]:
        """bool [T]: frames in which the network saw something."""
        seen: NDArray[np.bool_] = np.all(np.isfinite(self.values), axis=1)
        return seen

    @property
    def concordance(self) -> dict[str, float] | None:
        """CCC of valence, arousal and their mean over frames that have both; None without any."""
        if self.annotated is None or not (self.seen & np.isfinite(self.annotated).all(1)).any():
            return None
        return scores(self.values, self.annotated)


def prepare_prediction(
    film: Path,
    model: Path,
    out: Path,
    *,
    places: Places | None = None,
    smooth: float = 0.0,
    labels: Path | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> PredictionSetup:
    """Find and check a film, a trained network and where the files go; no work is done.

    `smooth`: σ in seconds of the Gaussian that predictions are smoothed by. `labels`: a text file of the film's
    annotation. `force`: write into a folder that is not empty. Raises CallError for anything that is wrong.
    """
    places, progress = places or Places(), progress or Silent()
    if not (math.isfinite(smooth) and smooth >= 0):
        raise CallError(f"--smooth {smooth:g}: give seconds, zero or more")
    if out.is_dir() and any(out.iterdir()) and not force:
        raise CallError(f"--out {out} is not empty; take another folder, or --force to write over what is there")
    for name in (CSV, CURVES, OVERLAY):
        check_free_file(out / name, force=True)
        for source in (film, labels):
            if source is not None and source.exists() and (out / name).exists() and source.samefile(out / name):
                raise CallError(f"{source} is what is read, and --out {out} would write over it; take another folder")
    annotation = read_annotation(labels) if labels is not None else None
    network = TrainedNetwork.load(model)
    extraction = prepare_like(network.card, film, places, annotation, progress)
    device = extraction.device
    network = replace(network, module=network.module.to(device), device=device)
    setup = PredictionSetup(network, extraction, out, smooth, annotation)
    if setup.facts.frames is not None:
        _check_length(setup, setup.facts.frames)
    if told := told_rates(network.card.rate, setup.facts.rate):
        trained, _, _ = told.partition("labels")
        progress.say(f"{film}: {setup.facts.rate:.4g} frames a second; the model has learnt from {trained.strip()}")
    return setup


def _check_length(setup: PredictionSetup, frames: int) -> None:
    """Raise CallError for labels of another film; numbered pictures may end before the labels do."""
    if setup.labels is None or (setup.film.pictures.is_dir() and len(setup.labels) >= frames):
        return
    if abs(len(setup.labels) - frames) > OTHER * frames:
        told = told_count(len(setup.labels), frames).partition(";")[0]
        raise CallError(f"{setup.labels.path}: {told}; give the labels of this film")


def predict_film(setup: PredictionSetup, progress: Progress | None = None) -> FilmPrediction:
    """Extract what the network reads from the film, hand it over, and smooth what it says.

    Features lie in a scratch folder within `setup.out`, which must be there, for the time. Raises CallError for a film
    that breaks off so that labels no longer fit.
    """
    progress = progress or Silent()
    with tempfile.TemporaryDirectory(prefix=".features-", dir=setup.out) as scratch:
        store = extract(setup.extraction, Path(scratch, "store"))
        film = unheld(store, setup.film.name)
        _check_length(setup, len(film))
        network, reads = setup.network, tuple(setup.network.card.reads)
        with progress.track(f"predicting {film.name}", len(film)) as advance:
            values = predicted(network.module, network.frames(film), network.reading, advance)
        faces = [film.valid(tensor) for tensor in reads if tensor in FACES]
        return FilmPrediction(
            times=film.times.copy(),
            values=smoothed(values, film.entry.rate, setup.smooth),
            face_found=np.logical_or.reduce(faces) if faces else None,
            confidence=confidence(film, reads),
            rate=film.entry.rate,
            annotated=film.labels.copy() if setup.labels is not None else None,
        )


class _Unheld(StoredFilm):
    """A film whose rows are mapped anew whenever they are asked for.

    Pages of a file that stays mapped count as the process' memory once they were read, so that it would grow with the
    film's length.
    """

    @property
    def _content(self) -> tuple[Mapping[str, NDArray[Any]], Mapping[str, Any]]:
        tensors, facts = load_tensors(self.path, "film")
        return {name: tensor.numpy() for name, tensor in tensors.items()}, facts


def unheld(store: FeatureStore, name: str) -> StoredFilm:
    """A film of a store to be gone through once, however long it is, in memory of a fixed size."""
    film = store[name]
    return _Unheld(film.name, film.path, film.entry)


def confidence(film: StoredFilm, reads: tuple[str, ...]) -> NDArray[np.float32]:
    """float32 [T]: the mean over tensors of whether they were there; of points, the mean of their own confidences."""
    found = np.zeros(len(film), np.float32)
    for tensor in reads:
        valid, own = film.valid(tensor), f"{tensor}_confidence"
        if own not in film.tensors:
            found += valid
            continue
        for first in range(0, len(film), PART):
            part = slice(first, first + PART)
            found[part] += np.where(valid[part], film[own][part].mean(1).clip(0, 1), 0)
    found /= len(reads)
    return found
