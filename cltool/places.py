"""Where a surgery acts: on a `task`'s head before merging, or on the `merged` head that is scored and saved."""

from __future__ import annotations

from typing import Literal, get_args

Place = Literal["task", "merged"]
PLACES: tuple[str, ...] = get_args(Place)


def split_place(text: str) -> tuple[str, str | None]:
    """A surgery's spelling without its place, and the place, None without one.

    >>> split_place("prune:margin=0.1@task"), split_place("task")
    (('prune:margin=0.1', 'task'), ('task', None))
    """
    rest, at, place = text.rpartition("@")
    return (rest, place) if at and place in PLACES else (text, None)
