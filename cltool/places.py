"""Where a surgery acts: on a `task`'s head before merging, or on the `merged` head that is scored and saved."""

from __future__ import annotations

from typing import Literal, get_args

Place = Literal["task", "merged"]
PLACES: tuple[str, ...] = get_args(Place)
