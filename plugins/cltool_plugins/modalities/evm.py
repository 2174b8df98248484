"""Pulse and small motions: aligned faces, magnified, as features of the backbone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from cltool import Backbone, modality
from cltool.video.decoding import probe
from cltool.video.films import Film
from cltool.video.magnification import DEFAULTS, Magnifier
from cltool.video.modalities import Extractor, Frames, Picture, Rows
from cltool_plugins.modalities.alignment import SIDE, aligned, eyes_and_mouth
from cltool_plugins.modalities.face import SquareFeatures

TOGETHER = 32  # pictures that go through the backbone at a time


@modality(source="Wu et al. 2012; Orgil 2022, §1.2.5, §3.2.3", after=("mesh",))
def evm(
    film: Film,
    backbone: Backbone,
    device: str,
    *,
    method: Annotated[Literal["colour", "motion"], Field(description="what is magnified; its band follows")] = "colour",
    alpha: Annotated[float, Field(ge=0, description="what is found in the band is added so many times")] = 5.0,
    size: Annotated[int, Field(ge=32, description="side of the aligned face in pixels")] = SIDE,
) -> Extractor:
    """The face made upright by eyes and mouth, its colour or motion magnified, as features of the backbone.

    Gives `evm` [F], F the backbone's width. Colour between .8 and 3 Hz, or motion between .8 and 5 Hz, as in the
    thesis. Before the first face the filter is shown nothing; in later frames without one the last stands still. Their
    rows are masked. Raises CallError for a film of too few frames per second for the band.
    """
    from dataclasses import replace

    settings = replace(DEFAULTS[method], alpha=alpha)
    rate = probe(film.pictures, film.rate).rate
    settings.check(size, size, rate)
    return MagnifiedFaces(SquareFeatures(backbone, device), Magnifier(settings, rate), size)


class MagnifiedFaces(Extractor):
    """One film's aligned faces through the magnifier, which gives some back late, and then the backbone."""

    def __init__(self, features: SquareFeatures, magnifier: Magnifier, side: int) -> None:
        self.shapes = {"evm": (features.width,)}
        self.about = {**features.about, "magnification": str(magnifier.settings), "side": side}
        self._features, self._magnifier, self._side = features, magnifier, side
        self._crop: Picture | None = None
        self._early = 0  # frames before the first face, which the magnifier is not shown
        self._seen: list[bool] = []  # of each picture that the magnifier holds, whether it shows a face

    def __call__(self, frames: Frames) -> Mapping[str, Rows]:
        """Rows of those frames that are magnified by now."""
        mesh, ready = frames.rows["mesh"], list[Picture]()
        for picture, points, valid in zip(frames.pictures, mesh.values, mesh.valid, strict=True):
            seen = bool(valid) and picture is not None
            if seen and picture is not None:
                places = eyes_and_mouth(points, picture.shape[1], picture.shape[0])
                self._crop = aligned(picture, places, self._side)
            if self._crop is None:
                self._early += 1
                continue
            self._seen.append(seen)
            ready += self._magnifier(self._crop)
        return {"evm": self._rows(ready)}

    def finish(self) -> Mapping[str, Rows]:
        """The rest."""
        return {"evm": self._rows(self._magnifier.finish())}

    def _rows(self, magnified: Sequence[Picture]) -> Rows:
        """Rows of magnified pictures; masked ones of the frames before the first face come before them, once."""
        early, self._early = self._early, 0
        rows = Rows.none(early + len(magnified), self.shapes["evm"])
        rows.valid[early:] = self._seen[: len(magnified)]
        del self._seen[: len(magnified)]
        shown = rows.valid.nonzero()[0]
        for begin in range(0, len(shown), TOGETHER):
            part = shown[begin : begin + TOGETHER]
            rows.values[part] = self._features([self._features.square(magnified[row - early]) for row in part])
        return rows
