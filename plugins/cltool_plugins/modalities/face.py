"""Face pictures: what lies in the box of the landmarks, through a frozen backbone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from cltool import Backbone, modality
from cltool.video.modalities import Extractor, Frames, Picture, Rows


@modality(source="Orgil 2022, §3.2.2, §4.2", after=("mesh",))
def face(
    backbone: Backbone,
    device: str,
    *,
    margin: Annotated[int, Field(ge=0, description="pixels by which the landmarks' box is larger on every side")] = 5,
) -> Extractor:
    """The face, cut out by its landmarks and resized to a square, as features of the backbone.

    Gives `face` [F], F the backbone's width (2048 for ResNet-50). The box is the landmarks' and `margin` pixels more;
    its sides are brought to the backbone's size each by itself, so that the square holds the whole face and nothing
    else. Frames without a face are masked.
    """
    return FaceExtractor(SquareFeatures(backbone, device), margin)


class FaceExtractor(Extractor):
    """Boxes of one film's faces through a backbone, a batch of frames at a time."""

    def __init__(self, features: SquareFeatures, margin: int) -> None:
        self._features, self._margin = features, margin
        self.shapes = {"face": (features.width,)}
        self.about = features.about

    def __call__(self, frames: Frames) -> Mapping[str, Rows]:
        """Rows of these frames, at once."""
        mesh, rows = frames.rows["mesh"], Rows.none(len(frames), self.shapes["face"])
        squares: dict[int, Picture] = {}
        for row in map(int, mesh.valid.nonzero()[0]):
            picture = frames.pictures[row]
            if picture is not None and (cut := boxed(picture, mesh.values[row], self._margin)) is not None:
                squares[row] = self._features.square(cut)
        if squares:
            chosen = list(squares)
            rows.values[chosen], rows.valid[chosen] = self._features(list(squares.values())), True
        return {"face": rows}


def boxed(picture: Picture, mesh: NDArray[np.float32], margin: int) -> Picture | None:
    """The part of a picture in the box of a mesh [P, 3] and `margin` pixels around it; None where it lies outside.

    >>> mesh = np.array([(0.2, 0.5, 0), (0.4, 0.9, 0)], np.float32)
    >>> boxed(np.zeros((50, 100, 3), np.uint8), mesh, 5).shape
    (30, 30, 3)
    """
    high, wide = picture.shape[:2]
    places = mesh[:, :2] * (wide, high)
    left, top = np.floor(places.min(0) + 1e-3).astype(int) - margin
    right, bottom = np.ceil(places.max(0) - 1e-3).astype(int) + margin
    cut = picture[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    return cut if cut.size else None


class SquareFeatures:
    """Pictures brought to the square that a backbone sees, and their features, on a device."""

    def __init__(self, backbone: Backbone, device: str) -> None:
        # the backbone would resize to a little more and cut the middle out, which takes a face's rim away
        self._backbone = replace(backbone, transform=replace(backbone.transform, resize=None))
        self._backbone.body.to(device)
        self._device = device
        self.width = backbone.width
        self.about: Mapping[str, Any] = {
            "backbone": backbone.name,
            "width": backbone.width,
            "fingerprint": self._backbone.fingerprint,
        }

    def square(self, picture: Picture) -> Picture:
        """The picture at the backbone's size, its sides each by itself."""
        import cv2

        side = self._backbone.transform.size
        way = cv2.INTER_AREA if min(picture.shape[:2]) > side else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(picture, (side, side), interpolation=way), np.uint8)

    def __call__(self, squares: Sequence[Picture]) -> NDArray[np.float32]:
        """Features float32 [n, width] of n such pictures."""
        pictures = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2)
        return self._backbone(pictures, self._device).float().numpy()
