"""Characters of many scripts, drawn from the fonts of this computer."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cltool.progress import Progress

Item = TypeVar("Item")

SIDE = 32  # of every drawing, in pixels
INK = 24  # the longer side of what is drawn
HEIGHT = 48  # at which fonts are drawn before they are brought to that

# What stands in the pictures of streams (EMNIST, digits, Arabic and Omniglot's letters), or looks just like it
SCRIPTS_OF_STREAMS = frozenset({
    "LATIN", "DIGIT", "ROMAN", "NUMERAL", "NUMBER", "FULLWIDTH", "MATHEMATICAL", "SCRIPT", "BLACK-LETTER",
    "DOUBLE-STRUCK", "TURNED", "ARABIC", "GREEK", "HANGUL", "BALINESE", "ARAMAIC",
})  # fmt: skip


@dataclass(frozen=True)
class Face:
    """A font file, the family it belongs to, and the characters it has."""

    path: Path
    family: str
    characters: frozenset[int]


def of_streams(character: int) -> bool:
    """Whether a character belongs to a script that streams are made of.

    >>> of_streams(ord("A")), of_streams(ord("अ"))
    (True, False)
    """
    return not SCRIPTS_OF_STREAMS.isdisjoint(unicodedata.name(chr(character), "LATIN").split())


def script(character: int) -> str:
    """The first word of a character's Unicode name, which is nearly always its script.

    >>> script(ord("अ"))
    'DEVANAGARI'
    """
    return unicodedata.name(chr(character), "?").split()[0]


def faces(files: Sequence[Path], progress: Progress) -> list[Face]:
    """The fonts that can be read, with the letters they have, in order of their file names."""
    found = []
    with progress.track("reading fonts", len(files)) as advance:
        for path in sorted(files, key=lambda file: file.name):
            advance(1)
            face = _face(path)
            if face is not None:
                found.append(face)
    return found


def _face(path: Path) -> Face | None:
    """A font as fontTools reads it; None where it cannot, or PIL could not draw it."""
    from fontTools.ttLib import TTFont, TTLibError

    try:
        with TTFont(path, lazy=True, fontNumber=0) as font:
            characters = font.getBestCmap() or {}
            family = font["name"].getDebugName(16) or font["name"].getDebugName(1) or path.stem
        _opened(path)
    except (TTLibError, OSError, KeyError, AttributeError, AssertionError, ValueError):
        return None
    letters = frozenset(c for c in characters if unicodedata.category(chr(c)) in ("Lo", "Lu", "Ll"))
    return Face(path, family, letters) if letters else None


@lru_cache(maxsize=512)
def _opened(path: Path):  # type: ignore[no-untyped-def]  # PIL's FreeTypeFont
    from PIL import ImageFont

    return ImageFont.truetype(str(path), HEIGHT, layout_engine=ImageFont.Layout.BASIC)


def draw(character: int, path: Path) -> NDArray[np.uint8]:
    """A character of a font, uint8 [32, 32], white on black, its longer side 24 pixels, in the middle.

    All black where the font has the character but no ink for it.
    """
    import cv2

    mask = _opened(path).getmask(chr(character), mode="L")
    width, height = mask.size
    picture = np.zeros((SIDE, SIDE), np.uint8)
    if not width or not height or mask.getbbox() is None:
        return picture
    left, top, right, bottom = mask.getbbox()
    ink = np.asarray(mask, dtype=np.uint8).reshape(height, width)[top:bottom, left:right]
    scale = INK / max(ink.shape)
    sides = [max(1, round(side * scale)) for side in reversed(ink.shape)]
    ink = cv2.resize(ink, sides, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR).astype(np.uint8)
    y, x = ((SIDE - side) // 2 for side in ink.shape)
    picture[y : y + ink.shape[0], x : x + ink.shape[1]] = ink
    return picture


def characters(
    found: Sequence[Face], limit: int, per_character: int, fewest: int, progress: Progress
) -> dict[int, tuple[Path, ...]]:
    """Which characters to draw from which fonts: at most `limit`, all scripts in turn, each in `fewest` fonts or more.

    Fonts of a character are those of different families first. Left out are the streams' scripts, what looks exactly
    like one of theirs, and what looks exactly like a character taken before.
    """
    fonts: dict[int, list[Face]] = {}
    for face in found:
        for character in face.characters:
            fonts.setdefault(character, []).append(face)
    several = {c: own for c, own in fonts.items() if len(own) >= fewest and not of_streams(c)}
    by_script: dict[str, list[int]] = {}
    for character in sorted(several):
        by_script.setdefault(script(character), []).append(character)
    queues = [_shuffled(own) for _, own in sorted(by_script.items())]
    seen: dict[Path, set[bytes]] = {}
    taken: dict[int, tuple[Path, ...]] = {}
    with progress.track("choosing characters", limit) as advance:
        for character in _in_turn(queues):
            if len(taken) == limit:
                break
            inked = [
                face
                for face in islice(_families_in_turn(several[character]), per_character)
                if draw(character, face.path).any()
            ]
            if len(inked) >= fewest and _is_new(character, inked[0], seen):
                taken[character] = tuple(face.path for face in inked)
                advance(1)
    return taken


def _is_new(character: int, face: Face, seen: dict[Path, set[bytes]]) -> bool:
    """Whether a character looks like none before it in this font, nor like one of the streams'; remembers its looks."""
    if face.path not in seen:
        seen[face.path] = _looks_of_streams(face)
    looks = draw(character, face.path).tobytes()
    new = looks not in seen[face.path]
    seen[face.path].add(looks)
    return new


def _looks_of_streams(face: Face) -> set[bytes]:
    """What streams' characters look like in a font; Hangul's 11,172 syllables, like nothing else, are passed over."""
    wanted = (c for c in face.characters if not 0xAC00 <= c <= 0xD7A3 and of_streams(c))
    return {draw(character, face.path).tobytes() for character in wanted}


def _shuffled(numbers: Iterable[int]) -> list[int]:
    return sorted(numbers, key=lambda n: hashlib.sha256(str(n).encode()).digest())


def _families_in_turn(own: Sequence[Face]) -> Iterator[Face]:
    """One font of every family, then a second of every family, …; within a family by lot."""
    families: dict[str, list[Face]] = {}
    for face in sorted(own, key=lambda f: hashlib.sha256(f.path.name.encode()).digest()):
        families.setdefault(face.family, []).append(face)
    return _in_turn(list(families.values()))


def _in_turn(queues: Sequence[Sequence[Item]]) -> Iterator[Item]:
    """The first of every queue, then the second of every one that has it, and so on."""
    return (item for item in chain.from_iterable(zip_longest(*queues)) if item is not None)
