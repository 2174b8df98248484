"""Anybody's own pictures, in class folders."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from cltool import CallError, PictureSet, stream
from cltool.pictures import Block, ImageFile, Split
from cltool_plugins.streams.trees import Tree

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm")
LICENCE = "the owner's own"
LAYOUT = "train/CLASS/*.jpg with val/CLASS/ or test/CLASS/ beside it, or just CLASS/*.jpg"


@stream(source="any folder or zip of pictures", tasks=10, backbone="resnet18")
def folder(
    data_root: Path | None,
    *,
    mode: Annotated[Literal["RGB", "L"], Field(description="colour or grey")] = "RGB",
    test_share: Annotated[
        float, Field(gt=0, lt=1, description="share of each class held out where there is no val/ or test/")
    ] = 0.2,
    split_seed: Annotated[int, Field(description="seed of that split; the run's --seed leaves it alone")] = 0,
    depth: Annotated[
        int, Field(ge=1, description="how many folders deep a class lies; 2: ALPHABET/CHARACTER/*.png")
    ] = 1,
) -> PictureSet:
    """Your own pictures in class folders: train/ and val|test/, or one folder split by a seed.

    The split goes by a hash of each file's name, so that adding pictures moves none to the other side. With `depth=2`
    a class is what lies two folders deep, called by both: `Greek/character01`.
    Raises CallError: no folder given, no pictures in it, a class that one side lacks.
    """
    if data_root is None:
        raise CallError(f"--stream folder needs --data-root, a folder or zip with {LAYOUT}")
    tree = Tree.of(data_root)
    if len(tree.folders) == 1 and tree.folders[0] != "train":  # a zip of one folder that holds it all
        inner = tree.below(tree.folders[0])
        tree = inner if inner.folders else tree
    if "train" in tree.folders:
        held = next((name for name in ("test", "val") if name in tree.folders), None)
        if held is None:
            raise CallError(f"--data-root {data_root} has train/ but neither val/ nor test/ beside it")
        train, test = _by_class(tree.below("train"), depth), _by_class(tree.below(held), depth)
        trees = tree.below("train"), tree.below(held)
        way_out = "add some, or remove the class"
    else:
        everything = _by_class(tree, depth)
        train, test = _split(everything, test_share, split_seed)
        trees = tree, tree
        way_out = "give the class more pictures, or choose another test_share or split_seed"
    if not train:
        raise CallError(f"--data-root {data_root} holds no pictures; wanted: {LAYOUT}")
    for ours, theirs, where in ((train, test, "test"), (test, train, "training")):
        if lacking := sorted(name for name in ours if not theirs.get(name)):
            raise CallError(f"--data-root {data_root}: class {lacking[0]!r} has no {where} pictures; {way_out}")
    decode = ImageFile(mode)
    return PictureSet(
        tuple(sorted(train)),
        {name: _block(name, "train", trees[0], files, decode) for name, files in train.items()},
        {name: _block(name, "test", trees[1], files, decode) for name, files in test.items()},
        licence=LICENCE,
    )


def _by_class(tree: Tree, depth: int) -> dict[str, list[str]]:
    """Pictures by the name of their class: the `depth` folders that they lie in, deeper ones not looked at."""
    classes: dict[str, list[str]] = {}
    for name in tree.names:
        *folders, _ = name.split("/")
        if len(folders) >= depth and name.lower().endswith(SUFFIXES):
            classes.setdefault("/".join(folders[:depth]), []).append(name)
    return classes


def _split(
    classes: Mapping[str, Sequence[str]], share: float, seed: int
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    def held_out(name: str) -> bool:
        digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
        return int.from_bytes(digest[:8], "little") < share * 2**64

    train = {c: [n for n in files if not held_out(n)] for c, files in classes.items()}
    test = {c: [n for n in files if held_out(n)] for c, files in classes.items()}
    return train, test


def _block(name: str, split: Split, tree: Tree, files: Sequence[str], decode: ImageFile) -> Block:
    called = [str(tree.root / file) for file in files]
    return Block(name, split, called, lambda i: tree.read(files[i]), decode)
