"""Image data sets of the Hugging Face Hub, or of a folder that the library `datasets` reads."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from unittest.mock import patch

import numpy as np
from pydantic import Field

from cltool import CallError, PictureSet, stream
from cltool.cache import cache_folder
from cltool.errors import nearest
from cltool.pictures import Block, ImageFile, Split

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict, Features

HELD_OUT = ("test", "validation", "valid", "val", "dev")  # what a split to be scored on is called, the first one wins
SAVED = ("dataset_dict.json", "state.json")  # one of them lies in a folder that `save_to_disk` wrote


@stream(
    source="Lhoest et al. 2021, arXiv:2109.02846",
    argument="name",
    example={"name": "./digits"},
    tasks=10,
    backbone="resnet18",
)
def hf(
    data_root: Path | None,
    *,
    name: Annotated[str, Field(description="a name on the Hub, such as uoft-cs/cifar10, or a folder")],
    config: Annotated[str | None, Field(description="which of its configurations, where it has several")] = None,
    split: Annotated[str, Field(description="the split to learn from")] = "train",
    test: Annotated[
        str | None, Field(description=f"the split to score on; unless given the first of {', '.join(HELD_OUT)}")
    ] = None,
    image: Annotated[str | None, Field(description="the column of pictures; the only one unless given")] = None,
    label: Annotated[str | None, Field(description="the column of classes; the only one unless given")] = None,
    mode: Annotated[Literal["RGB", "L"], Field(description="colour or grey")] = "RGB",
    test_share: Annotated[
        float, Field(gt=0, lt=1, description="share of each class held out where there is no split to score on")
    ] = 0.2,
) -> PictureSet:
    """Image data sets by the library `datasets`: hf:NAME on the Hugging Face Hub, or a folder of yours.

    `name` is a folder, below `data_root` where that is given: parquet or arrow files, class folders, or what
    `save_to_disk` wrote; else a name on the Hub, which `datasets` downloads once, to where it keeps its own
    (`HF_HOME`). What begins with `.`, `/` or `~` is a folder and nothing else. Classes are those of a ClassLabel, in
    its order; of another column, which must be named, they are its values, sorted. Pictures are the bytes that the
    data hold, read when they are wanted.
    Raises CallError: `datasets` is not installed, nothing of this name, no connection, a split or column that is not
    there, several that could be meant, a class without pictures to learn from or to score on.
    """
    where = f"--stream hf:{name}"
    found = _loaded(where, name, data_root, config)
    train = _split(where, found, split)
    image, label = _image_column(where, train.features, image), _label_column(where, train.features, label)
    classes = _classes(train, label)
    held = test or next((n for n in HELD_OUT if n in found and n != split and _has_labels(found[n], label)), None)
    if held is not None and (lost := {image, label} - set(_split(where, found, held).features)):
        raise CallError(f"{where}: split {held!r} has no column {min(lost)!r}; choose another with test=SPLIT")
    sides = {s: _blocks(where, found[n], n, s, (image, label), classes, mode) for s, n in _sides(split, held)}
    names = tuple(n for n in classes.values() if any(len(side[n]) for side in sides.values()))
    for side, blocks in sides.items():
        if empty := next((n for n in names if not len(blocks[n])), None):
            raise CallError(
                f"{where}: class {empty!r} has no pictures in {held if side == 'test' else split!r}; "
                "choose other splits with split=… and test=…"
            )
    pictures = PictureSet(names, sides["train"], sides.get("test", {}), licence=str(train.info.license or ""))
    return pictures if held else _held_out(where, pictures, split, test_share)


def _sides(split: str, held: str | None) -> Iterable[tuple[Split, str]]:
    """Which split of the data is for what."""
    return [("train", split), ("test", held)] if held else [("train", split)]


def _loaded(where: str, name: str, data_root: Path | None, config: str | None) -> DatasetDict:
    """All splits, mapped from disk; downloaded before where they have to be. Raises CallError."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # counts before the library is first imported
    try:
        from datasets import Dataset, DatasetDict, load_dataset, load_from_disk
    except ImportError:
        raise CallError(f"{where} needs the library datasets; pip install cltool[hf]") from None
    folder = (data_root / name if data_root is not None else Path(name)).expanduser()
    if name.startswith((".", "/", "~")) and not folder.is_dir():
        raise CallError(f"{where}: there is no folder {folder}; leave out the leading {name[0]} for a name on the Hub")
    try:
        if folder.is_dir() and any((folder / file).is_file() for file in SAVED):
            saved = load_from_disk(str(folder))
            return DatasetDict({"train": saved}) if isinstance(saved, Dataset) else saved
        # kept apart from what comes from the Hub: offline, `datasets` takes a name for any folder once called so
        own = {"path": str(folder), "cache_dir": str(cache_folder("hf"))} if folder.is_dir() else {"path": name}
        with nullcontext() if folder.is_dir() else _offline_if_it_must_be():
            loaded: DatasetDict = load_dataset(name=config, **own)
        return loaded
    except ConnectionError as error:
        raise CallError(
            f"{where}: there is no folder {folder}, and the Hub cannot be reached ({_short(error)}); connect once, or "
            "give a folder of parquet or arrow files"
        ) from None
    except FileNotFoundError as error:
        raise CallError(f"{where}: no such data set, here or on the Hub: {_short(error)}") from None
    except Exception as error:  # files of any kind may be in the folder, and every reader has errors of its own
        raise CallError(f"{where}: datasets cannot read it: {_short(error)}") from None


@contextmanager
def _offline_if_it_must_be() -> Iterator[None]:
    """While it lasts, `datasets` asks its cache alone where the Hub does not answer, not both for half a minute."""
    from datasets import config
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session

    offline = config.HF_HUB_OFFLINE
    try:
        if not offline:
            get_session().head(constants.ENDPOINT, timeout=10)
    except Exception:  # of the library that asks, which is not always the same
        offline = True
    with patch.object(config, "HF_HUB_OFFLINE", offline):
        yield


def _short(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _split(where: str, found: DatasetDict, split: str) -> Dataset:
    if split not in found:
        raise CallError(f"{where}: it has no split {split!r}; {nearest(split, found)}")
    return found[split]


def _image_column(where: str, features: Features, chosen: str | None) -> str:
    from datasets import Image

    columns = [name for name, feature in features.items() if isinstance(feature, Image)]
    if chosen is not None and chosen not in columns:
        raise CallError(f"{where}: {chosen!r} is no column of pictures; {nearest(chosen, columns)}")
    if chosen is None and len(columns) != 1:
        several = f"several columns of pictures; choose with image=, one of {', '.join(columns)}"
        raise CallError(f"{where}: it has {several if columns else f'no column of pictures among {_told(features)}'}")
    return chosen or columns[0]


def _label_column(where: str, features: Features, chosen: str | None) -> str:
    from datasets import ClassLabel

    if chosen is not None:
        if chosen not in features:
            raise CallError(f"{where}: it has no column {chosen!r}; {nearest(chosen, features)}")
        kind = getattr(features[chosen], "dtype", "")
        if not isinstance(features[chosen], ClassLabel) and not kind.startswith(("int", "uint", "string", "bool")):
            raise CallError(f"{where}: column {chosen!r} holds no classes; there are: {_told(features)}")
        return chosen
    columns = [name for name, feature in features.items() if isinstance(feature, ClassLabel)]
    if len(columns) != 1:
        what = "several columns of classes" if columns else "no column of classes (ClassLabel)"
        raise CallError(f"{where}: it has {what}; choose with label=, one of {', '.join(columns) or _told(features)}")
    return columns[0]


def _told(features: Features) -> str:
    return ", ".join(features)


def _classes(data: Dataset, label: str) -> Mapping[object, str]:
    """Names of classes by what stands in the column of labels, in order."""
    from datasets import ClassLabel

    feature = data.features[label]
    if isinstance(feature, ClassLabel):
        return dict(enumerate(feature.names))
    return {value: str(value) for value in sorted(value for value in data.unique(label) if value is not None)}


def _has_labels(data: Dataset, label: str) -> bool:
    """Whether its pictures have classes: competitions publish test splits where all are −1."""
    return label in data.features and any(value not in (None, -1) for value in data.unique(label))


def _blocks(
    where: str,
    data: Dataset,
    called: str,
    split: Split,
    columns: tuple[str, str],
    classes: Mapping[object, str],
    mode: Literal["RGB", "L"],
) -> dict[str, Block]:
    """Blocks by class of a split that the data call `called`; pictures without a class are left out."""
    from datasets import Image

    image, label = columns
    labels = list(data[label])
    if foreign := next((v for v in labels if v not in classes and v not in (None, -1)), None):
        raise CallError(f"{where}: class {foreign!r} of split {called!r} is none of those to learn")
    pictures = data.select_columns([image]).cast_column(image, Image(decode=False))
    place = {value: number for number, value in enumerate(classes)}
    numbers = np.array([place.get(value, -1) for value in labels])

    def block(number: int, name: str) -> Block:
        at = np.flatnonzero(numbers == number)

        def read(index: int) -> bytes:
            picture = pictures[int(at[index])][image]
            if picture is None:
                raise OSError("the data have none in its place")
            encoded: bytes | None = picture["bytes"]
            return encoded if encoded is not None else Path(picture["path"]).read_bytes()

        return Block(name, split, [f"{called} picture {i} ({name})" for i in at], read, ImageFile(mode))

    return {name: block(number, name) for number, name in enumerate(classes.values())}


def _held_out(where: str, pictures: PictureSet, split: str, share: float) -> PictureSet:
    """The set with a share of every class, drawn by a lot that no seed changes, to score on."""
    own = {name: pictures.train[name] for name in pictures.outputs}
    for name, block in own.items():
        if not 0 < round(share * len(block)) < len(block):
            raise CallError(
                f"{where}: it has no split to score on, and class {name!r} has {len(block)} pictures, too few to hold "
                f"out {share:g} of them; choose with test=SPLIT or test_share=SHARE"
            )
    return replace(pictures, train=own, note=f"{share:g} of {split!r} held out to score on").held_out(share)
