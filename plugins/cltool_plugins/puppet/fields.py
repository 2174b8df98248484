"""Displacement fields: smooth ways for a picture's points to move, mixed in any amounts, and turned around to draw it.

Every movement is a weighted sum of fixed fields, each made once for a portrait: a point p goes to
p + Σ wₖ·Fₖ(p). Points follow that directly. A picture needs the other direction, where what is seen at q came from,
which is the fixed point of p = q − Σ wₖ·Fₖ(p).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cltool_plugins.puppet.points import Points

Field = NDArray[np.float32]  # [h, w, 2]: how far a point at each pixel moves, x and y
ROUNDS = 6  # of the fixed point for the whole picture, whose fields are broad
FINE_ROUNDS = 8  # for the face, where lids and lips nearly close
GRID = 128  # nodes along the longer side at which a spline is evaluated; linear in between


@dataclass(frozen=True)
class Box:
    """A part of a picture: `left`, `top`, `right`, `bottom` in pixels, the last two beyond it."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def around(cls, points: Points, margin: float, size: int) -> Box:
        """The smallest box around points with so many pixels to spare, inside a square picture."""
        low = np.clip(np.floor(points.min(0) - margin), 0, size)
        high = np.clip(np.ceil(points.max(0) + margin) + 1, 0, size)
        return cls(int(low[0]), int(low[1]), int(high[0]), int(high[1]))

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of it."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def pixels(self) -> NDArray[np.float32]:
        """Place of each of its pixels in the whole picture, [h, w, 2], x and y."""
        x, y = np.meshgrid(np.arange(self.left, self.right), np.arange(self.top, self.bottom))
        return np.stack([x, y], -1).astype(np.float32)


def spline(at: Points, moves: NDArray[np.float64], box: Box) -> NDArray[np.float32]:
    """Fields [k, h, w, 2] over a box that move the points `at` [n, 2] by `moves` [n, k, 2] and are smooth between them.

    Thin-plate splines, held at the box's edge, where they end.
    """
    import cv2
    from scipy.interpolate import RBFInterpolator

    high, wide = box.bottom - box.top, box.right - box.left
    edge = _edge(box)
    still = np.zeros((len(edge), *moves.shape[1:]))
    values = np.concatenate([moves, still]).reshape(len(at) + len(edge), -1)
    shrink = max(1.0, max(high, wide) / GRID)
    rows, columns = round(high / shrink), round(wide / shrink)
    x, y = np.meshgrid(
        box.left - 0.5 + (np.arange(columns) + 0.5) * wide / columns,
        box.top - 0.5 + (np.arange(rows) + 0.5) * high / rows,
    )
    fitted = RBFInterpolator(np.concatenate([at, edge]), values)(np.stack([x.ravel(), y.ravel()], 1))
    coarse = fitted.reshape(rows, columns, *moves.shape[1:]).astype(np.float32)
    fields = [cv2.resize(coarse[:, :, k], (wide, high)) for k in range(moves.shape[1])]
    return np.stack(fields) * _faded(high, wide)[None, :, :, None]


def _edge(box: Box, count: int = 10) -> Points:
    x = np.linspace(box.left, box.right - 1, count)
    y = np.linspace(box.top, box.bottom - 1, count)[1:-1]
    sides = [(a, b) for a in x for b in (box.top, box.bottom - 1)] + [(a, b) for b in y for a in (x[0], x[-1])]
    return np.array(sides)


def _faded(high: int, wide: int) -> NDArray[np.float32]:
    """1 inside, falling to 0 at the edge over a tenth of the shorter side."""
    x, y = np.arange(wide), np.arange(high)
    off = np.minimum(np.minimum(x, wide - 1 - x)[None], np.minimum(y, high - 1 - y)[:, None])
    return eased(off / (0.1 * min(high, wide))).astype(np.float32)


def eased(share: NDArray[np.floating]) -> NDArray[np.floating]:
    """From 0 to 1 without a bend at either end: 3x² − 2x³ of a share cut to that range."""
    x = np.clip(share, 0, 1)
    return x * x * (3 - 2 * x)


class Warp:
    """The fields of one portrait: broad ones over the whole picture, fine ones over the face.

    `broad` [k, n, n, 2] over a square picture of side `size`, coarser than that; `fine` [m, h, w, 2] inside `box`.
    `reach` pixels by which broad fields may carry the box away.
    """

    def __init__(self, size: int, broad: Field, fine: Field, box: Box, reach: float) -> None:
        corners = np.array([(box.left, box.top), (box.right - 1, box.bottom - 1)], float)
        self._size = size
        self._count = broad.shape[1]
        self._cell = np.float32(size / self._count)  # pixels between two nodes
        self._nodes = Box(0, 0, self._count, self._count).pixels
        self._broad = broad.reshape(len(broad), -1)
        self._shown = Box.around(corners, reach, size)  # where the face may be seen
        rows, columns = box.slices
        top, left = self._shown.top, self._shown.left
        self._corner = np.array([left, top], np.float32)
        self._local = self._shown.pixels - self._corner
        padded = np.zeros((len(fine), *self._local.shape), np.float32)
        padded[:, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = fine
        self._fine = padded.reshape(len(fine), -1)
        self._pixels = Box(0, 0, size, size).pixels

    def sources(self, broad: NDArray[np.float32], fine: NDArray[np.float32]) -> Field:
        """Where each pixel of the moved picture comes from, [S, S, 2], under weights `broad` [k], `fine` [m]."""
        import cv2

        side, inside = (self._size, self._size), self._shown.slices
        moved = (broad @ self._broad).reshape(self._nodes.shape)
        nodes_moved = moved / self._cell
        came = _fixed_point(self._nodes, nodes_moved, self._nodes - nodes_moved, ROUNDS)
        sources = np.asarray(self._pixels + cv2.resize((came - self._nodes) * self._cell, side), np.float32)
        both = cv2.resize(moved, side)[inside] + (fine @ self._fine).reshape(self._local.shape)
        guess = sources[inside] - self._corner
        sources[inside] = self._corner + _fixed_point(self._local, both, guess, FINE_ROUNDS)
        return sources

    def at(self, points: Points) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """How each field moves points [n, 2]: broad [k, n, 2] and fine [m, n, 2], to be weighted and added."""
        coarse = (points + 0.5) / self._cell - 0.5
        broad = [sampled(field, coarse) for field in self._broad.reshape(-1, self._count, self._count, 2)]
        local = points - self._corner
        fine = [sampled(field, local) for field in self._fine.reshape(-1, *self._local.shape)]
        return np.stack(broad), np.stack(fine)


def nodes(size: int, count: int) -> NDArray[np.float32]:
    """Places in a picture of side `size` of `count` × `count` nodes that share it evenly, [n, n, 2], x and y.

    They are the middles of equal cells, as OpenCV resizes.

    >>> nodes(8, 2)[0]
    array([[1.5, 1.5],
           [5.5, 1.5]], dtype=float32)
    """
    along = ((np.arange(count) + 0.5) * size / count - 0.5).astype(np.float32)
    return np.stack(np.meshgrid(along, along), -1)


def _fixed_point(at: Field, moved: Field, guess: Field, rounds: int) -> Field:
    import cv2

    came = guess
    for _ in range(rounds):
        came = at - warped(moved, came, cv2.INTER_LINEAR)
    return came


def warped(picture: NDArray[Any], sources: Field, interpolation: int) -> NDArray[Any]:
    """A picture or field [h, w, …] seen where `sources` [h', w', 2] say, its edge's value beyond it: [h', w', …]."""
    import cv2

    whole: Any = None  # OpenCV's stubs do not know of maps with both coordinates in one
    return np.asarray(cv2.remap(picture, sources, whole, interpolation, borderMode=cv2.BORDER_REPLICATE))


def sampled(field: Field, points: Points) -> NDArray[np.float64]:
    """A field [h, w, 2] at points [n, 2] between its pixels; the edge's value beyond it."""
    from scipy.ndimage import map_coordinates

    places = points[:, ::-1].T
    return np.stack([map_coordinates(field[..., c], places, order=1, mode="nearest") for c in (0, 1)], 1).astype(float)
