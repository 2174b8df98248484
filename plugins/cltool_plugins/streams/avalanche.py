"""Avalanche's classic benchmarks, as picture sets: what it downloads and how it cuts them, by its own code."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from cltool import CallError, PictureSet, stream
from cltool.errors import nearest
from cltool.pictures import Block, ImageFile, Split
from cltool_plugins.avalanche.library import generators_left_alone, library
from cltool_plugins.streams.downloads import data_folder, quietly

# Those whose experiences are of disjoint classes, with what has to be said where the caller says nothing.
BENCHMARKS: Mapping[str, Mapping[str, Any]] = {
    "SplitMNIST": {"n_experiences": 5, "seed": 0},
    "SplitFMNIST": {"n_experiences": 5, "seed": 0},
    "SplitCIFAR10": {"n_experiences": 5, "seed": 0},
    "SplitCIFAR100": {"n_experiences": 10, "seed": 0},
    "SplitCIFAR110": {"n_experiences": 11, "seed": 0},
    "SplitTinyImageNet": {},
    "SplitImageNet": {},
    "SplitCUB200": {},
    "SplitInaturalist": {"download": True},
    "CORe50": {"scenario": "nc"},
}
_OTHERS = "its test pictures are of other characters than its training pictures; take --stream folder:depth=2"
_ALIKE = "all its experiences have the same classes, so that no class is new"
NOT_CLASSES = {
    "SplitOmniglot": _OTHERS,
    "SplitAlphabetOmniglot": _OTHERS,
    "PermutedMNIST": _ALIKE,
    "RotatedMNIST": _ALIKE,
}
Places = Sequence[tuple[Any, int]]  # samples: an Avalanche data set and a number in it


@stream(
    source="Carta et al. 2023, Avalanche: a PyTorch library for deep continual learning, JMLR 24",
    argument="name",
    example={"name": "SplitMNIST"},
    tasks=10,
    backbone="resnet18",
)
def avalanche(
    data_root: Path | None,
    *,
    name: Annotated[str, Field(description=f"one of {', '.join(BENCHMARKS)}")],
    n_experiences: Annotated[
        int | None, Field(ge=1, description="tasks; the benchmark's own number, or as many as are usual")
    ] = None,
    shuffle: Annotated[bool | None, Field(description="whether it shuffles classes; as it does by itself")] = None,
    seed: Annotated[int | None, Field(description="of that shuffle, 0; the run's --seed leaves it alone")] = None,
    run: Annotated[int | None, Field(ge=0, le=9, description="which of CORe50's orders, 0")] = None,
    mini: Annotated[bool | None, Field(description="CORe50 at 32×32 instead of 128×128")] = None,
    mode: Annotated[Literal["RGB", "L"], Field(description="colour or grey")] = "RGB",
) -> PictureSet:
    """Avalanche's classic benchmarks: avalanche:SplitTinyImageNet and others whose tasks are of disjoint classes.

    Classes stand in the benchmark's order and its experiences are the tasks, unless a run asks for others. Data are
    looked for at `data_root`, in Avalanche's own layout, and where they are missing, downloaded there by Avalanche
    (into the cache without a `data_root`). Pictures are those that Avalanche gives before its transforms, read when
    they are wanted. Raises CallError: Avalanche is not installed, no such benchmark or one that is not
    class-incremental, an option that it has not, data that are missing and cannot be had.
    """
    where = f"--stream avalanche:{name}"
    if name not in BENCHMARKS:
        raise CallError(f"{where}: {NOT_CLASSES.get(name) or f'no such benchmark; {nearest(name, BENCHMARKS)}'}")
    library()
    from avalanche.benchmarks import classic

    make = getattr(classic, name)
    asked = {"n_experiences": n_experiences, "shuffle": shuffle, "seed": seed, "run": run, "mini": mini}
    given = {option: value for option, value in asked.items() if value is not None}
    takes = inspect.signature(make).parameters
    if foreign := next((option for option in given if option not in takes), None):
        raise CallError(f"{where} has no option {foreign!r}; it has {', '.join(o for o in asked if o in takes)}")
    root = data_folder("avalanche", data_root)
    benchmark = _made(where, make, {**BENCHMARKS[name], **given}, root)
    train, test = (_by_class(getattr(benchmark, f"{split}_stream")) for split in ("train", "test"))
    names = _names(benchmark, train)
    if lacking := next((label for label in train if label not in test), None):
        raise CallError(f"{where}: class {names[lacking]!r} has no test pictures; the files in {root} are not complete")
    return PictureSet(
        tuple(names.values()),
        {called: _block(called, "train", train[label], mode) for label, called in names.items()},
        {called: _block(called, "test", test[label], mode) for label, called in names.items()},
        own_tasks=tuple(len(experience.classes_in_this_experience) for experience in benchmark.train_stream),
    )


def _made(where: str, make: Callable[..., Any], options: Mapping[str, Any], root: Path) -> Any:
    """The benchmark; raises CallError where its data are missing or an option does not fit them."""
    takes = inspect.signature(make).parameters
    roots = {option: root for option in takes if option.startswith("dataset_root")}
    root.mkdir(parents=True, exist_ok=True)
    try:
        with quietly(), generators_left_alone():  # it seeds them all for its shuffle
            return make(**options, **roots, train_transform=None, eval_transform=None)
    except ValueError as error:
        raise CallError(f"{where}: {_short(error)}") from None
    except Exception as error:  # a download, a damaged file or a missing package, each with errors of its own
        raise CallError(
            f"{where}: Avalanche cannot have its data ({_short(error)}); connect once, or put them into {root} as "
            f"Avalanche lays them out and give --data-root {root}"
        ) from None


def _short(error: Exception) -> str:
    told = str(getattr(error, "reason", None) or error)
    return told.splitlines()[0] if told else type(error).__name__


def _by_class(experiences: Any) -> dict[int, list[tuple[Any, int]]]:
    """The samples of a stream by class, in order of their experiences and, there, as the benchmark orders classes."""
    found: dict[int, list[tuple[Any, int]]] = {}
    for experience in experiences:
        data = experience.dataset
        for label, at in data.targets.val_to_idx.items():
            found.setdefault(int(label), []).extend((data, int(i)) for i in at)
    return found


def _names(benchmark: Any, train: Mapping[int, Places]) -> dict[int, str]:
    """What classes are called, by label, in the benchmark's order: as its data set says, else by number."""
    order = [int(label) for label in benchmark.classes_order]
    known = [called for source in _sources(benchmark) for called in _own_names(source)]
    names = {label: known[label] if label < len(known) else str(label) for label in order if label in train}
    twice = {called for called in names.values() if [*names.values()].count(called) > 1}
    return {label: f"{called} ({label})" if called in twice else called for label, called in names.items()}


def _sources(benchmark: Any) -> list[Any]:
    """The data sets under a benchmark's training stream; Avalanche tells them nowhere in public."""
    layers: list[Any] = [getattr(benchmark, "original_train_dataset", None)]
    found: list[Any] = []
    while layers:
        layer = layers.pop(0)
        inner = [layer._flat_data] if hasattr(layer, "_flat_data") else getattr(layer, "_datasets", [])
        layers = [*inner, *layers]
        if not inner and layer is not None and all(layer is not known for known in found):
            found.append(layer)
    return found


def _own_names(source: Any) -> list[str]:
    """The names of a data set's classes, by label; none where it tells none."""
    if hasattr(source, "id2label"):  # Tiny ImageNet: WordNet's numbers, and words beside them
        numbers = [source.id2label[i] for i in range(len(source.id2label))]
        words = source.data_folder / "words.txt"
        told = dict(line.split("\t", 1) for line in words.read_text().splitlines()) if words.is_file() else {}
        return [told.get(number, number).split(",")[0].strip() for number in numbers]
    if hasattr(source, "images_folder"):  # CUB-200: the folders, such as 001.Black_footed_Albatross
        folders = {label: str(path).split("/")[0] for path, label, *_ in source._images}
        return [folders.get(label, str(label)) for label in range(max(folders) + 1)]
    classes = getattr(source, "classes", None) or ()
    return [called if isinstance(called, str) else called[0] for called in classes]


def _block(called: str, split: Split, samples: Places, mode: Literal["RGB", "L"]) -> Block:
    def read(index: int) -> bytes:
        data, number = samples[index]
        return encoded(data[number][0])

    return Block(called, split, [f"{split} picture {i} ({called})" for i in range(len(samples))], read, ImageFile(mode))


def encoded(picture: Any) -> bytes:
    """A picture, of pillow or a tensor [C, H, W] in [0, 1], as a PGM or PPM file: nothing is lost, little is done.

    >>> from PIL import Image
    >>> encoded(Image.new("L", (2, 1), 7))
    b'P5 2 1 255\\n\\x07\\x07'
    """
    if isinstance(picture, np.ndarray):
        pixels = picture
    elif hasattr(picture, "convert"):
        pixels = np.asarray(picture.convert("L" if picture.mode in ("1", "L", "LA", "I", "F") else "RGB"))
    else:
        pixels = (picture * 255).round().byte().permute(1, 2, 0).numpy()
    pixels = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    kind, (high, wide) = ("P5" if pixels.ndim == 2 else "P6"), pixels.shape[:2]
    return f"{kind} {wide} {high} 255\n".encode() + np.ascontiguousarray(pixels).tobytes()
