"""What a film says of itself: the title and comment of its file, in which films made by a program say so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cltool.video.decoding import numbered_pictures

WORDS = ("title", "comment")


def says_synthetic(words: Mapping[str, str]) -> bool:
    """Whether a film's own words call it synthetic.

    >>> says_synthetic({"comment": "SYNTHETIC: nobody was filmed"}), says_synthetic({})
    (True, False)
    """
    return any("synthetic" in told.lower() for told in words.values())


def own_words(source: Path) -> dict[str, str]:
    """What a film says of itself: its container's title and comment; the comment of the first of numbered pictures."""
    found = _comment(source) if source.is_dir() else _metadata(source)
    return {key: found[key] for key in WORDS if found.get(key)}


def _metadata(film: Path) -> dict[str, str]:
    import av

    with av.open(str(film), metadata_errors="replace") as container:
        return {key.lower(): words for key, words in container.metadata.items()}  # Matroska's are in capitals


def _comment(folder: Path) -> dict[str, str]:
    from PIL import Image

    first = next(iter(numbered_pictures(folder).values()))
    try:
        with Image.open(folder / first) as picture:
            comment = picture.info.get("comment", "")
    except (OSError, Image.DecompressionBombError):  # a picture that is read as missing
        return {}
    return {"comment": comment.decode("utf-8", "replace") if isinstance(comment, bytes) else str(comment)}
