"""What a film says of itself: the title and comment of its file, in which films made by a program say so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

WORDS = ("title", "comment")


def of_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """Title and comment among a container's metadata, where there are any.

    >>> of_metadata({"TITLE": "A film", "encoder": "x264"})
    {'title': 'A film'}
    """
    found = {key.lower(): words for key, words in metadata.items()}  # Matroska's are in capitals
    return {key: found[key] for key in WORDS if found.get(key)}


def of_picture(path: Path) -> dict[str, str]:
    """The comment of a picture's file, where there is one."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            comment = picture.info.get("comment", "")
    except (OSError, Image.DecompressionBombError):  # a picture that is read as missing
        return {}
    words = comment.decode("utf-8", "replace") if isinstance(comment, bytes) else str(comment)
    return {"comment": words} if words else {}


def says_synthetic(words: Mapping[str, str]) -> bool:
    """Whether a film's own words call it synthetic.

    >>> says_synthetic({"comment": "SYNTHETIC: nobody was filmed"}), says_synthetic({})
    (True, False)
    """
    return any("synthetic" in told.lower() for told in words.values())
