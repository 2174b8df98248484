"""How large a frame's picture is, also where it has none."""

from __future__ import annotations

from cltool.video.modalities import Picture


class PictureSize:
    """(width, height) in pixels of one picture after another; the last known where there is none.

    >>> import numpy as np
    >>> size = PictureSize()
    >>> size(None), size(np.zeros((2, 3, 3), np.uint8)), size(None)
    (None, (3, 2), (3, 2))
    """

    def __init__(self) -> None:
        self._last: tuple[int, int] | None = None

    def __call__(self, picture: Picture | None) -> tuple[int, int] | None:
        if picture is not None:
            self._last = picture.shape[1], picture.shape[0]
        return self._last
