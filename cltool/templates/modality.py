"""How bright a frame is."""

from __future__ import annotations

from collections.abc import Mapping

from cltool import modality
from cltool.video.modalities import Extractor, Frames, Rows


class Brightness(Extractor):
    """One film's frames, a batch at a time."""

    shapes: Mapping[str, tuple[int, ...]] = {"mine": (1,)}

    def __call__(self, frames: Frames) -> Mapping[str, Rows]:
        """A row for each of these frames; what has no picture stays masked."""
        rows = Rows.none(len(frames), (1,))
        for number, picture in enumerate(frames.pictures):
            if picture is not None:
                rows.values[number], rows.valid[number] = picture.mean() / 255, True
        return {"mine": rows}


@modality(source="where the idea comes from")
def mine() -> Extractor:
    """The mean of a frame's pixels, from 0 to 1.

    Gives `mine` [1].

    Ask for `film: Film`, `backbone: Backbone` or `device: str` to have them; say `@modality(after=("mesh",))` to find
    Face Mesh's points in `frames.rows["mesh"]`.

    >>> mine().shapes["mine"]
    (1,)
    """
    return Brightness()
