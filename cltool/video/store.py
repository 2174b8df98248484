"""The feature store: what was found in films, a file each, and an index of them.

STORE/recipe.yaml               what was asked for; `cltool video extract --resume STORE` goes on with it
STORE/index.json                films, what is in their rows, versions and checksums
STORE/films/NAME.safetensors    `times` [T], `labels` [T, 2], and of each modality its rows [T, …] and `….valid` [T]
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cltool import __version__
from cltool.errors import CallError, nearest
from cltool.files import load_tensors, save_text, sha256
from cltool.video.films import Split

VALID = ".valid"  # what the mask of a modality is called after


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TensorFacts(_Strict):
    """What stands in a row of one tensor: who gives it, its shape, and its numbers' names where they have any."""

    modality: str
    shape: list[int]
    columns: list[str] = Field(default_factory=list)


class FilmEntry(_Strict):
    """A finished film: its file, where it came from, how much of it there is, and what was wrong with it.

    `source_state`: size and time of the source when it was read. `rate`: frames per second, the mean. `valid`: frames
    that are not masked, by tensor. `labelled`: frames with a label, None for a film without any. `origins`: where rows
    come from, by modality, where films may differ in it. `seconds` by stage.
    """

    file: str
    sha256: str
    source: str
    source_state: str
    frames: int
    rate: float
    width: int
    height: int
    valid: dict[str, int]
    labelled: int | None = None
    origins: dict[str, str] = Field(default_factory=dict)
    split: Split | None = None
    subject: str | None = None
    synthetic: bool = False
    notes: list[str] = Field(default_factory=list)
    seconds: dict[str, float] = Field(default_factory=dict)


class Index(_Strict):
    """index.json. `about`: by modality and origin, what decides its rows, such as versions and checksums of models."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    cltool: str = __version__
    tensors: dict[str, TensorFacts] = Field(default_factory=dict)
    about: dict[str, dict[str, Any]] = Field(default_factory=dict)
    films: dict[str, FilmEntry] = Field(default_factory=dict)
    left_out: dict[str, str] = Field(default_factory=dict)  # films that could not be read, and why

    @property
    def synthetic(self) -> bool:
        """Whether any film was made by a program."""
        return any(film.synthetic for film in self.films.values())

    def save(self, store: Path) -> None:
        """Write index.json, whole or not at all."""
        content = self.model_dump(mode="json", by_alias=True)
        save_text(store / "index.json", json.dumps(content, ensure_ascii=False, indent=1) + "\n")

    @classmethod
    def load(cls, store: Path) -> Index:
        """Read index.json; raises CallError where there is none, or none of this version."""
        path = store / "index.json"
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise CallError(f"{store} is no feature store: {path.name}: {error.strerror}") from None
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise CallError(f"{path}, {key}: {first['msg']}; extract anew with this version of cltool") from None


@dataclass(frozen=True, eq=False)
class StoredFilm:
    """One film of a store: its rows, memory-mapped when first asked for.

    `film["mesh"]` float32 [T, …]; where `film.valid("mesh")` bool [T] is False there was nothing to see or hear.
    `times` float64 [T], seconds. `labels` float32 [T, 2], valence and arousal, NaN where there is none.
    """

    name: str
    path: Path
    entry: FilmEntry

    @cached_property
    def _content(self) -> tuple[Mapping[str, NDArray[Any]], Mapping[str, Any]]:
        tensors, facts = load_tensors(self.path, "film")
        return {name: tensor.numpy() for name, tensor in tensors.items()}, facts

    @property
    def _tensors(self) -> Mapping[str, NDArray[Any]]:
        return self._content[0]

    def columns(self, tensor: str) -> list[str]:
        """Names of the numbers in a row, where they have any."""
        return list(self._content[1]["columns"].get(tensor, ()))

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of all that the file holds."""
        return tuple(self._tensors)

    def __len__(self) -> int:
        return self.entry.frames

    def __getitem__(self, tensor: str) -> NDArray[np.float32]:
        if tensor not in self._tensors:
            known = [name for name in self._tensors if not name.endswith(VALID)]
            raise CallError(f"{self.path} holds no {tensor!r}; {nearest(tensor, known)}")
        return self._tensors[tensor]

    def valid(self, tensor: str) -> NDArray[np.bool_]:
        """Mask bool [T] of a modality's rows."""
        return self[tensor + VALID].astype(bool, copy=False)

    @property
    def times(self) -> NDArray[np.float64]:
        """Seconds [T] from the film's first frame."""
        return self._tensors["times"]

    @property
    def labels(self) -> NDArray[np.float32]:
        """Valence and arousal [T, 2], NaN where there is no label."""
        return self["labels"]

    @property
    def intact(self) -> bool:
        """Whether the file is there, and still the one that was written."""
        return self.path.is_file() and sha256(self.path) == self.entry.sha256


@dataclass(frozen=True)
class FeatureStore(Mapping[str, StoredFilm]):
    """The films of a store by name.

    >>> FeatureStore("nowhere")
    Traceback (most recent call last):
    cltool.errors.CallError: nowhere is no feature store: index.json: No such file or directory
    """

    path: str | Path

    def __post_init__(self) -> None:
        _ = self.index  # whoever opens what is no store is told at once

    @cached_property
    def index(self) -> Index:
        """What index.json tells."""
        return Index.load(Path(self.path))

    def __getitem__(self, name: str) -> StoredFilm:
        if name not in self.index.films:
            raise CallError(f"{self.path} holds no film {name!r}; {nearest(name, self.index.films)}")
        entry = self.index.films[name]
        return StoredFilm(name, Path(self.path) / entry.file, entry)

    def __iter__(self) -> Iterator[str]:
        return iter(self.index.films)

    def __len__(self) -> int:
        return len(self.index.films)
