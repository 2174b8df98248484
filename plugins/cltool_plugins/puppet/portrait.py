"""The still picture that films are made of, and where face and body are in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cltool import CallError
from cltool.progress import Progress
from cltool.video.modalities import Picture
from cltool_plugins.puppet.points import BODY_MIRRORED, FACE_MIRRORED, Points, inside, mirrored

VIEW = 3.5  # side of the square that is shown, in widths of the face
ABOVE = 1.0  # of it above the brows, in heights of the face
SMALLEST_FACE = 40  # pixels; a face with less cannot be moved in ways that one sees

# The astronaut's face, measured once with MediaPipe's face landmarker on skimage.data.astronaut(), 512×512
# (`measured` gives the same): FACE70's points, x and y in pixels.
_ASTRONAUT_FACE = (
    (180.4, 100.8), (180.4, 109.4), (180.8, 128.3), (182.1, 139.3), (184.8, 148.5), (188.6, 155.6), (199.2, 167.2),
    (211.7, 175.4), (220.9, 176.9), (230.2, 176.4), (243.6, 169.6), (255.6, 158.9), (260.4, 152.2), (264.5, 143.4),
    (267.2, 132.8), (269.3, 113.9), (269.7, 105.4), (187.4, 90.2), (191.1, 87.3), (197.0, 86.1), (205.1, 87.3),
    (214.6, 89.3), (235.5, 90.1), (245.4, 89.2), (253.7, 89.1), (259.7, 91.0), (263.2, 94.4), (224.4, 100.9),
    (224.0, 111.2), (223.5, 120.7), (223.2, 126.5), (210.8, 129.0), (217.2, 131.8), (223.0, 132.9), (228.9, 132.3),
    (235.8, 130.2), (194.8, 100.1), (198.7, 97.7), (205.6, 97.9), (213.1, 103.1), (207.1, 103.5), (200.2, 103.2),
    (235.9, 104.4), (243.8, 99.8), (250.9, 100.5), (254.8, 103.3), (248.9, 105.9), (241.8, 105.5), (201.8, 138.7),
    (211.2, 138.6), (216.8, 138.9), (222.9, 140.1), (229.2, 139.3), (234.7, 139.4), (244.0, 140.1), (233.9, 151.5),
    (228.6, 153.6), (222.2, 154.2), (216.0, 153.2), (210.7, 150.8), (203.4, 139.2), (217.2, 141.9), (222.8, 142.7),
    (228.5, 142.3), (242.4, 140.6), (227.8, 148.4), (222.5, 148.7), (217.1, 147.9), (203.0, 100.6), (245.5, 103.0),
)  # fmt: skip

# Her body, read off the picture by eye: number in BODY_25, x and y. What is not listed is hidden or below the picture.
_ASTRONAUT_BODY = {
    0: (223.2, 126.5), 1: (212.0, 250.0), 2: (98.0, 268.0), 3: (48.0, 410.0), 4: (150.0, 495.0), 5: (326.0, 262.0),
    15: (203.0, 100.6), 16: (245.5, 103.0), 17: (179.0, 126.0), 18: (270.0, 132.0),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Portrait:
    """A picture of one person, uint8 [H, W, 3], RGB, and where their points are in it.

    `face` [70, 2] as FACE70 orders them; `body` [25, 2] as BODY_25 does, NaN for what is not to be seen. `name` says
    whose picture it is.
    """

    picture: Picture
    face: Points
    body: Points
    name: str

    def framed(self, size: int) -> Portrait:
        """Head and shoulders, `size` × `size` pixels; what falls outside loses its point.

        >>> astronaut().framed(360).picture.shape
        (360, 360, 3)
        """
        import cv2

        high, wide = self.picture.shape[:2]
        (left, top), (right, bottom) = self.face.min(0), self.face.max(0)
        side = round(min(VIEW * (right - left), high, wide))
        x = round(np.clip((left + right - side) / 2, 0, wide - side))
        y = round(np.clip(top - ABOVE * (bottom - top), 0, high - side))
        cut = self.picture[y : y + side, x : x + side]
        interpolation = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
        shown = np.asarray(cv2.resize(cut, (size, size), interpolation=interpolation), np.uint8)
        face, body = ((points - (x, y) + 0.5) * size / side - 0.5 for points in (self.face, self.body))
        return Portrait(shown, face, inside(body, size, size), self.name)

    def mirrored(self) -> Portrait:
        """Turned left to right."""
        wide = self.picture.shape[1]
        return Portrait(
            np.ascontiguousarray(self.picture[:, ::-1]),
            mirrored(self.face, FACE_MIRRORED, wide),
            mirrored(self.body, BODY_MIRRORED, wide),
            self.name,
        )


def astronaut() -> Portrait:
    """Eileen Collins, photographed by NASA, in the public domain, as scikit-image ships her; no model is needed."""
    from skimage.data import astronaut as picture

    return Portrait(
        np.ascontiguousarray(picture()),
        np.array(_ASTRONAUT_FACE),
        _body(_ASTRONAUT_BODY),
        "NASA portrait of Eileen Collins (public domain), skimage.data.astronaut()",
    )


def _body(listed: dict[int, tuple[float, float]]) -> Points:
    points = np.full((25, 2), np.nan)
    points[list(listed)] = list(listed.values())
    return points


def measured(path: Path, face_model: Path | None, progress: Progress) -> Portrait:
    """Anybody's portrait: MediaPipe's face landmarker finds the face, and the body is taken to be below it.

    Where neck and shoulders are is guessed from the face, as they are in the astronaut's portrait. Raises CallError: no
    picture there, no model, no face in it, several, or one too small to be moved.
    """
    from cltool_plugins.modalities.alignment import similarity

    picture = _opened(path)
    face = _only_face(picture, path, face_model, progress)
    if np.ptp(face[:, 0]) < SMALLEST_FACE:
        raise CallError(
            f"portrait {path}: its face is {np.ptp(face[:, 0]):.0f} pixels wide; take one of {SMALLEST_FACE} or more"
        )
    template = astronaut()
    turn = similarity(template.face, face)
    body = template.body @ turn[:, :2].T + turn[:, 2]
    high, wide = picture.shape[:2]
    return Portrait(picture, face, inside(body, wide, high), path.name)


def _opened(path: Path) -> Picture:
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as file:
            return np.array(ImageOps.exif_transpose(file).convert("RGB"))
    except UnidentifiedImageError:
        raise CallError(f"portrait {path} is no picture; give a JPEG or PNG file") from None
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise CallError(f"portrait {path} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _only_face(picture: Picture, path: Path, face_model: Path | None, progress: Progress) -> NDArray[np.float64]:
    from cltool_plugins.modalities.face70 import FACE70
    from cltool_plugins.modalities.mesh import face_landmarker
    from cltool_plugins.modalities.models import FACE, model_file

    landmarker = face_landmarker(model_file(FACE, face_model, progress), faces=2)
    try:
        found = landmarker(picture, 0.0).face_landmarks
    finally:
        landmarker.close()
    if len(found) != 1:
        many = "several faces" if found else "no face"
        raise CallError(f"portrait {path} shows {many}; take one with a single face, seen from the front")
    high, wide = picture.shape[:2]
    return np.array([(found[0][i].x * wide - 0.5, found[0][i].y * high - 0.5) for i in FACE70])
