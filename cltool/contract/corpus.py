"""The contract of a corpus: annotated films as their owner ships them."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np

from cltool.contract.clauses import Clause, NotChecked, told, unless
from cltool.contract.stream import no_network
from cltool.contract.trials import Subject, Trial, each, try_all
from cltool.errors import CallError
from cltool.plugin import Configured
from cltool.video.films import Corpus, Film, Labels, Split


def subject(corpus: Configured, data_root: Path | None = None) -> Subject:
    """Read the films at `data_root`; without it, those of a corpus that needs none."""
    if corpus.asks("data_root") and data_root is None:
        return Subject(corpus, [])
    with no_network():
        return try_all(corpus, {"the data": lambda: {"data_root": data_root}})


def _runs(subject: Subject) -> str | None:
    if not subject.trials:
        raise NotChecked("it needs its data; give their folder (--data-root)")
    (trial,) = subject.trials
    if trial.error:
        return told(trial.error)
    return None if isinstance(trial.result, Corpus) else f"a {type(trial.result).__name__}"


def _absent(subject: Subject) -> str | None:
    """Where the data are missing, a user must learn in one line what to do."""
    if not subject.plugin.asks("data_root"):
        raise NotChecked("it asks for no data_root")
    with tempfile.TemporaryDirectory() as folder, no_network():
        for root, what in ((Path(folder), "an empty folder"), (Path(folder, "nowhere"), "a folder that is not there")):
            try:
                found = subject.plugin(data_root=root)
            except CallError as error:
                if "\n" in str(error):
                    return f"{len(str(error).splitlines())} lines, of {what}"
            except Exception as error:
                return f"{told(error)}, of {what}"
            else:
                return f"a {type(found).__name__}, of {what}"
    return None


def _all(corpus: Corpus) -> list[Film]:
    return [*corpus.films, *corpus.unseen]


def _films(trial: Trial) -> str | None:
    return None if _all(trial.result) else "none"


def _names(trial: Trial) -> str | None:
    names = [film.name for film in _all(trial.result)]
    if strange := [name for name in names if not re.fullmatch(r"\w[\w.-]*", name)]:
        return repr(strange[0])
    twice = {name for name in names if names.count(name) > 1}
    return f"{min(twice)!r} twice" if twice else None


def _pictures(trial: Trial) -> str | None:
    for film in trial.result.films:
        if not film.pictures.exists():
            return f"nothing at {film.pictures}, for {film.name!r}"
        if film.pictures.is_dir() and not (film.rate is not None and 0 < film.rate < np.inf):
            return f"rate {film.rate} of the numbered pictures of {film.name!r}"
        if film.sound is not None and not film.sound.is_file():
            return f"no sound at {film.sound}, for {film.name!r}"
    return None


def _splits(trial: Trial) -> str | None:
    known = (None, *get_args(Split))
    return next((f"{film.split!r}, for {film.name!r}" for film in _all(trial.result) if film.split not in known), None)


def _labels(trial: Trial) -> str | None:
    for film in _all(trial.result):
        found = film.labels() if film.labels is not None else None
        if found is not None and (came := _wrong(found)):
            return f"{came}, for {film.name!r}"
    return None


def _wrong(labels: Labels) -> str | None:
    """What is wrong with the labels of a film."""
    if not isinstance(labels, Labels):
        return f"a {type(labels).__name__}"
    values = labels.values
    if values.dtype != np.float32 or values.ndim != 2 or values.shape[1] != 2 or not len(values):
        return f"{values.dtype} {list(values.shape)}"
    if (np.isnan(values).any(1) != np.isnan(values).all(1)).any():
        return "one number of a row alone is missing"
    outside = values[np.abs(values) > 1]  # what is NaN is not
    return f"{outside[0]:g}" if len(outside) else None


def _deterministic(trial: Trial) -> str | None:
    first, second = (
        [(film.name, film.split, film.subject, film.pictures, film.sound) for film in _all(corpus)]
        for corpus in (trial.result, trial.again)
    )
    if first != second:
        return "other films at the second time, or in another order"
    for one, two in zip(_all(trial.result), _all(trial.again), strict=True):
        if one.labels and two.labels and one.labels().values.tobytes() != two.labels().values.tobytes():
            return f"other labels at the second time, for {one.name!r}"
    return None


def _when_read(judge: Callable[[Trial], str | None]) -> Callable[[Subject], str | None]:
    return unless(lambda subject: "" if subject.trials else "it needs its data", each(judge))


CLAUSES = (
    Clause("runs", "a Corpus", _runs),
    Clause("absent", "without its data, one line that says what to do (a CallError)", _absent),
    Clause("films", "at least one", _when_read(_films)),
    Clause("names", "different ones, of letters, digits and ._-, as files can have", _when_read(_names)),
    Clause("pictures", "there, and so is sound; numbered pictures have a rate", _when_read(_pictures)),
    Clause("splits", f"{', '.join(get_args(Split))}, or None", _when_read(_splits)),
    Clause("labels", "float32 [T, 2] in [-1, 1], rows of NaN where there are none", _when_read(_labels)),
    Clause("deterministic", "the same films and labels, in the same order, at every call", _when_read(_deterministic)),
)
