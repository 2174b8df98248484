"""Arguments that several commands take: how they are read, and what their help says."""

from __future__ import annotations

from pathlib import Path

from cltool.catalogue import discover
from cltool.errors import CallError


def names(kind: str) -> str:
    """The names of a kind for a help text, without importing any."""
    found = discover().names(kind)
    return ", ".join(found) if len(found) <= 12 else f"{', '.join(found[:6])}, … ({len(found)} in all)"


def parse_classes(text: str | None) -> int | list[int] | None:
    """`--classes-per-task`: a number or a list of them."""
    if text is None:
        return None
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        raise CallError(f"--classes-per-task {text}: give a number, or a list such as 3,2,2") from None
    return numbers if len(numbers) > 1 else numbers[0]


def parse_order(text: str | None) -> str | list[str] | None:
    """`--class-order`: a word, or the names that a file lists."""
    if text is None or text in ("given", "random"):
        return text
    try:
        lines = Path(text).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise CallError(f"--class-order {text}: give 'given', 'random' or a file ({error.strerror})") from None
    return [line.strip() for line in lines if line.strip()]


def parse_backbone(backbone: str | None, universal: str | None) -> str | None:
    """`--backbone`, for which `--universal` may stand."""
    if backbone is not None and universal is not None:
        raise CallError("--universal is short for --backbone universal:on=…; give one of the two")
    return f"universal:on={universal}" if universal is not None else backbone


def parse_seeds(text: str) -> list[int]:
    """`--seeds`: how many, from 0 on, or a list of them.

    >>> parse_seeds("3"), parse_seeds("0,3,7")
    ([0, 1, 2], [0, 3, 7])
    """
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        raise CallError(f"--seeds {text}: give a number, or a list such as 0,3,7") from None
    if len(found) == 1 and found[0] < 1:
        raise CallError(f"--seeds {text}: there must be at least one")
    seeds = list(range(found[0])) if len(found) == 1 else found
    if twice := [seed for place, seed in enumerate(seeds) if seed in seeds[:place]]:
        raise CallError(f"--seeds {text}: {twice[0]} stands twice")
    return seeds
