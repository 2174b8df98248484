"""FERPlus: facial expressions with the votes of ten annotators, in both layouts it is passed on in."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cltool import CallError, PictureSet, stream
from cltool.pictures import Block, ImageFile, RawPixels, Split
from cltool_plugins.streams.ferplus_votes import EMOTIONS, Mode, distribution
from cltool_plugins.streams.trees import Tree

FOLDERS = {"Training": "FER2013Train", "PublicTest": "FER2013Valid", "PrivateTest": "FER2013Test"}
LICENCE = "labels MIT (Microsoft); pictures FER2013: collected from the web, research only, not to be redistributed"
LAYOUT = (
    "fer2013.csv (Kaggle's challenge data, behind a login) with fer2013new.csv "
    "(github.com/microsoft/FERPlus), or FER2013Train/, FER2013Valid/, FER2013Test/ with PNG files and "
    "label.csv, as a folder or a zip"
)


@dataclass(frozen=True)
class Face:
    """One annotated picture: where it belongs, what it is called, and ten vote counts."""

    usage: str
    name: str
    votes: tuple[float, ...]
    row: int = -1  # in fer2013new.csv, which runs beside fer2013.csv row by row

    @property
    def path(self) -> str:
        return f"{FOLDERS[self.usage]}/{self.name}.png"


@stream(source="Barsoum et al. 2016", tasks=4, classes_per_task=2, backbone="resnet18")
def ferplus(
    data_root: Path | None,
    *,
    mode: Annotated[Mode, Field(description="how votes become labels")] = "majority",
    emotions: Annotated[Literal[7, 8], Field(description="8, or 7 without contempt")] = 8,
    labels: Annotated[
        Literal["new", "folder"], Field(description="fer2013new.csv, or the folders' own label.csv")
    ] = "new",
    test: Annotated[Literal["private", "public"], Field(description="which part is tested on")] = "private",
) -> PictureSet:
    """FERPlus: 48×48 grey faces, 7 or 8 emotions by votes; from Kaggle's CSV or the PNG folders, or a zip.

    Modes as in the data set's own reader (`ferplus_votes`). `crossentropy` learns from the votes' shares,
    `multi_target` from all labels taken alike; in `probability` each training picture's label is drawn from
    its votes, once. A test picture counts as its largest label in every mode. Raises CallError: no data
    given (it is never downloaded: FER2013 is handed out behind a login), neither layout there, missing
    pictures or votes.
    """
    if data_root is None:
        raise CallError(f"--stream ferplus needs --data-root: {LAYOUT}")
    tree = _inner(Tree.of(data_root))
    faces, told = _faces(tree, labels)
    outputs = EMOTIONS[:emotions]
    picture, decode, there = _pixels(tree, told)
    rng = np.random.default_rng(0)  # for mode=probability; the run's --seed leaves the data alone
    parts: dict[str, dict[str, Block]] = {}
    tested = "PrivateTest" if test == "private" else "PublicTest"
    for usage, split in (("Training", "train"), (tested, "test")):
        own = [face for face in faces if face.usage == usage]
        shared = [(face, distribution(face.votes, mode, len(outputs))) for face in own]
        kept = [(face, share) for face, share in shared if share is not None]
        if missing := [face.path for face, _ in kept if not there(face)]:
            raise CallError(
                f"{data_root} lacks {missing[0]}, one of {len(missing)} {split} pictures that {told} "
                "tells of; put them there, or take their rows out"
            )
        parts[split] = _blocks(kept, split, mode, outputs, picture, decode, rng)  # type: ignore[arg-type]
        if lacking := [name for name, block in parts[split].items() if not len(block)]:
            raise CallError(
                f"{data_root}: no {split} picture of {lacking[0]!r} with mode={mode}, labels={labels}; "
                "take the whole data set, or another mode"
            )
    note = f"FERPlus labels from {told}, mode {mode}, {test} test"
    soft = mode in ("crossentropy", "multi_target")
    return PictureSet(outputs, parts["train"], parts["test"], soft, note, LICENCE)


def _inner(tree: Tree) -> Tree:
    """The tree, or the only folder in it, whichever holds the data."""
    top = set(tree.names) | set(tree.folders)
    wrapped = len(tree.folders) == 1 and not top & {"fer2013.csv", "fer2013new.csv", *FOLDERS.values()}
    return tree.below(tree.folders[0]) if wrapped else tree


def _faces(tree: Tree, labels: str) -> tuple[list[Face], str]:
    """All annotated faces, each name once (its first row holds), and which file told."""
    new = "fer2013new.csv" in tree.names
    own = [folder for folder in FOLDERS.values() if f"{folder}/label.csv" in tree.names]
    if "fer2013.csv" not in tree.names and not own:
        raise CallError(f"{tree.root} holds no FERPlus; wanted: {LAYOUT}")
    if not own and (labels == "folder" or not new):
        lacking = "label.csv" if labels == "folder" else "fer2013new.csv"
        raise CallError(f"{tree.root} lacks {lacking}; wanted: {LAYOUT}")
    if labels == "new" and new:
        rows = enumerate(_rows(tree, "fer2013new.csv")[1:])
        faces = [Face(r[0], _stem(r[1]), _votes(r), i) for i, r in rows if any(map(str.strip, r[1:2]))]
        return _once(faces), "fer2013new.csv"
    faces = [
        Face(usage, _stem(r[0]), _votes(r))
        for usage, folder in FOLDERS.items()
        if folder in own
        for r in _rows(tree, f"{folder}/label.csv")
    ]
    return _once(faces), "the folders' label.csv"


def _rows(tree: Tree, name: str) -> list[list[str]]:
    try:
        text = tree.read(name).decode("utf-8-sig")
        return [row for row in csv.reader(io.StringIO(text)) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CallError(f"cannot read {tree.root / name}: {error}; put the data set's own there") from None


def _stem(name: str) -> str:
    return name.strip().removesuffix(".png")


def _votes(row: Sequence[str]) -> tuple[float, ...]:
    try:
        votes = tuple(float(cell) for cell in row[2:])
    except ValueError:
        votes = ()
    if len(votes) != 10:
        raise CallError(
            f"the FERPlus row {','.join(row)!r} must end in ten numbers of votes after two other columns; "
            "repair it, or take the data set's own file"
        )
    return votes


def _once(faces: Iterable[Face]) -> list[Face]:
    first: dict[str, Face] = {}
    for face in faces:
        first.setdefault(face.name, face)
    return list(first.values())


def _pixels(tree: Tree, told: str) -> tuple[Callable[[Face], bytes], Callable, Callable[[Face], bool]]:
    """How a face's encoded picture is had, how it is decoded, and whether it is there at all."""
    if "fer2013.csv" in tree.names and told == "fer2013new.csv":  # the only labels that name its rows
        rows = _rows(tree, "fer2013.csv")[1:]

        def from_csv(face: Face) -> bytes:
            try:
                return np.array(rows[face.row][1].split(), dtype=np.uint8).tobytes()
            except (ValueError, OverflowError, IndexError) as error:
                raise OSError(f"row {face.row + 2} of fer2013.csv: {error}") from None

        return from_csv, RawPixels(1, 48, 48), lambda face: face.row < len(rows)
    names = frozenset(tree.names)
    return lambda face: tree.read(face.path), ImageFile("L"), lambda face: face.path in names


def _blocks(
    kept: Sequence[tuple[Face, NDArray[np.float64]]],
    split: Split,
    mode: Mode,
    outputs: Sequence[str],
    picture: Callable[[Face], bytes],
    decode: Callable,
    rng: np.random.Generator,
) -> dict[str, Block]:
    import torch

    label = [int(share.argmax()) for _, share in kept]
    if mode == "probability" and split == "train":
        label = [int(rng.choice(len(outputs), p=share)) for _, share in kept]
    soft = mode in ("crossentropy", "multi_target")

    def block(number: int, name: str) -> Block:
        faces = [face for (face, _), own in zip(kept, label, strict=True) if own == number]
        shares = [share for (_, share), own in zip(kept, label, strict=True) if own == number]
        targets = torch.from_numpy(np.stack(shares)).float() if soft and shares else None
        if targets is not None and mode == "multi_target":
            targets = (targets > 0) / (targets > 0).sum(1, keepdim=True)
        called = [face.path for face in faces]
        return Block(name, split, called, lambda i: picture(faces[i]), decode, targets)

    return {name: block(number, name) for number, name in enumerate(outputs)}
