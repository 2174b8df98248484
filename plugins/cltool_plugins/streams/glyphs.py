"""Pictures that the project draws itself: glyphs of fonts, strokes, shapes and textures."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cltool import CallError, PictureSet, stream
from cltool.pictures import Block, RawPixels, Split
from cltool.progress import Progress
from cltool_plugins.drawings import fonts, shapes, strokes

HELD_OUT = 5  # every fifth font of a character, or drawing of a class, is a test picture
FEWEST = 3  # fonts that have a character: one to learn from, one to choose the best epoch by, one to test on
SUFFIXES = (".ttf", ".otf")

Draw = Callable[[int], NDArray[np.uint8]]
Count = Annotated[int, Field(ge=0)]


TRIED = {"characters": 0, "hands": 100, "shapes_and_textures": False, "drawings": 3}  # by the contract: without fonts


@stream(source="drawn by cltool", tasks=10, classes_per_task=10, backbone="glyphnet", example=TRIED)
def glyphs(
    data_root: Path | None,
    progress: Progress,
    *,
    characters: Annotated[Count, Field(description="at most so many characters of fonts")] = 2000,
    per_character: Annotated[int, Field(ge=3, description="at most so many fonts of each")] = 20,
    hands: Annotated[Count, Field(description="characters of no script, made of pen strokes")] = 1500,
    shapes_and_textures: Annotated[bool, Field(description="whether there are such classes")] = True,
    drawings: Annotated[int, Field(ge=3, description="of each class that comes from no font")] = 25,
) -> PictureSet:
    """Drawings, 32×32 grey: characters of this computer's fonts in many scripts, pen strokes, shapes, textures.

    `data_root` is a folder with .ttf and .otf files, at any depth; without it, the system's fonts. The scripts
    of streams (Latin, Arabic, Greek, Hangul, Balinese, Aramaic letters and all digits) are left out, and whatever is,
    pixel for pixel, one of theirs in its font. So a network trained on it has seen neither a stream's pictures nor
    its characters, though some that are much like them (Cyrillic У is one).
    Raises CallError: no fonts there.
    """
    classes: dict[str, tuple[int, Draw]] = {}
    if characters:
        classes.update(_characters(_font_files(data_root), characters, per_character, progress))
    for number in range(hands):
        classes[f"strokes {number:04d}"] = drawings, partial(strokes.draw, number)
    if shapes_and_textures:
        for number, (style, corners, aspect) in enumerate(shapes.SHAPES):
            classes[f"{style} {corners} {aspect:g}"] = drawings, partial(shapes.draw_shape, number)
        for number, (kind, scale, angle) in enumerate(shapes.TEXTURES):
            classes[f"{kind} {scale:g} {angle}"] = drawings, partial(shapes.draw_texture, number)
    if not classes:
        raise CallError("--stream glyphs: nothing to draw; leave characters, hands or shapes_and_textures on")
    return PictureSet(
        tuple(classes),
        _blocks(classes, "train"),
        _blocks(classes, "test"),
        note="synthetic: drawn by cltool",
        licence="drawn by cltool, from fonts with licences of their own, none of which is passed on",
    )


def _font_files(data_root: Path | None) -> list[Path]:
    if data_root is None:
        from matplotlib.font_manager import findSystemFonts

        files = [Path(file) for file in findSystemFonts()]
    else:
        files = [file for file in data_root.rglob("*") if file.is_file()]
    found = [file for file in files if file.suffix.lower() in SUFFIXES]
    if not found:
        where = "this computer" if data_root is None else f"--data-root {data_root}"
        raise CallError(f"{where} has no .ttf or .otf font; install some (fonts-noto-core, say), or give their folder")
    return found


def _characters(files: list[Path], limit: int, per_character: int, progress: Progress) -> dict[str, tuple[int, Draw]]:
    taken = fonts.characters(fonts.faces(files, progress), limit, per_character, FEWEST, progress)
    if not taken:
        raise CallError(
            "the fonts given have no letter that three of them share and no stream has; add fonts of other scripts"
        )
    return {
        f"U+{code:04X} {unicodedata.name(chr(code)).lower()}": (len(paths), partial(_in_font, code, paths))
        for code, paths in taken.items()
    }


def _in_font(code: int, paths: tuple[Path, ...], number: int) -> NDArray[np.uint8]:
    return fonts.draw(code, paths[number])


def _blocks(classes: Mapping[str, tuple[int, Draw]], split: Split) -> dict[str, Block]:
    def block(name: str, count: int, draw: Draw) -> Block:
        test = [i for i in range(count) if i % HELD_OUT == HELD_OUT - 1] or [count - 1]
        chosen = test if split == "test" else [i for i in range(count) if i not in test]
        called = [f"{name}, drawing {i}" for i in chosen]
        return Block(name, split, called, lambda i: draw(chosen[i]).tobytes(), RawPixels(1, fonts.SIDE, fonts.SIDE))

    return {name: block(name, count, draw) for name, (count, draw) in classes.items()}
